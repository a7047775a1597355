# SPDX-License-Identifier: Apache-2.0
"""Figures by matplotlib; each draws on the axes that it gets, or on new ones, and returns them."""

import re

import matplotlib.pyplot as plt

from axesim.results import pareto_front

PARTS = ("dram", "sram", "multiplier", "inner_accumulator", "outer_accumulator", "vector_unit",
         "memory_interface", "interconnect", "leakage")


def plot_front(table, x, y, color=None, axes=None):
    """Two columns of a sweep's table, less being better in both, and the line below which nothing
    was found. `color` is a column that tells the points apart."""
    axes = axes or plt.subplots(layout="constrained")[1]
    for value, rows in [(None, table)] if color is None else table.groupby(color):
        axes.plot(rows[x], rows[y], "o", label=value)
    front = pareto_front(table, [x, y]).sort_values([x, y])
    axes.step(front[x], front[y], where="post", color="black", linewidth=1, zorder=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if color is not None:
        axes.legend(title=color)
    return axes


def plot_breakdown(results, phase="decode", axes=None):
    """Energy of a phase by part, joules: a bar a result of {name: load_run(...)}."""
    axes = axes or plt.subplots(layout="constrained", figsize=(9, 2 + 0.4 * len(results)))[1]
    energies = {name: result["energy"] for name, result in results.items()}
    parts = {name: (energy["decode"] if phase == "decode" else energy)["by_part"]
             for name, energy in energies.items()}
    left = [0.0] * len(parts)
    for part in PARTS:
        widths = [values[part] for values in parts.values()]
        axes.barh(list(parts), widths, left=left, label=part.replace("_", " "))
        left = [a + b for a, b in zip(left, widths)]
    axes.invert_yaxis()
    axes.set_xlabel(f"J, {phase}")
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=4)
    return axes


def plot_layers(layers, column="sqnr_db", axes=None):
    """A column of load_layers(...) as a map: operations of a block by blocks."""
    axes = axes or plt.subplots(layout="constrained", figsize=(9, 4))[1]
    measured = layers[layers[column].notna()]
    places = [re.search(r"layers\.(\d+)\.(.*)", name) for name in measured.index]
    inside = measured[[place is not None for place in places]].copy()
    inside["block"] = [int(place[1]) for place in places if place]
    inside["operation"] = [place[2] for place in places if place]
    rows = list(dict.fromkeys(inside["operation"]))
    table = inside.pivot(index="operation", columns="block", values=column).loc[rows]
    image = axes.imshow(table.astype(float), aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(0, len(table.columns), 5), table.columns[::5])
    axes.set_xlabel("block")
    axes.figure.colorbar(image, ax=axes, label=column)
    return axes
