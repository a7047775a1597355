# SPDX-License-Identifier: Apache-2.0
"""One row of measurements: a design synthesized, timed and simulated."""

import dataclasses
import hashlib
import json
import pathlib

from calibration import designs, energy, liberty, netlist, synthesis, timing

FOLDER = pathlib.Path(__file__).resolve().parent
# What a row depends on besides its design and the library.
CODE = [FOLDER / f"{name}.py" for name in ("boolean", "designs", "energy", "liberty", "measure",
                                           "netlist", "streams", "synthesis", "timing",
                                           "waveforms")]


@dataclasses.dataclass(frozen=True)
class Technology:
    """A library and what it does not say."""

    liberty: pathlib.Path  # as given, perhaps compressed
    wire_ff_per_um: float
    delay_ps: float  # what abc aims at

    def library(self):
        return liberty.read(self.liberty)

    def digest(self):
        return hashlib.sha256(pathlib.Path(self.liberty).read_bytes()).hexdigest()


def fan_out_of_four_ff(library):
    """What hangs on every output: four of the smallest inverters."""
    return 4 * next(iter(library.by_function("!A")[0].inputs.values()))


def check(design, outputs, expected):
    """The mapped netlist computes what the design is for."""
    wrong = sum(seen[port] != value for seen, known in zip(outputs, expected) if known
                for port, value in known.items())
    if wrong:
        raise RuntimeError(f"{design.name}: the mapped netlist gives {wrong} wrong outputs")


def measure(design, technology, library, plain_liberty, folder, real=None):
    """{what: value} of one design; files of the synthesis stay in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    load_ff = fan_out_of_four_ff(library)
    yosys_um2 = synthesis.synthesize(design.top, design.parameters, library, plain_liberty, folder,
                                     technology.delay_ps, load_ff)
    mapped = netlist.read(folder / "netlist.json", library, technology.wire_ff_per_um, load_ff)
    if abs(mapped.area_um2 - yosys_um2) > 1e-6 * yosys_um2:
        raise RuntimeError(f"{design.name}: {mapped.area_um2} um2 of cells, yosys says {yosys_um2}")
    slew_ps = timing.inverter_slew_ps(library)
    critical_ps = timing.critical_path_ps(mapped, slew_ps)
    row = {"area_um2": mapped.area_um2, "leakage_nw": mapped.leakage_nw,
           "critical_path_ps": critical_ps, "cells": len(mapped.instances()),
           "flip_flops": len(mapped.flip_flops)}
    for stimulus in design.stimuli:
        inputs, expected = designs.case(design, stimulus, real)
        found = energy.measure(mapped, library, inputs, slew_ps, critical_ps)
        check(design, found.outputs, expected)
        share = len(inputs) / designs.events(design, found.outputs)
        row[f"{stimulus}_fj"] = found.cycle_fj * share
        row[f"{stimulus}_settled_fj"] = found.settled_fj * share
        if design.kind in ("mac", "dot"):
            for what, bits in designs.toggles(design, stimulus, real).items():
                row[f"{stimulus}_{what}"] = bits
    return {name: float(f"{value:.5g}") for name, value in row.items()}


def key(design, technology, real):
    """Changes with all that a row depends on."""
    state = hashlib.sha256(synthesis.version().encode())
    operands = [[part.tolist() for part in real[s]] for s in design.stimuli if s in real]
    for part in (design, technology.digest(), technology.wire_ff_per_um, technology.delay_ps,
                 operands):
        state.update(repr(part).encode())
    for path in synthesis.sources(design.top) + CODE:
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def cached(design, technology, library, plain_liberty, work, real):
    """The row from an earlier run, else measured; (row, whether it was measured now)."""
    store = work / f"{design.name}.{key(design, technology, real)}.json"
    if store.exists():
        return json.loads(store.read_text()), False
    row = measure(design, technology, library, plain_liberty, work / design.name, real)
    part = store.with_suffix(".part")
    part.write_text(json.dumps(row))
    part.replace(store)
    return row, True
