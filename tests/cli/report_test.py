# SPDX-License-Identifier: Apache-2.0
"""axesim report: tables of runs and sweeps, and the page's data, against the results on disk."""

import base64
import csv
import gzip
import io
import json
import re

from axesim_cli import CliTestCase, main
from sweep_test import GRID, base_config


def page_data(path):
    """What a report's page carries."""
    text = path.read_text(encoding="utf-8")
    packed = re.search(r'id="data">([^<]*)</script>', text)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def result_on(folder):
    """What a page shows of a run: everything but its host."""
    result = json.loads((folder / "result.json").read_text())
    del result["host"]
    return result


class Report(CliTestCase):
    def setUp(self):
        super().setUp()
        self.base = self.write("base.yaml", base_config(self.folder))

    def sweep(self, text, status=0):
        out = self.folder / "sweep"
        sweep = self.write("sweep.yaml", text)
        done = self.axesim("sweep", "--config", sweep, "--out", out, "--quiet")
        self.assertEqual(done.returncode, status, done.stderr)
        return out

    def run_design(self, name, *sets):
        out = self.folder / name
        options = [word for value in sets for word in ("--set", value)]
        self.succeed("--config", self.base, "--out", out, "--quiet", *options)
        return out

    def test_a_run_writes_its_page(self):
        out = self.run_design("one", "workload.timing_only=true")
        data = page_data(out / "report.html")
        (design,) = data["designs"]
        self.assertEqual(design["result"], result_on(out))
        self.assertEqual(design["config_yaml"], (out / "config.yaml").read_text())
        self.assertEqual((data["keys"], data["missing"]), ([], []))
        written = (out / "report.html").read_text()
        self.assertEqual(self.succeed("report", out).stdout, f"{out / 'report.html'}\n")
        self.assertEqual((out / "report.html").read_text(), written)
        # Nothing is fetched from anywhere.
        self.assertIsNone(re.search(r"""(src|href)\s*=\s*["']?https?:""", written))
        self.assertEqual(list(out.glob("*.tmp*")), [])

    def test_a_sweep_writes_its_page(self):
        out = self.sweep(GRID)
        data = page_data(out / "report.html")
        self.assertEqual(data["keys"], ["accumulator.inner_bits", "hardware.array.columns"])
        rows = list(csv.DictReader((out / "sweep.csv").read_text().splitlines()))
        self.assertEqual([design["label"] for design in data["designs"]],
                         [row["point"] for row in rows])
        for design in data["designs"]:
            self.assertEqual(design["result"], result_on(out / "points" / design["label"]))
        table = self.succeed("report", out, "--format", "csv").stdout
        self.assertEqual(table, (out / "sweep.csv").read_text())

    def test_points_without_a_result_are_named(self):
        text = """base: base.yaml
axes:
  accumulator.inner_bits: [12]
  quantizer.accumulator_aware: [none]
  accumulator.overflow: [trap, saturate]
"""
        out = self.sweep(text, status=1)
        trapped = "overflow=trap"  # the other axes have one value
        self.assertEqual(page_data(out / "report.html")["missing"], [trapped])
        self.assertIn(f"Without a result: {trapped}\n",
                      self.succeed("report", out, "--format", "markdown").stdout)
        rows = csv.DictReader(io.StringIO(self.succeed("report", out, "--format", "csv").stdout))
        self.assertEqual([row["error"] for row in rows], ["", "no result"])

    def test_a_table_for_a_pull_request(self):
        one = self.run_design("one", "name=one")
        two = self.run_design("two", "name=one", "hardware.array.columns=8")
        path = self.folder / "table.md"
        self.succeed("report", one, two, "--format", "markdown", "--out", path)
        lines = path.read_text().splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:4]]
        first, second = (dict(zip(cells[0], row, strict=True)) for row in cells[2:])
        results = [result_on(out) for out in (one, two)]
        # Of the same name, so told apart by their folders.
        self.assertEqual((first["design"], second["design"]), (f"one ({one})", f"one ({two})"))
        self.assertEqual(cells[0][1], "hardware.array.columns")
        self.assertEqual((first[cells[0][1]], second[cells[0][1]]), ("32", "8"))
        for row, result in zip((first, second), results, strict=True):
            accuracy, area = result["accuracy"], result["area"]["total_mm2"]
            self.assertEqual(row["perplexity"], f"{accuracy['perplexity_quantized']:.2f}")
            self.assertEqual(row["accuracy kept"], f"{100 * accuracy['retained']:.1f} %")
            self.assertAlmostEqual(float(row["area, mm2"]), area, delta=0.005 * area)
            self.assertEqual(row["overflow"], "none, certified")
        change = results[1]["area"]["total_mm2"] / results[0]["area"]["total_mm2"] - 1
        self.assertIn(f"area {100 * change:+.0f} %", lines[-1])

    def test_mistakes(self):
        self.fail_with(2, ["which folders?"], "report")
        self.fail_with(2, [self.folder, "holds no results"], "report", self.folder)
        (self.folder / "result.json").write_text("{}")
        self.fail_with(2, ["result.json", "no result of axesim"], "report", self.folder)
        (self.folder / "result.json").unlink()
        (self.folder / "sweep.json").write_text('{"config_sha256": {"a": ""}}')
        self.fail_with(2, ["no point of the sweep has a result"], "report", self.folder)
        out = self.run_design("one", "workload.timing_only=true")
        self.fail_with(1, ["nowhere/x.html"], "report", out, "--out", "nowhere/x.html")


if __name__ == "__main__":
    main()
