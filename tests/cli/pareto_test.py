# SPDX-License-Identifier: Apache-2.0
"""strategy: pareto: its front and its sentences are those of a brute force over the table, and a
search that was killed goes on as if nothing had happened."""

import csv
import json
import random
import re
import subprocess
import time

from axesim_cli import CliTestCase, main, minimal_config, program
from synthetic_llama import Shape, write_model, write_tokens

SHAPE = Shape(blocks=2, hidden=64, ffn=128, heads=2, kv_heads=1)
AXES = """base: base.yaml
axes:
  number_format.weight_bits: [4, 6, 8]
  accumulator.inner_bits: [14, 18]
  overrides[*.mlp.down_proj].number_format.weight_bits: [4, 8]
constraints:
  - accumulator.inner_bits >= number_format.weight_bits + number_format.activation_bits
"""
COLUMNS = {
    "perplexity": "perplexity_quantized",
    "decode_energy": "decode_energy_joules_per_token",
    "area": "area_mm2",
}
SEARCH = """strategy: pareto
objectives: [perplexity, decode_energy, area]
reference: reference.yaml
seed: 5
"""
KILLS = 6


def front(rows):
    """The names of those to which no other is better in one figure and as good in all."""
    figures = {row["point"]: [float(row[c]) for c in COLUMNS.values()] for row in rows}

    def beats(a, b):
        return a != b and all(x <= y for x, y in zip(a, b))

    return {n for n, f in figures.items() if not any(beats(g, f) for g in figures.values())}


class Pareto(CliTestCase):
    def setUp(self):
        super().setUp()
        write_model(self.folder / "model", SHAPE)
        write_tokens(self.folder / "tokens.npy", 1024)
        tokens = self.folder / "tokens.npy"
        workload = {
            "model": self.folder / "model",
            "phases": {"prefill_tokens": 8, "decode_tokens": 1},
            "evaluation": {"text": tokens, "tokens": 64, "context": 64},
        }
        calibration = {"text": tokens, "sequences": 1, "length": 64}
        base = minimal_config(
            *(6, 6, 16, 32),
            quantizer={"algorithm": "naive_round", "calibration": calibration},
            workload=workload,
        )
        self.write("base.yaml", base)
        reference = minimal_config(
            *(8, 8, 32, "monolithic"),
            quantizer={"algorithm": "naive_round", "accumulator_aware": "none"},
            workload=workload,
        )
        self.write("reference.yaml", reference)

    def command(self, text, out, *options):
        sweep = self.write("sweep.yaml", text)
        return ["sweep", "--config", sweep, "--out", self.folder / out, *options]

    def lines(self, out, name="sweep.csv"):
        return (self.folder / out / name).read_text().splitlines()

    def rows(self, out, name="sweep.csv"):
        return list(csv.DictReader(self.lines(out, name)))

    def check_sentences(self, text, rows, reference):
        """Against a search through the table."""
        self.assertIn(f"reference has perplexity {float(reference[COLUMNS['perplexity']]):.2f}", text)
        for percent in (1, 2, 5):
            most = float(reference[COLUMNS["perplexity"]]) / (1 - percent / 100)
            allowed = [row for row in rows if float(row[COLUMNS["perplexity"]]) <= most]
            (line,) = [s for s in text.splitlines() if f" within {percent} % of " in s]
            self.assertIn(f"perplexity up to {most:.2f}", line)
            if not allowed:
                self.assertTrue(line.startswith("No design"), line)
                continue
            energy = min(float(row[COLUMNS["decode_energy"]]) for row in allowed)
            name = re.search(r" accuracy \(.*?\) is (.*?): perplexity", line).group(1)
            (found,) = [row for row in allowed if row["point"] == name]
            self.assertEqual(float(found[COLUMNS["decode_energy"]]), energy)
            change = energy / float(reference[COLUMNS["decode_energy"]]) - 1
            self.assertIn(f"({100 * change:+.0f} %)", line)

    def test_the_front_is_that_of_the_grid(self):
        self.succeed(*self.command(AXES, "grid", "--quiet"))
        grid = self.rows("grid")
        self.assertEqual(len(grid), 12)
        options = ["--quiet", "--cache", self.folder / "grid" / "cache"]

        # Every combination may run: all do, once.
        done = self.succeed(*self.command(AXES + SEARCH + "budget: 100\n", "all", *options))
        header, first, *others = self.lines("all")
        self.assertEqual(header, self.lines("grid")[0])
        self.assertTrue(first.startswith("reference,8,32,,"))
        self.assertEqual(sorted(others), sorted(self.lines("grid")[1:]))
        found = self.rows("all", "front.csv")
        self.assertEqual({row["point"] for row in found}, front(grid))
        self.check_sentences(done.stdout, grid, self.rows("all")[0])

        # Few may run: what is said is true of them.
        done = self.succeed(*self.command(AXES + SEARCH + "budget: 9\n", "few", *options))
        _, *others = self.lines("few")[1:]
        self.assertEqual(len(set(others)), 9)
        self.assertLessEqual(set(others), set(self.lines("grid")))
        reference, *rows = self.rows("few")
        found = self.rows("few", "front.csv")
        self.assertEqual({row["point"] for row in found}, front(rows))
        self.check_sentences(done.stdout, rows, reference)

        # The layers that an axis names are the ones that differ.
        name = "number_format.weight_bits=6,inner_bits=14,mlp.down_proj.weight_bits=8"
        name = name.replace("number_format.", "")
        result = json.loads((self.folder / "grid" / "points" / name / "result.json").read_text())
        for layer in result["layers"]:
            if layer["name"].endswith("_proj"):
                wide = layer["name"].endswith("down_proj")
                self.assertEqual(layer["weight_bits"], 8 if wide else 6, layer["name"])

    def test_killed_at_any_moment(self):
        text = AXES + SEARCH + "budget: 9\n"
        begin = time.monotonic()
        done = self.succeed(*self.command(text, "whole", "--jobs", "2"))
        duration = time.monotonic() - begin
        command = [program(), *map(str, self.command(text, "cut", "--jobs", "2"))]
        moments = random.Random(3)
        for _ in range(KILLS):
            devnull = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen(command, **devnull) as process:
                try:
                    process.wait(timeout=moments.uniform(0.1, 0.6) * duration)
                except subprocess.TimeoutExpired:
                    process.kill()
        again = self.succeed(*self.command(text, "cut", "--jobs", "3"))
        self.assertEqual(self.lines("cut"), self.lines("whole"))
        self.assertEqual(self.lines("cut", "front.csv"), self.lines("whole", "front.csv"))
        self.assertEqual(again.stdout, done.stdout.replace("/whole/", "/cut/"))

    def test_a_search_is_checked(self):
        def fail(words, *changes):
            text = AXES + SEARCH + "budget: 9\n"
            for old, new in changes:
                self.assertIn(old, text)
                text = text.replace(old, new)
            self.fail_with(2, words, *self.command(text, "out"))

        fail(["budget: is missing"], ("budget: 9\n", ""))
        fail(["objectives", "two"], ("[perplexity, decode_energy, area]", "[perplexity]"))
        fail(["did you mean decode_energy"], ("decode_energy,", "decode_enrgy,"))
        fail(["strategy: pareto only"], ("strategy: pareto\n", ""))
        fail(["layers cannot differ in that"], ("down_proj].number_format.weight_bits", "x].seed"))
        # A reference on other text, or with nothing to compare.
        reference = (self.folder / "reference.yaml").read_text()
        self.write("other.yaml", reference.replace("64", "32"))
        fail(["workload/evaluation", "cannot be compared"], ("reference.yaml", "other.yaml"))
        text = AXES + SEARCH + "budget: 9\n"
        timing = ["--set", "workload.timing_only=true", "--quiet"]
        self.fail_with(2, ["perplexity is not measured"], *self.command(text, "out", *timing))

    def test_a_wrong_combination_is_a_line(self):
        # gate and up share an input: they cannot differ in the bits of their activations.
        text = """base: base.yaml
strategy: pareto
budget: 4
objectives: [area, decode_latency]
axes:
  overrides[*.mlp.up_proj].number_format.activation_bits: [5, 6]
  hardware.array.columns: [8, 16]
"""
        options = ["--set", "workload.timing_only=true"]
        done = self.axesim(*self.command(text, "out", *options))
        self.assertEqual(done.returncode, 1, done.stderr)
        rows = self.rows("out")
        self.assertEqual(len(rows), 4)
        for row in rows:
            bits = row["overrides[*.mlp.up_proj].number_format.activation_bits"]
            self.assertEqual(row["error"] == "", bits == "6", row)
            self.assertEqual(row["area_mm2"] != "", bits == "6", row)


if __name__ == "__main__":
    main()
