# SPDX-License-Identifier: Apache-2.0
"""The Python package: what it loads is what is on disk, its errors are the program's."""

import csv
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from axesim_cli import ROOT, CliTestCase, main, program
from sweep_test import GRID, base_config

needs_pandas = unittest.skipUnless(
    importlib.util.find_spec("pandas") and importlib.util.find_spec("matplotlib"),
    "pandas or matplotlib is not there",
)
if importlib.util.find_spec("pandas") and importlib.util.find_spec("matplotlib"):
    import matplotlib

    matplotlib.use("Agg")
    sys.path.insert(0, str(ROOT / "python"))
    import axesim

TIMING = {"workload.timing_only": True}


@needs_pandas
class PythonPackage(CliTestCase):
    def setUp(self):
        super().setUp()
        os.environ["AXESIM_PROGRAM"] = program()
        self.base = self.write("base.yaml", base_config(self.folder))
        self.grid = self.write("sweep.yaml", GRID)

    def test_a_run(self):
        out = self.folder / "out"
        sets = {**TIMING, "accumulator.inner_bits": 14, "name": "fourteen"}
        result = axesim.run(self.base, out, sets)
        self.assertEqual(result, json.loads((out / "result.json").read_text()))
        self.assertEqual(result["name"], "fourteen")
        self.assertEqual(result["config"]["accumulator"]["inner_bits"], 14)
        layers = axesim.load_layers(out)
        self.assertEqual(list(layers.index), [layer["name"] for layer in result["layers"]])
        total = (layers["energy_j"] * layers["count"]).sum()
        self.assertAlmostEqual(total / result["energy"]["total_j"], 1, delta=0.01)

    def test_mistakes_are_the_programs(self):
        with self.assertRaises(axesim.AxesimError) as caught:
            axesim.run(self.base, self.folder / "out", {"accumulator.iner_bits": 14})
        self.assertEqual(caught.exception.status, 2)
        self.assertIn("did you mean accumulator.inner_bits", str(caught.exception))
        with self.assertRaisesRegex(ValueError, "cannot be read"):
            axesim.load_run(self.folder)

    def test_a_sweep(self):
        out = self.folder / "out"
        table = axesim.sweep(self.grid, out)
        rows = list(csv.DictReader((out / "sweep.csv").read_text().splitlines()))
        self.assertEqual(list(table.index), [row["point"] for row in rows])
        for name in ("accumulator.inner_bits", "perplexity_quantized", "area_mm2"):
            self.assertEqual(list(table[name]), [float(row[name]) for row in rows])
        self.assertTrue(table["error"].isna().all())
        # The CSV alone gives the same.
        (out / "sweep.sqlite").rename(self.folder / "sweep.sqlite")
        again = axesim.load_sweep(out)
        self.assertEqual(list(again.columns), list(table.columns))
        self.assertEqual(list(again["prefill_cycles"]), list(table["prefill_cycles"]))
        (self.folder / "sweep.sqlite").rename(out / "sweep.sqlite")
        layers = axesim.load_sweep_layers(out)
        for name in table.index:
            of_point = layers[layers["point"] == name]
            result = axesim.load_run(out / "points" / name)
            found = list(of_point["sqnr_db"].dropna())
            expected = [layer["sqnr_db"] for layer in result["layers"]]
            self.assertEqual(found, [value for value in expected if value is not None])
        # The front, by its definition.
        costs = {row["point"]: (float(row["area_mm2"]), -float(row["decode_tokens_per_second"]))
                 for row in rows}
        front = [
            point for point, (area, speed) in costs.items()
            if not any(a <= area and s <= speed and (a, s) != (area, speed)
                       for a, s in costs.values())
        ]
        found = axesim.pareto_front(table, ["area_mm2"], larger=["decode_tokens_per_second"])
        self.assertEqual(list(found.index), front)
        self.assertTrue(0 < len(front) < len(rows))
        axes = axesim.plot_layers(axesim.load_layers(out / "points" / table.index[0]))
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()][:2],
                         ["self_attn.q_proj", "self_attn.k_proj"])

    def test_points_that_fail(self):
        text = "base: base.yaml\naxes:\n  accumulator.overflow: [trap, saturate]\n"
        path = self.write("sweep.yaml", text)
        sets = {"accumulator.inner_bits": 12, "quantizer.accumulator_aware": "none"}
        with self.assertRaises(axesim.AxesimError) as caught:
            axesim.sweep(path, self.folder / "out", sets)
        self.assertEqual(caught.exception.status, 1)
        table = axesim.sweep(path, self.folder / "out", sets, allow_failures=True)
        self.assertIn("overflowed", table["error"].iloc[0])
        self.assertIsNone(table["error"].iloc[1])

    def test_installed_by_pip_the_example_runs(self):
        source = self.folder / "python"  # pip leaves files beside what it builds
        shutil.copytree(ROOT / "python", source, ignore=shutil.ignore_patterns("__pycache__"))
        venv = self.folder / "venv"
        quiet = {"check": False, "capture_output": True, "text": True}
        make = [sys.executable, "-m", "venv", "--system-site-packages", venv]
        made = subprocess.run(make, **quiet)
        if made.returncode != 0:
            self.skipTest("no virtual environment can be made (Debian: python3-venv)")
        python = venv / "bin" / "python"
        install = [python, "-m", "pip", "install", "--no-index", "--no-build-isolation", source]
        done = subprocess.run(install, **quiet)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = self.folder / "out"
        example = pathlib.Path("python") / "examples" / "memory_interfaces.py"
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run([python, ROOT / example, out, self.grid], cwd=self.folder,
                              env=environment, **quiet)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("front", "energy", "roofline", "layers"):
            self.assertIn("</svg>", (out / f"{name}.svg").read_text())


if __name__ == "__main__":
    main()
