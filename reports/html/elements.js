// SPDX-License-Identifier: Apache-2.0
// The small pieces that the page is made of.
"use strict";

function element(parent, tag, properties = {}, text) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.startsWith("on"))
            node.addEventListener(name.slice(2), value);
        else if (value === true)
            node.setAttribute(name, "");
        else if (value !== false && value != null)
            node.setAttribute(name, value);
    }
    if (text != null) node.textContent = text;
    parent?.append(node);
    return node;
}

function section(id, title, note) {
    const node = element(document.getElementById("report"), "section", {id});
    element(node, "h2", {}, title);
    if (note) element(node, "p", {class: "note"}, note);
    return node;
}

function choice(parent, label, options, value, onChange) {
    const box = element(parent, "label", {}, `${label} `);
    const select =
        element(box, "select", {onchange: () => onChange(options[select.selectedIndex].value)});
    options.forEach(
        (option) => element(select, "option", {selected: option.value === value}, option.text));
    return select;
}

// A chart that follows the width of the page, with buttons for its files. `rows` are the CSV's.
function chart(parent, title, rows, draw) {
    const node = element(parent, "figure");
    const caption = element(node, "figcaption", {}, title);
    const buttons = element(caption, "span", {class: "save"}, "save ");
    const svg = d3.select(node).append("svg").attr("role", "img").attr("aria-label", title);
    const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "_");
    const button = (kind, make) => element(
        buttons, "button",
        {type: "button", onclick: async () => save(`${name}.${kind.toLowerCase()}`, await make())},
        kind);
    button("SVG", () => new Blob([svgText(svg.node())], {type: "image/svg+xml"}));
    button("PNG", () => pngOf(svg.node()));
    button("CSV", () => new Blob([csvText(rows)], {type: "text/csv"}));
    let drawn = 0;
    const redraw = () => {
        if (!node.isConnected) return;
        const style = getComputedStyle(node);
        const width = Math.floor(
            node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
        if (width <= 0 || width === drawn) return;
        drawn = width;
        svg.selectAll("*").remove();
        svg.attr("width", width);
        const height = draw(svg, width);
        svg.attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    };
    redraw();
    new ResizeObserver(redraw).observe(node);
}
