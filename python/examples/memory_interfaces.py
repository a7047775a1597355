# SPDX-License-Identifier: Apache-2.0
"""What widths, layouts and bursts of a memory interface are worth: a sweep, a table and figures.

  python/examples/memory_interfaces.py [OUT_DIR [SWEEP.yaml]]

Cells begin with "# %%". On SmolLM2 the sweep takes minutes, as it needs no values."""

# %% The sweep. Run again, it does only what is not finished.
import pathlib
import sys

import axesim

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "out/interfaces")
SWEEP = sys.argv[2] if len(sys.argv) > 2 else "configs/sweeps/memory_interfaces.yaml"
ENERGY, AREA = "decode_energy_joules_per_token", "area_mm2"

table = axesim.sweep(SWEEP, OUT, {"workload.timing_only": True}, allow_failures=True)
table = table[table["error"].isna()]
print(table[["decode_tokens_per_second", "decode_bus_efficiency", ENERGY, AREA]])

# %% What no other design beats in energy, area and speed
front = axesim.pareto_front(table, [ENERGY, AREA], larger=["decode_tokens_per_second"])
print(front[[ENERGY, AREA, "decode_tokens_per_second"]])
axesim.plot_front(table, AREA, ENERGY).figure.savefig(OUT / "front.svg")

# %% Where the energy goes in the cheapest and the dearest
ends = table[ENERGY].sort_values().index[[0, -1]]
results = {name: axesim.load_run(OUT / "points" / name) for name in ends}
axesim.plot_breakdown(results).figure.savefig(OUT / "energy.svg")

# %% Inside the cheapest
axesim.plot_roofline(results[ends[0]]).figure.savefig(OUT / "roofline.svg")
layers = axesim.load_layers(OUT / "points" / ends[0])
axesim.plot_layers(layers, "energy_j").figure.savefig(OUT / "layers.svg")
print(layers.groupby("kind")["energy_j"].sum().sort_values(ascending=False))
