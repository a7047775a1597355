# SPDX-License-Identifier: Apache-2.0
"""scripts/calibrate on a few small designs, with whatever library of cells is at hand, and the
parts of it on examples that were worked out by hand."""

import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from axesim_cli import ROOT, SHARED_DATA, CliTestCase, main, minimal_config

sys.path.insert(0, str(ROOT / "scripts"))
from calibration import activity, boolean, designs, fits, liberty, measure, streams, waveforms

LIBRARIES = [SHARED_DATA / "asap7_rvt_tt.lib.gz",
             pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")]
LIBRARY = next((path for path in LIBRARIES if path.exists()), None)


def plain_text(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def cells_of(text):
    """Area and functions of every cell, read without the flow's own parser."""
    cells = {}
    for block in re.split(r"\n\s*cell\s*\(", text)[1:]:
        name = block[:block.index(")")].strip().strip('"')
        pins = re.split(r"\n\s*pin\s*\(", block)[1:]
        functions = {}
        for pin in pins:
            found = re.search(r'\bfunction\s*:\s*"([^"]*)"', pin)
            if found:
                functions[pin[:pin.index(")")].strip().strip('"')] = found[1]
        cells[name] = (float(re.search(r"\n\s*area\s*:\s*([\d.]+)", block)[1]), functions)
    return cells


def netlist_of(folder):
    modules = json.loads((folder / "netlist.json").read_text())["modules"].values()
    return next(module for module in modules if module["cells"])


def evaluated(module, cells, inputs, ones):
    """Values of all nets of a netlist without flip-flops; bit i of an integer is case i."""
    values = {"0": 0, "1": ones, **inputs}
    waiting = list(module["cells"].values())
    while waiting:
        left = []
        for cell in waiting:
            nets = {pin: bits[0] for pin, bits in cell["connections"].items()}
            for output, function in cells[cell["type"]][1].items():
                pins = set(re.findall(r"[A-Za-z_]\w*", function))
                if not all(nets[pin] in values for pin in pins):
                    left.append(cell)
                    continue
                code = function.replace("!", "~").replace("*", "&").replace("+", "|")
                values[nets[output]] = eval(code, {p: values[nets[p]] for p in pins}) & ones
        if len(left) == len(waiting):
            raise AssertionError("nets without a driver")
        waiting = left
    return values


@unittest.skipUnless(shutil.which("yosys"), "yosys is not there")
@unittest.skipUnless(LIBRARY, "no library of cells: neither ../shared/data/asap7_rvt_tt.lib.gz nor "
                              "Debian's qflow-tech-osu018 is there")
class Calibrate(CliTestCase):
    def calibrate(self, *more):
        command = [ROOT / "scripts/calibrate", "--liberty", LIBRARY, "--small",
                   "--out", self.folder / "measured.yaml", "--work", self.folder / "work", *more]
        done = subprocess.run([sys.executable, "-B", *map(str, command)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_a_small_grid(self):
        self.calibrate()
        cells = cells_of(plain_text(LIBRARY))
        self.expect_areas_to_be_those_of_the_cells(cells)
        self.expect_every_product(cells)
        first = (self.folder / "measured.yaml").read_bytes()
        self.assertIn("kept from before", self.calibrate())
        self.assertEqual(first, (self.folder / "measured.yaml").read_bytes())
        self.expect_axesim_to_take_it()

    def expect_areas_to_be_those_of_the_cells(self, cells):
        rows = list((self.folder / "work").glob("*.json"))
        self.assertGreater(len(rows), 15)
        for row in rows:
            used = netlist_of(self.folder / "work" / row.name.split(".")[0])["cells"].values()
            area = sum(cells[cell["type"]][0] for cell in used)
            self.assertAlmostEqual(json.loads(row.read_text())["area_um2"] / area, 1, places=4)

    def expect_every_product(self, cells):
        module = netlist_of(self.folder / "work" / "multiplier_8x8")
        cases = [(w, x) for w in range(-128, 128) for x in range(-128, 128)]
        ports = {name: port["bits"] for name, port in module["ports"].items()}

        def column(values, bit):
            return int("".join(str(value >> bit & 1) for value in reversed(values)), 2)

        inputs = {net: column([case[side] for case in cases], bit)
                  for side, port in enumerate(("weight", "activation"))
                  for bit, net in enumerate(ports[port])}
        values = evaluated(module, cells, inputs, (1 << len(cases)) - 1)
        for bit, net in enumerate(ports["product"]):
            self.assertEqual(values[net], column([w * x for w, x in cases], bit), f"bit {bit}")

    def expect_axesim_to_take_it(self):
        path = self.folder / "measured.yaml"
        config = minimal_config(4, 4, 12, 32, hardware={"technology": str(path)},
                                energy={"activity": "measured"})
        for name in ("x", "w"):
            np.save(self.folder / f"{name}.npy", np.ones((4, 32), dtype=np.int64))
        done = self.succeed(
            *("gemm", "--config", self.write("design.yaml", config), "--activations",
              self.folder / "x.npy", "--weights", self.folder / "w.npy", "--output",
              self.folder / "y.npy", "--format", "json", "--quiet"))
        energy = json.loads(done.stdout)["energy"]
        self.assertGreater(energy["total_j"], 0)
        self.assertLess(energy["activity_factor"], 1)  # ones only


class Parts(unittest.TestCase):
    def test_functions(self):
        for text, case, value in (("!A * B", {"A": 0, "B": 1}, 1), ("A' B", {"A": 1, "B": 1}, 0),
                                  ("(A+B)'", {"A": 0, "B": 0}, 1), ("A ^ B & C", {"A": 1, "B": 1,
                                                                                "C": 1}, 0),
                                  ("!(A B)", {"A": 1, "B": 0}, 1)):
            found = eval(boolean.python(text), {"ones": 1, **case})
            self.assertEqual(found, value, text)

    def test_liberty_units_and_missing_semicolons(self):
        library = liberty.Reader(liberty.parse("""
            library (tiny) { time_unit : "1ns"; voltage_unit : "1V"; nom_voltage : 2
              capacitive_load_unit (1, pf); leakage_power_unit : "1uW" /* none */
              lu_table_template (t) { variable_1 : input_net_transition;
                variable_2 : total_output_net_capacitance;
                index_1 ("0, 1"); index_2 ("0, 2"); }
              cell (INV) { area : 3
                leakage_power () { when : "A"; value : 1; }
                leakage_power () { when : "!A"; value : 3; }
                pin (A) { direction : input; capacitance : 0.5; }
                pin (Y) { direction : output; function : "A'";
                  timing () { related_pin : "A"; timing_sense : negative_unate;
                    cell_rise (t) { values ("0, 1", "2, 3"); }
                    cell_fall (t) { values ("0, 1", "2, 3"); }
                    rise_transition (t) { values ("0, 1", "2, 3"); }
                    fall_transition (t) { values ("0, 1", "2, 3"); } } } } }""")).read()
        cell = library.by_function("!A")[0]
        self.assertEqual((cell.area_um2, cell.leakage_nw, cell.inputs), (3, 2000, {"A": 500}))
        delay = cell.outputs[0].arcs["A"][0].delay["rise"]
        self.assertAlmostEqual(delay.at(500, 1000), 1500)  # halfway between all four, in ps

    def test_pulses_pass_or_not(self):
        #           a pulse of 2     one of 4     time runs to the left
        wave = int("0000110000000111100000", 2)
        kept = int("0000000000000111100000", 2)
        ones = (1 << 22) - 1
        self.assertEqual(waveforms.inertial(wave, 3, ones), kept)
        self.assertEqual(waveforms.inertial(ones ^ wave, 3, ones), ones ^ kept)
        self.assertEqual(waveforms.inertial(wave, 2, ones), wave)

    def test_a_glitch_costs_two_transitions(self):
        """An exclusive or whose inputs change together, one of them late."""
        ones = (1 << 2 * waveforms.SAMPLES) - 1
        both = waveforms.from_cycles([0, 1])
        together = waveforms.Gate("A ^ B", {"A": 5, "B": 5}).output([both, both], ones)
        late = waveforms.Gate("A ^ B", {"A": 5, "B": 25}).output([both, both], ones)
        self.assertEqual(waveforms.toggles(together, 2), 0)
        self.assertEqual(waveforms.toggles(late, 2), 2)
        self.assertEqual(waveforms.last_values(late, 2), [0, 0])

    def test_a_wrong_netlist_is_refused(self):
        design = designs.adder(4)
        _, expected = designs.case(design, "uniform")
        outputs = [dict(value) for value in expected]
        measure.check(design, outputs, expected)
        outputs[7]["sum"] ^= 1
        with self.assertRaisesRegex(RuntimeError, "1 wrong"):
            measure.check(design, outputs, expected)

    def test_a_fit_finds_the_coefficients_of_exact_rows(self):
        rows = {f"mac_{m}x{n}_p{p}_wrap": {"area_um2": 2 * m * n - (m + n) + 0.5 * p + 7}
                for m, n, p in ((2, 3, 8), (4, 4, 9), (6, 3, 16), (8, 8, 16), (5, 7, 20))}
        found = fits.fit(rows, "mac_*", "area_um2", ("mn", "m_plus_n", "p", "1"))
        self.assertEqual(list(found.coefficients.values()), [2, -1, 0.5, 7])
        self.assertLess(found.largest_error(), 1e-9)

    def test_toggles_bit_by_bit(self):
        generator = np.random.default_rng(2)
        w = generator.integers(-8, 8, (20, 3)).astype(object)
        x = generator.integers(0, 32, (20, 3)).astype(object)

        def bit_products(step):
            return [w[step, lane] >> i & x[step, lane] >> j & 1
                    for lane in range(3) for i in range(4) for j in range(5)]

        changed = sum(a != b for step in range(19)
                      for a, b in zip(bit_products(step), bit_products(step + 1)))
        self.assertEqual(streams.partial_product_toggles(w, x, 4, 5), changed / 19)
        self.assertEqual(streams.register_toggles([0, -1, 3, -4], 6), (6 + 4 + 6) / 3)

    def test_streams_are_what_they_are_called(self):
        def drawn(name):
            return streams.Operands(1).products(streams.STREAMS[name], 8, 8, (6400, 1), False)

        w, x = (codes.astype(float) for codes in drawn("narrow"))
        self.assertAlmostEqual(w.std() / (127 / 3.5 / 4), 1, delta=0.05)
        self.assertAlmostEqual(x.std() / (127 / 3.5 / 4), 1, delta=0.05)
        self.assertAlmostEqual(x.mean(), 128, delta=1)
        held, _ = drawn("held")
        self.assertTrue((held.reshape(-1, streams.TILE) == held[::streams.TILE]).all())
        sparse, _ = drawn("sparse")
        self.assertAlmostEqual((sparse == 0).mean(), 0.5, delta=0.03)

    def test_activity_finds_the_coefficients_of_exact_rows(self):
        generator = np.random.default_rng(3)
        rows = {}
        for m in (3, 4, 6):
            row = rows[f"mac_{m}x4_p24_wrap"] = {}
            for name in ("gaussian", "held", "narrow", "real_layer"):
                products, accumulator = generator.uniform(1, 9, 2)
                row[f"{name}_partial_product_toggles"] = products
                row[f"{name}_accumulator_toggles"] = accumulator
                # Of real operands as of no others: they must not count.
                extra = 50 if name.startswith(streams.REAL) else 0
                row[f"{name}_fj"] = 30 * m + 5 * products + 8 * accumulator + extra
                row[f"{name}_settled_fj"] = 1
        self.assertEqual(activity.fit(rows), [5, 8])
        self.assertLess(max(map(abs, activity.left_out_errors(rows))), 1e-9)
        row = rows["mac_6x4_p24_wrap"]
        self.assertEqual(activity.real(row), ["real_layer"])
        self.assertAlmostEqual(activity.error(row, "real_layer", [5, 8]),
                               -50 / row["real_layer_fj"])


if __name__ == "__main__":
    main()
