# SPDX-License-Identifier: Apache-2.0
"""The roofline of a result."""

import collections
import math

import matplotlib.pyplot as plt

MARKERS = "osD^v<>ph"


class _Point:
    """Sums of operations: MACs, bytes of the DRAM, clock cycles."""

    def __init__(self):
        self.macs = self.bytes = self.cycles = 0

    def add(self, macs, roofline, cycles, bytes_per_cycle):
        self.macs += macs
        self.bytes += roofline["dram_cycles"] * bytes_per_cycle
        self.cycles += cycles

    def place(self, clock_hz):
        """MACs a byte, MACs a second."""
        return self.macs / self.bytes, self.macs * clock_hz / self.cycles


def _points_of(result):
    """Name to point, of kinds and of phases."""
    bytes_per_cycle = result["peak"]["dram_bits_per_cycle"] / 8
    kinds, phases = collections.defaultdict(_Point), collections.defaultdict(_Point)
    for layer in result["layers"]:
        if layer["macs"] > 0:
            times = layer["count"]
            kinds[layer["kind"]].add(layer["macs"] * times, layer["roofline"],
                                     layer["cycles"] * times, bytes_per_cycle * times)
    for name, phase in result["timing"].items():
        if phase and phase["macs"] > 0:
            phases[name].add(phase["macs"], phase["roofline"], phase["cycles"], bytes_per_cycle)
    return kinds, phases


def plot_roofline(result, axes=None):
    """What the hardware of a result (load_run) could do, and what it did: a point for each kind of
    operation with products, all of the prefill, and one for each phase with everything that it
    did."""
    peak, clock = result["peak"], result["peak"]["clock_hz"]
    kinds, phases = _points_of(result)
    if not phases:
        raise ValueError("the result has no products to draw")
    compute = peak["macs_per_cycle"] * clock
    bandwidth = peak["dram_bits_per_cycle"] / 8 * clock
    ridge = compute / bandwidth
    every = [point.place(clock) for point in [*kinds.values(), *phases.values()]]
    left = min(*(x for x, _ in every), ridge) / 3
    right = max(*(x for x, _ in every), ridge) * 8
    low = min(y for _, y in every) / 4

    axes = axes or plt.subplots(figsize=(9, 5.5), layout="constrained")[1]
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(low, compute * 2.5))
    axes.plot([left, ridge, right], [left * bandwidth, compute, compute], color="black", zorder=1)
    axes.axvline(ridge, color="grey", linestyle=":", linewidth=0.8, zorder=0)
    axes.annotate(f"{compute / 1e9:,.0f} GMAC/s: every multiplier, every cycle", (right, compute),
                  (-6, 5), textcoords="offset points", ha="right", fontsize=9)
    colors = plt.get_cmap("tab10")
    # Hollow and of different shapes: k_proj and v_proj fall on one place.
    for i, (name, point) in enumerate(kinds.items()):
        axes.plot(*point.place(clock), MARKERS[i % len(MARKERS)], color=colors(i % 10),
                  markersize=9, markerfacecolor="none", markeredgewidth=1.6,
                  label=_label(name, point, result))
    for marker, (name, point) in zip("*P", phases.items()):
        axes.plot(*point.place(clock), marker, color="black", markersize=10,
                  label=_label(f"whole {name}", point, result))
    axes.set_xlabel("arithmetic intensity: MACs for each byte of DRAM traffic")
    axes.set_ylabel("MACs a second")
    axes.set_title(f"{result['name']}, {result['provenance']['model']}", loc="left")
    axes.grid(which="major", color="0.9")
    axes.legend(title="share of the roof above", fontsize=8, title_fontsize=8, loc="lower right")
    axes.figure.draw_without_rendering()  # settles where things are, which the slope depends on
    middle = math.sqrt(left * ridge)
    ends = axes.transData.transform([(left, left * bandwidth), (ridge, compute)])
    slope = math.degrees(math.atan2(*(ends[1] - ends[0])[::-1]))
    axes.annotate(f"{bandwidth / 1e9:,.1f} GB/s: DRAM", (middle, middle * bandwidth), (-4, 4),
                  textcoords="offset points", fontsize=9, ha="center", va="bottom",
                  rotation=slope, rotation_mode="anchor")
    return axes


def _label(name, point, result):
    """The name with how near its roof the point comes."""
    peak = result["peak"]
    roof = max(point.macs / peak["macs_per_cycle"],
               point.bytes * 8 / peak["dram_bits_per_cycle"])
    return f"{name}  {100 * roof / point.cycles:.0f} %"
