# SPDX-License-Identifier: Apache-2.0
"""Rooflines: computed again from the config, never above what the simulation took, and drawn."""

import csv
import importlib.util
import json
import re
import subprocess
import sys
import unittest

from axesim_cli import ROOT, ROUND_ONLY, CliTestCase, main
from shapes_test import SMALL, shape_file
from synthetic_llama import write_tokens

ROOFS = ("compute", "vector_unit", "buffer", "memory_interface", "interconnect", "dram")
DESIGNS = (
    (),
    ("hardware.dram=hbm3_6400", "hardware.dram_channels=8", "hardware.clock_mhz=700"),
    ("hardware.dataflow=weight_stationary", "hardware.buffers.ports=1"),
    ("hardware.vector_unit.lanes=1",),
    ("hardware.clusters=3", "hardware.interconnect.bits_per_cycle=32"),
    ("hardware.memory_interface.bus_bits=32", "hardware.dram=hbm2_2400"),
)
needs_matplotlib = unittest.skipUnless(
    importlib.util.find_spec("matplotlib") and importlib.util.find_spec("pandas"),
    "matplotlib or pandas is not there",
)


class Roofline(CliTestCase):
    def run_design(self, *settings, words=()):
        out = self.folder / "out"
        config = self.write("round.yaml", ROUND_ONLY)
        shape = self.write("small.yaml", shape_file(2, SMALL))
        tokens = self.folder / "tokens.npy"
        write_tokens(tokens, 64)
        command = ["--config", config, "--out", out, "--quiet"]
        for setting in (
            *(f"workload.model={shape}", "workload.timing_only=true"),
            f"workload.evaluation={{text: {tokens}, tokens: 0}}",
            *("workload.phases.prefill_tokens=96", "workload.phases.decode_tokens=2", *settings),
        ):
            command += ["--set", setting]
        self.screen = self.succeed(*command).stdout
        return json.loads((out / "result.json").read_text())

    def check(self, roofline, macs, dram_bits, moved_bits, cycles, hardware):
        array, clusters = hardware["array"], hardware["clusters"]
        multipliers = clusters * array["rows"] * array["columns"] * array["lanes"]
        self.near(roofline["compute_cycles"], macs / multipliers)
        bus = clusters * hardware["memory_interface"]["bus_bits"]
        table = (ROOT / "configs" / "dram" / f"{hardware['dram']}.yaml").read_text()
        atom, burst = (
            float(re.search(rf"^  {name}:\s*{{value: ([0-9.]+)", table, re.MULTILINE)[1])
            for name in ("atom_bits", "burst")
        )
        a_cycle = hardware["dram_channels"] * atom / burst * 1e3 / hardware["clock_mhz"]
        if dram_bits is not None:
            self.near(roofline["dram_cycles"], dram_bits / a_cycle)
            self.near(roofline["memory_interface_cycles"], moved_bits / bus)
            self.near(roofline["macs_per_dram_byte"], 8 * macs / dram_bits)
        highest = max(ROOFS, key=lambda roof: roofline[f"{roof}_cycles"])
        self.assertEqual(roofline["bound_by"], highest)
        self.assertLessEqual(roofline[f"{highest}_cycles"], cycles)
        self.near(roofline["share_of_roof"], roofline[f"{highest}_cycles"] / cycles)

    def near(self, value, expected):
        self.assertLessEqual(abs(value - expected), 1e-9 * abs(expected))

    def test_bounds(self):
        found = set()
        for settings in DESIGNS:
            result = self.run_design(*settings)
            hardware = result["config"]["hardware"]
            for layer in result["layers"]:
                self.check(layer["roofline"], layer["macs"], None, None, layer["cycles"], hardware)
                found.add(layer["roofline"]["bound_by"])
            for memory, timing in (
                (result["memory"], result["timing"]["prefill"]),
                (result["memory"]["decode"], result["timing"]["decode"]),
            ):
                bits = memory["dram_read_bits"] + memory["dram_written_bits"]
                moved = memory["transferred_bits"]
                macs, cycles = timing["macs"], timing["cycles"]
                self.check(timing["roofline"], macs, bits, moved, cycles, hardware)
            for roof in ROOFS:
                layers = sum(
                    layer["count"] * layer["roofline"][f"{roof}_cycles"]
                    for layer in result["layers"]
                )
                whole = result["timing"]["prefill"]["roofline"][f"{roof}_cycles"]
                if roof in ("buffer", "interconnect"):  # not the same buffer, or way, in all
                    self.assertGreaterEqual(layers, whole)
                else:
                    self.near(layers, whole)
            self.check_table(result)
            row = next(line for line in self.screen.splitlines() if line.startswith("roofline"))
            share = result["timing"]["prefill"]["roofline"]["share_of_roof"]
            self.assertIn(f"prefill at {100 * share:.0f} % of the", row)
        self.assertGreaterEqual(len(found), 4, found)

    def check_table(self, result):
        with open(self.folder / "out" / "layers.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row, layer in zip(rows, result["layers"], strict=True):
            for key, value in layer["roofline"].items():
                self.assertEqual(row[key] if key == "bound_by" else float(row[key]), value)

    def plot(self, *arguments):
        command = [sys.executable, "-B", ROOT / "scripts" / "plot_roofline", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @needs_matplotlib
    def test_plot(self):
        self.run_design()
        out = self.folder / "out"
        done = self.plot(out)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        svg = (out / "roofline.svg").read_text()
        self.assertIn("</svg>", svg)
        for words in ("attention_values", "whole decode", "DRAM"):
            self.assertIn(words, svg)
        picture = self.folder / "x.png"
        self.assertEqual(self.plot(out, "--output", picture).returncode, 0)
        self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        self.assertEqual(list(self.folder.glob(".*")), [])

    @needs_matplotlib
    def test_plot_of_nothing(self):
        (self.folder / "result.json").write_text("{}")
        for arguments, words in (
            ([self.folder / "none"], "cannot be read"),
            ([self.folder], "no result of axesim"),
            ([self.folder, "--output", "x.bmp"], ".svg, .png, .pdf"),
        ):
            done = self.plot(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    main()
