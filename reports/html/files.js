// SPDX-License-Identifier: Apache-2.0
// Files for papers and spreadsheets: SVG, PNG and CSV of what the page shows.
"use strict";

function save(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csvText(rows) {
    const field = (value) =>
        /[",\n]/.test(value ?? "") ? `"${String(value).replace(/"/g, "\"\"")}"` : value ?? "";
    const names = [...new Set(rows.flatMap(Object.keys))];
    return [names, ...rows.map((row) => names.map((name) => row[name]))]
               .map((row) => row.map(field).join(","))
               .join("\n") +
        "\n";
}

// The SVG as a file of its own: in light colours, styles written into its elements.
function svgText(svg) {
    document.documentElement.classList.add("paper");
    const copy = svg.cloneNode(true);
    const properties =
        ["fill", "stroke", "stroke-width", "opacity", "font-family", "font-size", "font-weight"];
    const originals = [svg, ...svg.querySelectorAll("*")],
          copies = [copy, ...copy.querySelectorAll("*")];
    originals.forEach((original, i) => {
        const style = getComputedStyle(original);
        for (const property of properties)
            copies[i].style.setProperty(property, style.getPropertyValue(property));
        copies[i].removeAttribute("tabindex");
    });
    document.documentElement.classList.remove("paper");
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return new XMLSerializer().serializeToString(copy);
}

async function pngOf(svg) {
    const scale = 3, image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = scale * svg.clientWidth;
    canvas.height = scale * svg.clientHeight;
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
}
