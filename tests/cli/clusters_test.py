# SPDX-License-Identifier: Apache-2.0
"""hardware.clusters: the same values whatever their number, and what the reports say of them."""

import json

import numpy as np

from axesim_cli import CliTestCase, main, minimal_config
from synthetic_llama import Shape, write_model, write_tokens

# No row of codes, of values or of metadata ends where a byte or a burst does.
ODD = Shape(blocks=1, hidden=84, ffn=110, heads=6, kv_heads=3, vocabulary=131)
DESIGNS = ((1, "tokens"), (2, "output_channels"), (3, "tokens"), (5, "output_channels"))


def design(**hardware):
    return minimal_config(
        *(6, 5, 12, 16),
        quantizer={"algorithm": "naive_round", "accumulator_aware": "none"},
        attention={"rotation": False},
        accumulator={"overflow": "wrap"},
        hardware={"array": {"rows": 8, "columns": 8}, **hardware},
        workload={"phases": {"prefill_tokens": 21, "decode_tokens": 2, "batch": 2}},
    )


class Clusters(CliTestCase):
    def run_model(self, clusters, split, *settings):
        model, tokens, out = self.folder / "model", self.folder / "tokens.npy", self.folder / "out"
        if not model.exists():
            write_model(model, ODD)
            write_tokens(tokens, 90, ODD.vocabulary)
        command = ["--config", self.write("design.yaml", design()), "--out", out]
        for setting in (
            *(f"hardware.clusters={clusters}", f"hardware.cluster_split={split}"),
            f"workload.model={model}",
            f"workload.evaluation={{text: {tokens}, tokens: 88, context: 44}}",
            *settings,
        ):
            command += ["--set", setting]
        self.screen = self.succeed(*command).stdout
        return json.loads((out / "result.json").read_text())

    def test_values_do_not_depend_on_clusters(self):
        for dataflow in ("output_stationary", "weight_stationary"):
            first = None
            for clusters, split in DESIGNS:
                result = self.run_model(clusters, split, f"hardware.dataflow={dataflow}")
                first = first or result
                context = (dataflow, clusters, split)
                self.assertGreater(result["overflow"]["inner_events"], 0)
                for part in ("accuracy", "overflow"):
                    self.assertEqual(result[part], first[part], context)
                for layer, other in zip(result["layers"], first["layers"], strict=True):
                    for key in ("name", "macs", "rmse", "overflow_events", "observed"):
                        self.assertEqual(layer[key], other[key], context)
                self.check_books(result, first, clusters)

    def check_books(self, result, one, clusters):
        for phase in ("prefill", "decode"):
            timing = result["timing"][phase]
            causes = timing["busy_cycles"] + sum(timing["stall_cycles"].values())
            self.assertEqual(timing["cycles"], causes)
            self.assertEqual(timing["macs"], one["timing"][phase]["macs"])
            if clusters > 1:
                self.assertLess(timing["busy_cycles"], one["timing"][phase]["busy_cycles"])
        memory = result["memory"]
        crossed = memory["interconnect_read_bits"] + memory["interconnect_written_bits"]
        self.assertEqual(crossed, memory["transferred_bits"] if clusters > 1 else 0)
        for part, area in result["area"]["by_part"].items():
            if part != "interconnect":
                self.assertAlmostEqual(area, clusters * one["area"]["by_part"][part], 12)
        self.assertEqual(clusters > 1, result["area"]["by_part"]["interconnect"] > 0)
        peak = result["peak"]
        self.assertEqual(peak["macs_per_cycle"], clusters * 64)
        self.assertEqual(peak["interconnect_bits_per_cycle"], 512 if clusters > 1 else None)
        self.assertEqual(clusters > 1, f"{clusters} clusters of 8x8 FMA" in self.screen)
        costs, others = (
            {cost["name"]: cost["value"] for cost in r["costs"]["unit_costs"]}
            for r in (result, one)
        )
        crossing_j = costs.pop("interconnect.bit", 0)
        self.assertAlmostEqual(result["energy"]["by_part"]["interconnect"], crossed * crossing_j, 15)
        self.assertEqual(clusters > 1, crossing_j > 0)
        if clusters > 1:  # its registers leak too
            self.assertGreater(costs.pop("leakage.logic"), clusters * others["leakage.logic"])
        for name, value in costs.items():
            times = clusters if name.startswith("leakage") else 1
            self.assertAlmostEqual(value / (times * others[name]), 1, 12, name)

    def test_measured_activity_and_static_ranges(self):
        settings = ("quantizer.activations.granularity=per_tensor", "energy.activity=measured",
                    f"quantizer.calibration.text={self.folder / 'tokens.npy'}",
                    "quantizer.calibration.sequences=2", "quantizer.calibration.length=32")
        one = self.run_model(1, "tokens", *settings)
        for split in ("tokens", "output_channels"):
            several = self.run_model(3, split, *settings)
            self.assertEqual(several["timing"]["prefill"]["macs"],
                             one["timing"]["prefill"]["macs"])
            # Tiles follow each other in other places, where the toggles between them differ.
            ratio = (several["energy"]["by_part"]["multiplier"]
                     / one["energy"]["by_part"]["multiplier"])
            self.assertLess(abs(ratio - 1), 0.1)

    def test_timing_only_takes_the_same_time(self):
        for clusters, split in DESIGNS:
            nothing_scored = "workload.evaluation.tokens=0"
            whole = self.run_model(clusters, split, nothing_scored)
            timing = self.run_model(clusters, split, nothing_scored, "workload.timing_only=true")
            for part in ("timing", "memory", "energy", "area"):
                self.assertEqual(timing[part], whole[part], (clusters, split))

    def gemm(self, clusters, split, *settings):
        command = ["gemm", "--config", self.write("design.yaml", design()), "--format", "json"]
        for setting in (f"hardware.clusters={clusters}", f"hardware.cluster_split={split}",
                        *settings):
            command += ["--set", setting]
        files = ("--weights", "w.npy", "--activations", "x.npy", "--output", "y.npy")
        command += [word if word.startswith("--") else self.folder / word for word in files]
        report = json.loads(self.succeed(*command, "--quiet").stdout)
        return report, np.load(self.folder / "y.npy")

    def test_products_of_any_shape(self):
        generator = np.random.default_rng(4)
        wide = ("accumulator.inner_bits=32",)
        for m, n, k in ((1, 1, 1), (1, 37, 50), (3, 2, 77), (19, 21, 130)):
            w, x = generator.integers(-32, 32, (n, k)), generator.integers(0, 32, (m, k))
            np.save(self.folder / "w.npy", w)
            np.save(self.folder / "x.npy", x)
            for clusters in (1, 2, 4, 64):
                for split in ("tokens", "output_channels"):
                    report, y = self.gemm(clusters, split, *wide)
                    np.testing.assert_array_equal(y, x @ w.T)
                    self.assertEqual(report["timing"]["prefill"]["macs"], m * n * k)

    def test_a_trap_names_the_first_overflow_of_the_whole_product(self):
        w, x = np.zeros((9, 32), int), np.zeros((6, 32), int)
        w[7], x[4] = 31, 31
        np.save(self.folder / "w.npy", w)
        np.save(self.folder / "x.npy", x)
        for clusters, split in DESIGNS:
            self.fail_with(
                1, ("token 4", "channel 7"), "gemm", "--config",
                self.write("design.yaml", design()), "--weights", self.folder / "w.npy",
                "--activations", self.folder / "x.npy", "--output", self.folder / "y.npy",
                "--set", "accumulator.overflow=trap", "--set", f"hardware.clusters={clusters}",
                "--set", f"hardware.cluster_split={split}", "--quiet")

    def test_a_trace_has_tracks_for_each_cluster(self):
        settings = ("workload.timing_only=true", "hardware.clusters=3",
                    "workload.phases.batch=1", "workload.phases.decode_tokens=0")
        arguments = ["--config", self.write("design.yaml", design()), "--out", self.folder / "t",
                     "--trace-layers", "*"]
        self.run_model(1, "tokens", "workload.timing_only=true")  # makes the model
        for setting in (*settings, f"workload.model={self.folder / 'model'}",
                        f"workload.evaluation={{text: {self.folder / 'tokens.npy'}, tokens: 0}}"):
            arguments += ["--set", setting]
        self.succeed(*arguments, "--trace", "perfetto")
        events = json.loads((self.folder / "t" / "trace.json").read_text())["traceEvents"]
        names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
        busy = {c: 0.0 for c in range(3)}
        for event in events:
            name = names.get(event["pid"], "")
            if event["ph"] == "X" and event["name"] == "busy":
                self.assertIn(": accelerator", name)
                busy[int(name.split()[1].rstrip(":"))] += event["dur"]
        result = json.loads((self.folder / "t" / "result.json").read_text())
        expected = result["timing"]["prefill"]["busy_cycles"]
        self.assertGreater(min(busy.values()), 0)
        # The mean over clusters, rounded in each product; 1 GHz.
        self.assertLess(abs(sum(busy.values()) * 1000 / 3 - expected), 30)
        self.succeed(*arguments, "--trace", "vcd")
        text = (self.folder / "t" / "trace.vcd").read_text()
        for cluster in range(3):
            self.assertIn(f"$scope module cluster_{cluster} $end", text)


if __name__ == "__main__":
    main()
