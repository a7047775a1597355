# SPDX-License-Identifier: Apache-2.0
"""Whole runs of the real model: the same result every time, sums that add up, overflow."""

import csv
import json
import math

from axesim_cli import ROOT, CliTestCase, main, needs_model

# Matrices, products of attention and passes of the vector unit in each of 30 blocks; then
# embedding, last norm and lm_head.
OPERATIONS = 30 * (7 + 2 + 7) + 3
SMALL = {
    "workload.phases.prefill_tokens": 16,
    "workload.phases.decode_tokens": 1,
    "workload.evaluation.tokens": 128,
    "workload.evaluation.context": 64,
}


@needs_model
class Run(CliTestCase):
    def run_design(self, config, name, *arguments, **settings):
        out = self.folder / name
        for key, value in {**SMALL, **settings}.items():
            arguments += ("--set", f"{key}={value}")
        done = self.succeed(
            *("--config", config, "--out", out, "--format", "json", "--quiet"), *arguments
        )
        self.assertEqual(done.stdout, (out / "result.json").read_text())
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def without_host(self, name):
        """The text of result.json up to and after `host`, which no other section may follow."""
        text = (self.folder / name / "result.json").read_text()
        self.assertEqual(list(json.loads(text))[-1], "host")
        return text[: text.index('\n  "host": {')]

    def test_any_number_of_threads_gives_the_same_bytes(self):
        config = ROOT / "configs" / "int6_acc16_naive.yaml"
        self.run_design(config, "two", "--threads", "2")
        result = self.run_design(config, "one", "--threads", "1")
        # The written config holds everything, so it needs no --set; and it is the second run.
        done = self.succeed(
            *("--config", self.folder / "one" / "config.yaml", "--out", self.folder / "again"),
            "--quiet",
        )
        self.assertIn("perplexity", done.stdout)
        for name in ("two", "again"):
            self.assertEqual(self.without_host(name), self.without_host("one"))
            for file in ("layers.csv", "config.yaml"):
                first, other = (self.folder / folder / file for folder in ("one", name))
                self.assertEqual(first.read_bytes(), other.read_bytes())
        self.check_layers(result)
        self.check_sums(result)

    def check_layers(self, result):
        with open(self.folder / "one" / "layers.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), OPERATIONS)
        self.assertEqual(len(result["layers"]), OPERATIONS)
        self.assertEqual(len({row["name"] for row in rows}), OPERATIONS)
        for row, layer in zip(rows, result["layers"]):
            self.assertEqual(row["name"], layer["name"])
            self.assertEqual(int(row["cycles"]), layer["cycles"])
        for row in rows:  # one block of positions: attention leaves nothing out
            macs = int(row["m"]) * int(row["n"]) * int(row["k"])
            self.assertEqual(int(row["macs"]), macs, row["name"])
            self.assertEqual(macs == 0, row["weight_bits"] == "", row["name"])
        macs = sum(int(row["macs"]) for row in rows)
        self.assertEqual(result["timing"]["prefill"]["macs"], macs)
        self.assertEqual(result["not_counted"], [])
        cycles = sum(int(row["cycles"]) for row in rows)
        self.assertEqual(result["timing"]["prefill"]["cycles"], cycles)
        energy = math.fsum(float(row["energy_j"]) for row in rows)
        self.assertTrue(math.isclose(energy, result["energy"]["total_j"], rel_tol=1e-9))

    def check_sums(self, result):
        for energy in (result["energy"], result["energy"]["decode"]):
            parts = math.fsum(energy["by_part"].values())
            self.assertTrue(math.isclose(energy["total_j"], parts, rel_tol=1e-12))
            unused = {part for part, joules in energy["by_part"].items() if joules == 0}
            self.assertEqual(unused, {"interconnect"})  # of one cluster
        area = result["area"]
        parts = math.fsum(area["by_part"].values())
        self.assertTrue(math.isclose(area["total_mm2"], parts, rel_tol=1e-12))
        for phase in result["timing"].values():
            stalls = sum(phase["stall_cycles"].values())
            self.assertEqual(phase["cycles"], phase["busy_cycles"] + stalls)
            array = result["config"]["hardware"]["array"]
            multipliers = array["rows"] * array["columns"] * array["lanes"]
            self.assertGreaterEqual(phase["busy_cycles"] * multipliers, phase["macs"])
        for memory in (result["memory"], result["memory"]["decode"]):
            parts = ("payload_bits", "metadata_bits", "padding_bits", "burst_tail_bits")
            self.assertEqual(memory["transferred_bits"], sum(memory[part] for part in parts))
            for part in (*parts, "transferred_bits"):
                streams = [stream[part] for stream in memory["by_stream"].values()]
                self.assertEqual(memory[part], sum(streams), part)
            dram = memory["dram_read_bits"] + memory["dram_written_bits"]
            self.assertGreaterEqual(dram, memory["payload_bits"])
            named = [value for value in memory["dram_bytes"].values() if value is not None]
            self.assertEqual(dram, 8 * sum(named))
            self.assertLessEqual(memory["bus_efficiency"], 1)

    def test_accumulators_that_overflow(self):
        config = ROOT / "configs" / "int6_acc12_naive.yaml"
        perplexities = []
        for overflow in ("wrap", "saturate"):
            result = self.run_design(config, overflow, **{"accumulator.overflow": overflow})
            self.assertGreater(result["overflow"]["inner_events"], 0)
            self.assertFalse(result["overflow"]["certified"])
            self.assertIsNotNone(result["overflow"]["first"])
            events = sum(layer["overflow_events"] for layer in result["layers"])
            counted = result["overflow"]["inner_events"] + result["overflow"]["outer_events"]
            self.assertEqual(events, counted)
            perplexities.append(result["accuracy"]["perplexity_quantized"])
        self.assertNotEqual(*perplexities)


if __name__ == "__main__":
    main()
