// SPDX-License-Identifier: Apache-2.0
// The page: its data, what the reader chose, and when which section is drawn.
"use strict";

const state = {
    filters: new Map(),
    limits: new Map(),
    sort: null,
    picked: null,
    against: null,
    phase: null
};
let data;  // {keys, designs: [{label, config_yaml, result}], missing, schema}

const keyOf = (design, key) => {
    const value = at(design.result.config, `/${key.replaceAll(".", "/")}`);
    return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
};

const known = (figure) => data.designs.some((design) => figure.of(design.result) !== null);
const firstKnown = (pointers) => pointers.map(figureAt).find(
    (figure) => data.designs.every((design) => figure.of(design.result) !== null));
const objectives = () => OBJECTIVES.map(firstKnown).filter(Boolean);
const numeric = (text) => text !== "" && isFinite(text);
const byValue = (a, b) => numeric(a) && numeric(b) ? a - b : d3.ascending(a, b);
const several = () => data.designs.length > 1;
const phases = () => ["prefill", "decode"].filter(
    (phase) => data.designs.some((design) => design.result.timing[phase]));

function chosen() {
    const designs = data.designs.filter(
        (design) => [...state.filters].every(
                        ([key, without]) => !without.has(keyOf(design, key))) &&
            [...state.limits].every(([figure, limit]) => {
                const value = figure.of(design.result);
                return value !== null && (figure.better < 0 ? value <= limit : value >= limit);
            }));
    if (state.sort === null) return designs;
    const {of, falling} = state.sort;
    return designs.sort((a, b) => {
        const [x, y] = [of(a), of(b)];
        if (x === null || y === null) return (x === null) - (y === null);
        return (falling ? -1 : 1) * (typeof x === "string" ? byValue(x, y) : x - y);
    });
}

function pick(design) {
    state.picked = design;
    hideTip();
    render();
}

const summary =
    (design) => [design.label,
                 ...FIGURES.filter((figure) => figure.of(design.result) !== null)
                     .slice(0, 11)
                     .map((figure) => `${figure.label}: ${shown(figure, design.result)}`)]
                    .join("\n");

// What depends on which designs are shown.
function renderDesigns() {
    const designs = chosen();
    const fill = (id, show) => {
        const node = document.getElementById(id);
        if (!node) return;
        node.querySelectorAll(":scope > :not(h2):not(.fixed)").forEach((child) => child.remove());
        show(node, designs);
    };
    fill("scatter", showScatter);
    fill("table", showTable);
    fill("parts", showBreakdowns);
    hideTip();
}

// Everything below the title; the reader stays where she was.
function render() {
    const scrolled = scrollY;
    const report = document.getElementById("report");
    report.style.minHeight = `${report.clientHeight}px`;
    report.replaceChildren();
    (several() ? showBest : showFigures)(section("summary", "Summary"));
    if (several()) {
        showFilters(section("filters", "Which designs"));
        section("scatter", "Accuracy, energy, area and speed");
        section("table", "All designs");
    }
    section("parts", "Where energy, area and time go");
    renderDesigns();
    showDesign(section("design", `Inside ${state.picked.label}`));
    if (several()) showComparison(section("comparison", "Two designs"));
    showSources(section("sources", "Units and sources"));
    showConfig(section("config", "Config to copy"));
    report.style.minHeight = "";
    scrollTo(0, scrolled);
}

async function start() {
    const packed = Uint8Array.from(
        atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    data = await new Response(plain).json();
    state.picked = data.designs[0];
    if (several()) {
        state.picked = paretoFront(data.designs, objectives())[0] ?? data.designs[0];
        state.against = data.designs.find((design) => design !== state.picked);
    }
    state.phase = phases().at(-1);
    const title = several() ? `${data.designs.length} designs` : data.designs[0].label;
    document.title = `axesim: ${title}`;
    document.getElementById("title").textContent = title;
    const models = [...new Set(data.designs.map((design) => design.result.provenance.model))];
    document.getElementById("subtitle").textContent = models.join(", ") +
        (data.missing.length > 0 ?
             `. Without a result, failed or not yet run: ${data.missing.join("; ")}` :
             "");
    render();
    document.body.dataset.ready = "true";
}

start();
