// SPDX-License-Identifier: Apache-2.0
// Charts by D3: each draws into an SVG of a given width and knows nothing of the page around it.
"use strict";

const PALETTE = d3.schemeTableau10;

// ---- what all charts share

function showTip(event, text) {
    const tip = document.getElementById("tip");
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect(), mark = event.target.getBoundingClientRect();
    const x = event.clientX ?? mark.right, y = event.clientY ?? mark.bottom;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 4))}px`;
    tip.style.top =
        `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 18}px`;
}

function hideTip() {
    document.getElementById("tip").hidden = true;
}

// Marks tell `textOf` their datum under the pointer and with the keyboard's focus.
function explain(marks, textOf) {
    marks.attr("tabindex", 0)
        .attr("aria-label", textOf)
        .on("mousemove focus", (datum) => showTip(d3.event, textOf(datum)))
        .on("mouseleave blur", hideTip);
}

// Coloured names under the caption, as many a line as fit. Returns the height.
function legend(svg, width, entries) {
    const group = svg.append("g").attr("class", "legend");
    let x = 0, y = 14;
    for (const {name, color} of entries) {
        const entry = group.append("g");
        entry.append("rect")
            .attr("width", 10)
            .attr("height", 10)
            .attr("y", -9)
            .attr("rx", 2)
            .attr("fill", color);
        entry.append("text").attr("x", 14).text(name);
        const needed = entry.node().getBBox().width + 12;
        if (x > 0 && x + needed > width) {
            x = 0;
            y += 17;
        }
        entry.attr("transform", `translate(${x},${y})`);
        x += needed;
    }
    return entries.length > 0 ? y + 8 : 0;
}

// Logarithmic where values spread over more than a decade.
function scaleOf(values, logarithmic) {
    const [low, high] = d3.extent(values);
    const spread = low > 0 && high / low > 10;
    const margin = Math.max(0.08 * (high - low), 0.02 * Math.abs(high)) || 1;
    return logarithmic || spread ?
        d3.scaleLog().domain([low / 1.15, high * 1.15]) :
        d3.scaleLinear()
            .domain([low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin])
            .nice();
}

function axes(svg, {x, y, left, right, top, bottom, xLabel, yLabel, xShow, yShow}) {
    const ticks = (scale, wanted) => {
        if (!scale.base) return scale.ticks(wanted);
        const all = scale.ticks(),
              tens = all.filter((tick) => tick.toExponential().startsWith("1e"));
        return tens.length > 1 ? tens :
                                 all.filter((_, i) => i % Math.ceil(all.length / wanted) === 0);
    };
    const wide = Math.max(2, Math.floor((right - left) / 90));
    const draw = (axis, scale, count, show, place, size) => {
        const group = svg.append("g").attr("class", "axis grid").attr("transform", place);
        group.call(axis(scale)
                       .tickValues(ticks(scale, count))
                       .tickFormat(show)
                       .tickSize(size)
                       .tickPadding(6));
        group.select(".domain").remove();
    };
    draw(d3.axisBottom, x, wide, xShow, `translate(0,${bottom})`, -(bottom - top));
    draw(d3.axisLeft, y, 6, yShow, `translate(${left},0)`, -(right - left));
    svg.append("text")
        .attr("class", "muted")
        .attr("x", right)
        .attr("y", bottom + 36)
        .attr("text-anchor", "end")
        .text(xLabel);
    svg.append("text").attr("class", "muted").attr("x", 0).attr("y", top - 10).text(yLabel);
}

// ---- charts; each returns its height

// points: [{x, y, color, text, picked}]; front: the points that a line joins.
function drawScatter(svg, width, {points, front, xFigure, yFigure, colors, onPick}) {
    const top = legend(svg, width, colors) + 26, left = 66, right = width - 26, bottom = top + 320;
    const x = scaleOf(points.map((point) => point.x)).range([left, right]);
    const y = scaleOf(points.map((point) => point.y)).range([bottom, top]);
    axes(svg, {
        x,
        y,
        left,
        right,
        top,
        bottom,
        xShow: xFigure.show,
        yShow: yFigure.show,
        xLabel: `${xFigure.label} →`,
        yLabel: `↑ ${yFigure.label}`
    });
    const step = xFigure.better < 0 ? d3.curveStepAfter : d3.curveStepBefore;
    svg.append("path")
        .attr("class", "front")
        .attr(
            "d",
            d3.line()
                .curve(step)
                .x((point) => x(point.x))
                .y((point) => y(point.y))(
                    front.slice().sort((a, b) => a.x - b.x || (a.y - b.y) * yFigure.better)));
    const marks = svg.append("g")
                      .selectAll("circle")
                      .data(points)
                      .enter()
                      .append("circle")
                      .attr("class", (point) => `mark${point.picked ? " picked" : ""}`)
                      .attr("cx", (point) => x(point.x))
                      .attr("cy", (point) => y(point.y))
                      .attr("r", 6)
                      .attr("fill", (point) => point.color)
                      .on("click", onPick);
    explain(marks, (point) => point.text);
    return bottom + 44;
}

// bars: [{label, parts: {name: value}}]; names: {part: how it is called}. As shares of the bar's
// sum, or in units of the longest bar.
function drawBars(svg, width, {bars, names, show, shares, onPick}) {
    const parts = Object.keys(names).filter((part) => bars.some((bar) => bar.parts[part] > 0));
    const color = (part) => PALETTE[Object.keys(names).indexOf(part) % PALETTE.length];
    const top = legend(svg, width, parts.map((part) => ({name: names[part], color: color(part)})));
    const sum = (bar) => d3.sum(Object.keys(names), (part) => bar.parts[part] ?? 0);
    const longest = d3.max(bars, sum);
    const rowHeight = 42;
    bars.forEach((bar, i) => {
        const row = svg.append("g").attr("transform", `translate(0,${top + i * rowHeight})`);
        const total = sum(bar);
        row.append("text").attr("y", 14).text(bar.label).call(shorten, width - 90);
        row.append("text")
            .attr("y", 14)
            .attr("x", width)
            .attr("text-anchor", "end")
            .attr("class", "muted")
            .text(show(total));
        const scale = (shares ? width / total : width / longest) || 0;
        let x = 0;
        const pieces = parts.map((part) => {
            const piece = {part, value: bar.parts[part] ?? 0, x};
            x += piece.value * scale;
            return piece;
        });
        const marks = row.selectAll("rect")
                          .data(pieces)
                          .enter()
                          .append("rect")
                          .attr("class", "mark")
                          .attr("x", (piece) => piece.x)
                          .attr("y", 19)
                          .attr("height", 16)
                          .attr("width", (piece) => piece.value * scale)
                          .attr("fill", (piece) => color(piece.part))
                          .on("click", () => onPick?.(bar));
        explain(
            marks,
            (piece) => `${bar.label}\n${names[piece.part]}: ${show(piece.value)}, ${
                percent(total ? piece.value / total : 0)}`);
    });
    return top + bars.length * rowHeight;
}

// cells: [{row, column, value, text}]; columns in their order.
function drawMap(svg, width, {cells, columns, show}) {
    const rows = [...new Set(cells.map((cell) => cell.row))];
    const left = 138, cellHeight = 17, top = 18;
    const x = d3.scaleBand().domain(columns).range([left, width]).paddingInner(0.06);
    const y =
        d3.scaleBand().domain(rows).range([top, top + rows.length * cellHeight]).paddingInner(0.08);
    const [low, high] = d3.extent(cells, (cell) => cell.value);
    const color = (value) =>
        d3.interpolateViridis(high > low ? 0.05 + 0.9 * (value - low) / (high - low) : 0.5);
    svg.append("g")
        .selectAll("text")
        .data(rows)
        .enter()
        .append("text")
        .attr("x", left - 6)
        .attr("text-anchor", "end")
        .attr("y", (row) => y(row) + 12)
        .text((row) => row)
        .each(function() {
            shorten(d3.select(this), left - 6);
        });
    const every = Math.ceil(24 / x.step());
    svg.append("g")
        .selectAll("text")
        .data(columns.filter((_, i) => i % every === 0))
        .enter()
        .append("text")
        .attr("class", "muted")
        .attr("text-anchor", "middle")
        .attr("y", 11)
        .attr("x", (column) => x(column) + x.bandwidth() / 2)
        .text((column) => column);
    const marks = svg.append("g")
                      .selectAll("rect")
                      .data(cells)
                      .enter()
                      .append("rect")
                      .attr("class", "mark")
                      .attr("x", (cell) => x(cell.column))
                      .attr("y", (cell) => y(cell.row))
                      .attr("width", x.bandwidth())
                      .attr("height", y.bandwidth())
                      .attr("fill", (cell) => color(cell.value));
    explain(marks, (cell) => cell.text);

    const bottom = top + rows.length * cellHeight + 8, steps = 40,
          size = Math.min(160, width - left - 120);
    const scale = svg.append("g").attr("transform", `translate(${left},${bottom})`);
    scale.selectAll("rect")
        .data(d3.range(high > low ? steps : 1))
        .enter()
        .append("rect")
        .attr("height", 10)
        .attr("x", (i) => 52 + i * size / steps)
        .attr("width", size / steps + 0.5)
        .attr("fill", (i) => color(low + (high - low) * i / (steps - 1)));
    scale.append("text").attr("y", 10).attr("x", 46).attr("text-anchor", "end").text(show(low));
    scale.append("text")
        .attr("y", 10)
        .attr("x", high > low ? 58 + size : 64)
        .text(high > low ? show(high) : "everywhere");
    return bottom + 16;
}

// points: rooflinePoints; compute: MACs a second; bandwidth: bytes a second.
function drawRoofline(svg, width, {points, compute, bandwidth}) {
    const color = new Map(points.map(
        (point,
         i) => [point, point.kind === "phase" ? "var(--text)" : PALETTE[i % PALETTE.length]]));
    const top = legend(
                    svg, width,
                    points.map((point) => ({
                                   name: `${point.name} ${d3.format(".0f")(100 * point.share)} %`,
                                   color: color.get(point)
                               }))) +
        26;
    const left = 66, right = width - 26, bottom = top + 300, ridge = compute / bandwidth;
    const xs = points.map((point) => point.x);
    const x = d3.scaleLog().domain([Math.min(...xs, ridge) / 3, Math.max(...xs, ridge) * 3]).range([
        left, right
    ]);
    const y = d3.scaleLog().domain([d3.min(points, (point) => point.y) / 3, compute * 2]).range([
        bottom, top
    ]);
    axes(svg, {
        x,
        y,
        left,
        right,
        top,
        bottom,
        xShow: d3.format(",~g"),
        yShow: si,
        xLabel: "MACs for each byte of DRAM traffic →",
        yLabel: "↑ MACs a second"
    });
    const start = Math.max(x.domain()[0], y.domain()[0] / bandwidth);
    svg.append("path").attr("class", "roof").attr("d", d3.line()([
        [start, start * bandwidth], [ridge, compute], [x.domain()[1], compute]
    ].map(([a, b]) => [x(a), y(b)])));
    svg.append("text")
        .attr("x", right)
        .attr("y", y(compute) - 6)
        .attr("text-anchor", "end")
        .text(`${si(compute)}MAC/s`);
    svg.append("text")
        .attr("x", x(Math.sqrt(start * ridge)) - 6)
        .attr("y", y(Math.sqrt(start * ridge) * bandwidth) - 6)
        .attr("text-anchor", "end")
        .text(`DRAM ${si(bandwidth)}B/s`);
    const symbol = d3.symbol().size(90);
    const marks =
        svg.append("g")
            .selectAll("path")
            .data(points)
            .enter()
            .append("path")
            .attr("class", (point) => point.kind === "phase" ? "mark" : "mark hollow")
            .attr(
                "d",
                (point) => symbol.type(point.kind === "phase" ? d3.symbolStar : d3.symbolCircle)())
            .attr("transform", (point) => `translate(${x(point.x)},${y(point.y)})`)
            .attr(
                "style",
                (point) => point.kind === "phase" ? `fill:${color.get(point)}` :
                                                    `stroke:${color.get(point)};fill:transparent`);
    explain(
        marks,
        (point) => `${point.name}\n${si(point.y)}MAC/s, ${
            d3.format(".3~r")(point.x)} MACs a byte\n${percent(point.share)} of the roof above`);
    return bottom + 44;
}

function shorten(text, width) {
    const node = text.node(), whole = text.text();
    for (let length = whole.length; length > 3 && node.getComputedTextLength() > width; --length) {
        text.text(`${whole.slice(0, length)}…`);
    }
}
