// SPDX-License-Identifier: Apache-2.0
// The sections of the page: each fills a node with what the data and the reader's choices give.
"use strict";

const MOST_BARS = 24;  // of a chart; filters and the order of the table choose which

// The best design of each objective.
function showBest(node) {
    const cards = element(node, "div", {class: "cards wide"});
    for (const figure of objectives()) {
        const cost = (design) => -figure.better * figure.of(design.result);
        const best = data.designs.reduce((one, other) => cost(other) < cost(one) ? other : one);
        const card = element(cards, "div", {class: "card selectable", onclick: () => pick(best)});
        element(card, "span", {}, `best ${figure.label}`);
        element(card, "b", {}, figure.show(figure.of(best.result)));
        element(card, "span", {}, best.label);
    }
}

function showFigures(node) {
    const {result} = state.picked;
    const {hardware, number_format: format, accumulator} = result.config;
    element(node, "p", {}, [
        result.provenance.model,
        result.provenance.quantizer,
        `W${format.weight_bits} A${format.activation_bits}`,
        `inner accumulator ${accumulator.inner_bits} bits, tiles of ${accumulator.tile_size}`,
        (hardware.clusters > 1 ? `${hardware.clusters} clusters of ` : "") +
            `${hardware.array.rows} x ${hardware.array.columns} FMA, ${hardware.clock_mhz} MHz`,
        `${hardware.memory_interface.layout}, ${hardware.dram}`,
        `${result.costs.profile}`,
    ].join(" · "));
    const cards = element(node, "div", {class: "cards"});
    for (const figure of FIGURES) {
        const value = figure.of(result);
        if (value === null) continue;
        const card =
            element(cards, "div", {class: "card", title: describe(data.schema, figure.pointer)});
        element(card, "b", {}, figure.show(value));
        const range = rangeOf(figure, result);
        const between = range ? `, ${range.map(figure.show).join(" .. ")}` : "";
        element(card, "span", {}, figure.label + between);
    }
    const notes = [];
    if (result.accuracy) {
        const {perplexity_float: perplexity, tokens} = result.accuracy;
        const float = figureAt("/accuracy/perplexity_quantized").show(perplexity);
        const count = d3.format(",")(tokens);
        notes.push(`The float model's perplexity is ${float} on the same ${count} tokens.`);
    }
    if (result.overflow)
        notes.push(
            result.overflow.certified ?
                "Certified: no activations in range can overflow an accumulator." :
                "Not certified.");
    if (result.accuracy_not_measured)
        notes.push(`Accuracy was not measured: ${result.accuracy_not_measured}.`);
    if (result.not_counted.length > 0) notes.push(`Not counted: ${result.not_counted.join(", ")}.`);
    element(node, "p", {class: "note"}, notes.join(" "));
}

const worst = (figure) => d3.format(".3~r")(
    d3.max(data.designs, (design) => -figure.better * figure.of(design.result)) * -figure.better);

function showFilters(node) {
    const controls = element(node, "div", {class: "controls"});
    for (const key of data.keys) {
        const values = [...new Set(data.designs.map((design) => keyOf(design, key)))].sort(byValue);
        if (values.length > 12) continue;
        const box = element(controls, "fieldset", {"data-key": key});
        element(box, "legend", {}, key);
        const without = state.filters.get(key) ?? new Set();
        for (const value of values) {
            const label = element(box, "label");
            const input = element(label, "input", {
                type: "checkbox",
                checked: !without.has(value),
                onchange: () => {
                    input.checked ? without.delete(value) : without.add(value);
                    state.filters.set(key, without);
                    renderDesigns();
                }
            });
            label.append(value === "" ? "none" : value);
        }
    }
    const limits = element(controls, "fieldset");
    element(limits, "legend", {}, "limits");
    for (const figure of objectives()) {
        const label =
            element(limits, "label", {}, `${figure.label} ${figure.better < 0 ? "≤" : "≥"} `);
        const input = element(label, "input", {
            type: "number",
            step: "any",
            value: state.limits.get(figure),
            placeholder: worst(figure),
            onchange: () => {
                input.value === "" ? state.limits.delete(figure) :
                                     state.limits.set(figure, input.valueAsNumber);
                renderDesigns();
            }
        });
    }
}

function showScatter(node, designs) {
    const axes = FIGURES.filter(known);
    const [accuracy, energy] =
        [figureAt("/accuracy/perplexity_quantized"), firstKnown(OBJECTIVES[1])];
    state.x ??= energy;
    state.y ??= known(accuracy) ? accuracy : firstKnown(OBJECTIVES[2]);
    state.color ??= data.keys[0];
    const controls = element(node, "div", {class: "controls"});
    const options = axes.map((figure) => ({text: figure.label, value: figure}));
    const set = (name) => (value) => {
        state[name] = value;
        renderDesigns();
    };
    choice(controls, "across", options, state.x, set("x")).id = "scatter-x";
    choice(controls, "up", options, state.y, set("y")).id = "scatter-y";
    if (data.keys.length > 0)
        choice(
            controls, "colour", data.keys.map((key) => ({text: key, value: key})), state.color,
            set("color"));
    const values =
        [...new Set(data.designs.map((design) => keyOf(design, state.color ?? "name")))].sort(
            byValue);
    const color = (value) => values.every(numeric) ?
        d3.interpolateViridis(0.1 + 0.8 * values.indexOf(value) / Math.max(1, values.length - 1)) :
        PALETTE[values.indexOf(value) % PALETTE.length];
    const colors = data.keys.length > 0 && values.length <= 16 ?
        values.map((value) => ({name: value || "none", color: color(value)})) :
        [];
    const points = designs
                       .map((design) => ({
                                design,
                                x: state.x.of(design.result),
                                y: state.y.of(design.result),
                                text: summary(design),
                                color: color(keyOf(design, state.color ?? "name")),
                                picked: design === state.picked,
                            }))
                       .filter((point) => point.x !== null && point.y !== null);
    if (points.length === 0) {
        element(node, "p", {class: "note"}, "No design has both figures.");
        return;
    }
    const front = new Set(paretoFront(designs, [state.x, state.y]));
    const rows = points.map((point) => ({
                                design: point.design.label,
                                [state.x.label]: point.x,
                                [state.y.label]: point.y,
                                on_the_front: front.has(point.design)
                            }));
    chart(
        node, `${state.y.label} against ${state.x.label}`, rows,
        (svg, width) => drawScatter(svg, width, {
            points,
            colors,
            xFigure: state.x,
            yFigure: state.y,
            front: points.filter((point) => front.has(point.design)),
            onPick: (point) => pick(point.design)
        }));
}

function showTable(node, designs) {
    const figures = FIGURES.filter(known);
    const goals = objectives(), front = new Set(paretoFront(data.designs, goals));
    const columns = [
        {name: "design", of: (design) => design.label, show: String},
        {
            name: "Pareto front",
            of: (design) => Number(front.has(design)),
            show: (value) => value ? "●" : "",
            title: `no other design is better in all of: ${
                goals.map((figure) => figure.label).join(", ")}`
        },
        ...data.keys.map((key) => ({name: key, of: (design) => keyOf(design, key), show: String})),
        ...figures.map((figure) => ({
                           name: figure.label,
                           of: (design) => figure.of(design.result),
                           show: figure.show,
                           number: true,
                           title: describe(data.schema, figure.pointer)
                       })),
    ];
    const line = element(
        node, "p", {id: "count"},
        `${designs.length} of ${
            data.designs.length} designs; click a heading to sort, a line to choose a design. `);
    element(
        line, "button", {
            type: "button",
            onclick: () => save(
                "designs.csv",
                new Blob(
                    [csvText(designs.map(
                        (design) => Object.fromEntries(
                            columns.map((column) => [column.name, column.of(design)]))))],
                    {type: "text/csv"}))
        },
        "save CSV");
    const table =
        element(element(node, "div", {class: "scroll tall"}), "table", {class: "designs"});
    const head = element(element(table, "thead"), "tr");
    for (const column of columns) {
        element(
            head, "th", {
                class: `sortable${column.number ? " number" : ""}`,
                title: column.title,
                onclick: () => {
                    state.sort = {
                        name: column.name,
                        of: column.of,
                        falling: state.sort?.name === column.name && !state.sort.falling
                    };
                    renderDesigns();
                }
            },
            column.name +
                (state.sort?.name === column.name ? (state.sort.falling ? " ↓" : " ↑") : ""));
    }
    const body = element(table, "tbody");
    for (const design of designs) {
        const row = element(body, "tr", {
            class: `selectable${design === state.picked ? " selected" : ""}`,
            onclick: () => pick(design)
        });
        for (const column of columns) {
            const value = column.of(design);
            element(
                row, "td", {class: column.number ? "number" : null},
                value === null ? "–" : column.show(value));
        }
    }
}

function showBreakdowns(node, designs) {
    if (phases().length > 1) {
        choice(
            element(node, "div", {class: "controls"}), "phase",
            phases().map((phase) => ({text: phase, value: phase})), state.phase, (phase) => {
                state.phase = phase;
                renderDesigns();
            });
    }
    if (designs.length > MOST_BARS)
        element(
            node, "p", {class: "note"},
            `The first ${MOST_BARS} of ${designs.length} designs, in the order of the table.`);
    const shown = designs.slice(0, MOST_BARS), grid = element(node, "div", {class: "figures"});
    const bars = (title, names, partsOf, show, shares, list = shown) => {
        const drawn =
            list.map((design) => ({label: design.label, design, parts: partsOf(design.result)}))
                .filter((bar) => bar.parts);
        if (drawn.length === 0) return;
        chart(
            grid, title, drawn.map((bar) => ({design: bar.label, ...bar.parts})),
            (svg, width) => drawBars(svg, width, {
                bars: drawn,
                names,
                show,
                shares,
                onPick: (bar) => bar.design && pick(bar.design)
            }));
    };
    const phase = state.phase;
    bars(
        `Energy of the whole ${phase}`, PARTS, (result) => energyParts(result, phase),
        withUnit("J"), false);
    bars(
        "Area", PARTS, (result) => result.area.by_part, (mm2) => `${d3.format(".3r")(mm2)} mm²`,
        false);
    bars(
        `Cycles and what the array waits for, ${phase}`, CYCLES,
        (result) => cycleParts(result, phase), (value) => `${si(value)} cycles`, true);
    const byLayout =
        shown.slice().sort((a, b) => d3.ascending(layoutOf(a.result), layoutOf(b.result)));
    bars(
        `Bits on the bus by layout, ${phase}`, BITS,
        (result) => bitParts(phaseOf({...result.memory, prefill: result.memory}, phase)),
        withUnit("bit"), true,
        byLayout.map(
            (design) => ({...design, label: `${layoutOf(design.result)}: ${design.label}`})));
}

function layoutOf(result) {
    const {layout, bus_bits: bits, burst_beats: beats} = result.config.hardware.memory_interface;
    return `${layout}, ${beats} x ${bits} bits`;
}

function showStreams(node) {
    const memory =
        phaseOf({...state.picked.result.memory, prefill: state.picked.result.memory}, state.phase);
    if (!memory) return;
    const drawn =
        Object.entries(memory.by_stream)
            .filter(([, stream]) => stream.transferred_bits > 0)
            .map(([name, stream]) => ({label: name.replace("_", " "), parts: bitParts(stream)}));
    chart(
        node, `Bits on the bus by stream, ${state.phase}`,
        drawn.map((bar) => ({stream: bar.label, ...bar.parts})),
        (svg, width) =>
            drawBars(svg, width, {bars: drawn, names: BITS, show: withUnit("bit"), shares: true}));
}

function showDesign(node) {
    const {result} = state.picked;
    if (several()) {
        choice(
            element(node, "div", {class: "controls"}), "design",
            data.designs.map((design) => ({text: design.label, value: design})), state.picked,
            pick);
        showFigures(node);
    }
    const grid = element(node, "div", {class: "figures"});
    const points = rooflinePoints(result),
          {clock_hz: clock, macs_per_cycle: macs, dram_bits_per_cycle: bits} = result.peak;
    if (points.length > 0) {
        chart(
            grid, "Roofline", points,
            (svg, width) => drawRoofline(
                svg, width, {points, compute: macs * clock, bandwidth: bits / 8 * clock}));
    }
    showStreams(grid);
    if (!result.layers) {
        element(
            node, "p", {class: "note"},
            "Layers are left out with so many designs; the report in each point's folder has them.");
        return;
    }
    state.maps ??=
        QUANTITIES.filter((one) => result.layers.some((layer) => number(one.of(layer)) !== null))
            .slice(0, 4);
    state.maps.forEach((quantity, i) => showMap(grid, result, quantity, i));
}

function showMap(grid, result, quantity, place) {
    const cells =
        result.layers
            .map((layer) => {
                const [, block, inside] =
                    /layers\.(\d+)\.(.*)/.exec(layer.name) ?? [null, "–", layer.name];
                return {row: inside, column: block, layer: layer.name, value: quantity.of(layer)};
            })
            .filter((cell) => cell.value !== null && cell.value !== undefined);
    cells.forEach((cell) => {
        cell.text = `${cell.layer}\n${quantity.label}: ${quantity.show(cell.value)}`;
    });
    const columns = [...new Set(cells.map((cell) => cell.column))].sort(byValue);
    const holder = element(grid, "div", {class: "map"});
    const usable = QUANTITIES.filter(
        (one) => one === quantity || result.layers.some((layer) => number(one.of(layer)) !== null));
    choice(
        element(holder, "div", {class: "controls"}), "by block, show",
        usable.map((one) => ({text: one.label, value: one})), quantity, (value) => {
            state.maps[place] = value;
            render();
        });
    if (cells.length === 0) {
        element(holder, "p", {class: "note"}, `Not measured: ${quantity.label}.`);
        return;
    }
    chart(
        holder, `Layers: ${quantity.label}`,
        cells.map(({layer, value}) => ({layer, [quantity.label]: value})),
        (svg, width) => drawMap(svg, width, {cells, columns, show: quantity.show}));
}

function showComparison(node) {
    const controls = element(node, "div", {class: "controls"});
    const options = data.designs.map((design) => ({text: design.label, value: design}));
    choice(controls, "from", options, state.against, (design) => {
        state.against = design;
        render();
    }).id = "compare-from";
    choice(controls, "to", options, state.picked, pick).id = "compare-to";
    const table = element(element(node, "div", {class: "scroll"}), "table", {class: "comparison"});
    const row = (cells, tag = "td") => {
        const line = element(table, "tr");
        cells.forEach(([text, kind]) => element(line, tag, {class: kind}, text));
    };
    row([["figure"], ["from", "number"], ["to", "number"], ["change", "number"]], "th");
    for (const figure of FIGURES) {
        const [before, after] =
            [state.against, state.picked].map((design) => figure.of(design.result));
        if (before === null || after === null) continue;
        const change = before === 0 ? (after === 0 ? 0 : null) : after / before - 1;
        const kind = after === before ? "" : (after - before) * figure.better > 0 ? "good" : "bad";
        row([
            [figure.label], [figure.show(before), "number"], [figure.show(after), "number"],
            [change === null ? "" : `${d3.format("+.1f")(100 * change)} %`, `number ${kind}`]
        ]);
    }
    for (const key of data.keys) {
        const [before, after] = [state.against, state.picked].map((design) => keyOf(design, key));
        if (before !== after) row([[key], [before, "number"], [after, "number"], [""]]);
    }
}

function showSources(node) {
    const {costs} = state.picked.result;
    const table = (rows, head) => {
        const body = element(element(node, "div", {class: "scroll"}), "table");
        const line = (cells, tag) => {
            const tr = element(body, "tr");
            cells.forEach((cell) => element(tr, tag, {}, cell));
        };
        line(head, "th");
        rows.forEach((cells) => line(cells, "td"));
    };
    const fold = (title) => {
        const details = element(node, "details");
        element(details, "summary", {}, title);
        return details;
    };
    const figures = fold("What each figure is");
    const costsFold =
        fold(`What energy and area were computed with: ${costs.technology}, ${costs.profile}`);
    const into = (details, rows, head) => {
        table(rows, head);
        details.append(node.lastChild);
    };
    into(
        figures,
        FIGURES.filter(known).map(
            (figure) => [figure.label, describe(data.schema, figure.pointer), figure.pointer]),
        ["figure", "meaning and unit", "place in result.json"]);
    element(costsFold, "p", {class: "note"}, costs.profile_source);
    into(
        costsFold,
        costs.unit_costs.map((cost) => [cost.name, withUnit(cost.unit)(cost.value), cost.source]),
        ["event", "cost", "source"]);
}

function showConfig(node) {
    const {config_yaml: text, label} = state.picked;
    const controls = element(node, "div", {class: "controls"});
    element(
        controls, "button", {
            type: "button",
            onclick: (event) => {
                navigator.clipboard?.writeText(text).then(() => {
                    event.target.textContent = "copied";
                });
            }
        },
        "copy");
    element(
        controls, "button",
        {type: "button", onclick: () => save("config.yaml", new Blob([text], {type: "text/yaml"}))},
        "save");
    const details = element(node, "details");
    element(details, "summary", {}, label);
    element(details, "pre", {}, text);
}
