// SPDX-License-Identifier: Apache-2.0
// What the page shows of a result: figures by their places in result.json, parts, colours, fronts.
// What a figure means, and its unit, stands in result.schema.json, which the page carries.
"use strict";

const si = (value) => d3.format(".3~s")(value).replace(/([a-zµμ])$/i, " $1");
const withUnit = (unit) => (value) => {
    const text = si(value);
    return text.includes(" ") ? text + unit : `${text} ${unit}`;
};
const percent = (share) => `${d3.format(".1f")(100 * share)} %`;
const fixed = (digits) => d3.format(`,.${digits}f`);

// `better`: 1 when more is better, -1 when less is. `range`: where the least and the most stand
// that uncertain costs leave, and the figure that these two are of.
const FIGURES = [
    {
        label: "perplexity",
        pointer: "/accuracy/perplexity_quantized",
        better: -1,
        show: (value) => fixed(value < 1000 ? 2 : 0)(value)
    },
    {label: "perplexity kept", pointer: "/accuracy/retained", better: 1, show: percent},
    {
        label: "KL divergence, nats a token",
        pointer: "/accuracy/kl_divergence",
        better: -1,
        show: fixed(3)
    },
    {label: "same top token", pointer: "/accuracy/top1_agreement", better: 1, show: percent},
    {label: "inner overflow events", pointer: "/overflow/inner_events", better: -1, show: fixed(0)},
    {label: "outer overflow events", pointer: "/overflow/outer_events", better: -1, show: fixed(0)},
    {label: "prefill time", pointer: "/timing/prefill/seconds", better: -1, show: withUnit("s")},
    {
        label: "decoded tokens a second",
        pointer: "/timing/decode/tokens_per_second",
        better: 1,
        show: si
    },
    {
        label: "prefill energy",
        pointer: "/energy/total_j",
        range: {pointer: "/energy/range", whole: "/energy/total_j"},
        better: -1,
        show: withUnit("J")
    },
    {
        label: "energy of a decoded token",
        pointer: "/energy/decode/per_token_j",
        range: {pointer: "/energy/decode/range", whole: "/energy/decode/total_j"},
        better: -1,
        show: withUnit("J")
    },
    {
        label: "area, mm²",
        pointer: "/area/total_mm2",
        range: {pointer: "/area/range", whole: "/area/total_mm2"},
        better: -1,
        show: d3.format(".3r")
    },
    {
        label: "prefill: multipliers used",
        pointer: "/timing/prefill/utilization",
        better: 1,
        show: percent
    },
    {
        label: "decode: multipliers used",
        pointer: "/timing/decode/utilization",
        better: 1,
        show: percent
    },
    {
        label: "prefill: useful bits on the bus",
        pointer: "/memory/bus_efficiency",
        better: 1,
        show: percent
    },
    {
        label: "decode: useful bits on the bus",
        pointer: "/memory/decode/bus_efficiency",
        better: 1,
        show: percent
    },
    {label: "prefill: DRAM row hits", pointer: "/memory/row_hit_rate", better: 1, show: percent},
    {
        label: "decode: DRAM row hits",
        pointer: "/memory/decode/row_hit_rate",
        better: 1,
        show: percent
    },
];
FIGURES.forEach((figure) => {
    figure.of = (result) => number(at(result, figure.pointer));
});

// [least, most] of a figure, by the uncertainty of its costs; null where there is none.
function rangeOf(figure, result) {
    const range = figure.range ? at(result, figure.range.pointer) : null;
    if (!range) return null;
    const share = figure.of(result) / number(at(result, figure.range.whole));
    return Object.values(range).map((value) => value * share).sort((a, b) => a - b);
}

// A figure of a result as text, with its range.
function shown(figure, result) {
    const range = rangeOf(figure, result);
    const text = figure.show(figure.of(result));
    return range ? `${text} (${range.map(figure.show).join(" .. ")})` : text;
}

const figureAt = (pointer) => FIGURES.find((figure) => figure.pointer === pointer);

// The first of each row that every design has, as an axis of the Pareto front.
const OBJECTIVES = [
    ["/accuracy/perplexity_quantized"],
    ["/energy/decode/per_token_j", "/energy/total_j"],
    ["/area/total_mm2"],
    ["/timing/decode/tokens_per_second", "/timing/prefill/seconds"],
];

const PARTS = {
    dram: "DRAM",
    sram: "buffers",
    multiplier: "multipliers",
    inner_accumulator: "inner accumulators",
    outer_accumulator: "outer accumulators",
    vector_unit: "vector unit",
    memory_interface: "memory interface",
    interconnect: "interconnect",
    leakage: "leakage",
};
const CYCLES = {
    busy: "busy",
    dram: "wait for DRAM",
    fill_drain: "fill and drain",
    buffer: "wait for buffers",
    vector_unit: "wait for the vector unit",
    clusters: "wait for other clusters",
};
const BITS = {
    payload: "useful",
    metadata: "scales and sums",
    padding: "padding",
    burst_tail: "ends of bursts"
};

// Of an operation, for the map of layers.
const QUANTITIES = [
    {label: "signal to error, dB", of: (layer) => layer.sqnr_db, show: fixed(1)},
    {
        label: "inner accumulator: bits between proven and seen",
        of: (layer) => layer.headroom_bits && layer.headroom_bits.inner,
        show: fixed(2)
    },
    {
        label: "inner accumulator: bits above those it needs",
        of: (layer) => layer.inner_bits_needed && layer.inner_bits - layer.inner_bits_needed.exact,
        show: fixed(0)
    },
    {label: "weight bits", of: (layer) => layer.weight_bits, show: fixed(0)},
    {label: "prefill energy", of: (layer) => layer.energy_j, show: withUnit("J")},
    {label: "share of the roof", of: (layer) => layer.roofline.share_of_roof, show: percent},
    {
        label: "cycles that wait for DRAM",
        of: (layer) => layer.cycles ? layer.stall_cycles.dram / layer.cycles : null,
        show: percent
    },
    {label: "prefill cycles", of: (layer) => layer.cycles, show: si},
    {label: "activation bits", of: (layer) => layer.activation_bits, show: fixed(0)},
    {label: "inner accumulator bits", of: (layer) => layer.inner_bits, show: fixed(0)},
    {label: "outer accumulator bits", of: (layer) => layer.outer_bits, show: fixed(0)},
    {label: "overflow events", of: (layer) => layer.overflow_events, show: fixed(0)},
];

function number(value) {
    return typeof value === "number" && isFinite(value) ? value : null;
}

// The value at a JSON pointer, null where there is none.
function at(json, pointer) {
    return pointer.slice(1).split("/").reduce((value, name) => value?.[name] ?? null, json);
}

// What the schema says of the figure at a JSON pointer.
function describe(schema, pointer) {
    const resolve = (node) => node?.$ref ? {...at(schema, node.$ref.slice(1)), ...node} : node;
    let node = schema;
    for (const name of pointer.slice(1).split("/")) {
        const alternatives = [node, ...(node?.anyOf ?? node?.oneOf ?? [])].map(resolve);
        node = resolve(alternatives.map((one) => one?.properties?.[name]).find(Boolean));
    }
    return node?.description ?? "";
}

const phaseOf = (object, phase) => phase === "decode" ? object.decode : object.prefill ?? object;

// {part: joules}, {cause: cycles}, {use: bits} of a phase; null where it was not simulated.
function energyParts(result, phase) {
    return phaseOf(result.energy, phase)?.by_part ?? null;
}
function cycleParts(result, phase) {
    const timing = phaseOf(result.timing, phase);
    return timing && {busy: timing.busy_cycles, ...timing.stall_cycles};
}
function bitParts(memory) {
    return memory &&
        Object.fromEntries(Object.keys(BITS).map((use) => [use, memory[`${use}_bits`]]));
}

// Designs that no other beats or equals in everything: those with all of the figures only.
function paretoFront(designs, figures) {
    const cost = (design) => figures.map((figure) => -figure.better * figure.of(design.result));
    const known =
        designs.filter((design) => figures.every((figure) => figure.of(design.result) !== null));
    const costs = new Map(known.map((design) => [design, cost(design)]));
    const beats = (a, b) =>
        a.every((value, i) => value <= b[i]) && a.some((value, i) => value < b[i]);
    return known.filter(
        (design) => !known.some((other) => beats(costs.get(other), costs.get(design))));
}

// Points of a roofline: sums over operations of a kind (all of the prefill), and whole phases.
function rooflinePoints(result) {
    const {dram_bits_per_cycle: bits, clock_hz: clock, macs_per_cycle: peak} = result.peak;
    const point = (name, kind, macs, dramCycles, cycles) => {
        const needed = Math.max(macs / peak, dramCycles);
        return {
            name,
            kind,
            x: macs / (dramCycles * bits / 8),
            y: macs * clock / cycles,
            share: needed / cycles
        };
    };
    const products = (result.layers ?? []).filter((layer) => layer.macs > 0);
    const kinds = d3.nest().key((layer) => layer.kind).entries(products).map(({key, values}) => {
        const sum = (of) => d3.sum(values, (layer) => layer.count * of(layer));
        return point(
            key, "operation", sum((layer) => layer.macs),
            sum((layer) => layer.roofline.dram_cycles), sum((layer) => layer.cycles));
    });
    const phases =
        ["prefill", "decode"].filter((name) => result.timing[name]?.macs > 0).map((name) => {
            const {macs, roofline, cycles} = result.timing[name];
            return point(`whole ${name}`, "phase", macs, roofline.dram_cycles, cycles);
        });
    return [...kinds, ...phases];
}
