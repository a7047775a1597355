# SPDX-License-Identifier: Apache-2.0
"""Models without weights: one block that stands for all, against the walk over all blocks."""

import json

from axesim_cli import ROUND_ONLY, CliTestCase, main
from synthetic_llama import Shape, write_model, write_tokens

TINY = {"hidden": 96, "ffn": 160, "heads": 6, "kv_heads": 2}
SMALL = {"hidden": 384, "ffn": 1024, "heads": 24, "kv_heads": 8}
VOCABULARY, CONTEXT = 256, 2048
PHASES = ("workload.phases.prefill_tokens=24", "workload.phases.decode_tokens=3")


def shape_file(blocks, widths):
    sizes = {"blocks": blocks, **widths, "head_size": 16, "vocabulary": VOCABULARY}
    sizes |= {"context": CONTEXT, "rope_base": 10000, "rms_epsilon": 1e-5}
    text = "name: Tiny\nshape:\n"
    for key, value in sizes.items():
        text += f'  {key}: {{value: {value}, unit: "1", source: test}}\n'
    return text + "  tied_embeddings: {value: true, source: test}\n"


def close(test, one, other, tolerance):
    test.assertLessEqual(abs(one / other - 1), tolerance, (one, other))


class Repeated(CliTestCase):
    def run_model(self, model, *settings):
        config = self.write("round.yaml", ROUND_ONLY)
        arguments = ["--config", config, "--format", "json", "--quiet"]
        tokens = self.folder / "tokens.npy"
        write_tokens(tokens, 64)
        for setting in (
            f"workload.model={model}",
            f"workload.evaluation={{text: {tokens}, tokens: 0}}",
            *(*PHASES, *settings),
        ):
            arguments += ["--set", setting]
        return json.loads(self.succeed(*arguments).stdout)

    def run_shape(self, blocks, *settings, widths=TINY):
        path = self.write("sizes.yaml", shape_file(blocks, widths))
        return self.run_model(path, *settings)

    def run_weights(self, blocks, *settings, widths=TINY):
        folder = self.folder / "model"
        if not folder.exists():
            write_model(folder, Shape(blocks=blocks, **widths))
        return self.run_model(folder, *settings)

    def test_one_block_takes_what_one_with_weights_takes(self):
        for more in ((), ("workload.phases.batch=3", "quantizer.equalization=rotation")):
            shape, weights = self.run_shape(1, *more), self.run_weights(1, *more)
            for section in ("timing", "memory", "energy", "area"):
                self.assertEqual(shape[section], weights[section])

    def test_a_repeated_block_counts_as_often_as_blocks_are_walked(self):
        tiles = "accumulator.tile_size=64"
        shape = self.run_shape(3, tiles, widths=SMALL)
        weights = self.run_weights(3, tiles, widths=SMALL)
        for phase in ("prefill", "decode"):
            one, other = shape["timing"][phase], weights["timing"][phase]
            for key in ("macs", "busy_cycles", "tokens", "batch"):
                self.assertEqual(one[key], other[key], key)
            self.assertEqual(one["stall_cycles"]["fill_drain"], other["stall_cycles"]["fill_drain"])
            # When refreshes come and which rows lie open differs from block to block, most for the
            # many short transfers of attention.
            close(self, one["cycles"], other["cycles"], 0.03)
        for one, other in (
            (shape["memory"], weights["memory"]),
            (shape["memory"]["decode"], weights["memory"]["decode"]),
        ):
            self.assertEqual(one["by_stream"], other["by_stream"])
            self.assertEqual(one["dram_bytes"], other["dram_bytes"])
            self.assertEqual(one["dram_read_bits"], other["dram_read_bits"])
        for part in ("multiplier", "inner_accumulator", "outer_accumulator", "sram"):
            one, other = shape["energy"]["by_part"][part], weights["energy"]["by_part"][part]
            close(self, one, other, 1e-12)

    def test_rows_times_their_count_are_the_phase(self):
        result = self.run_shape(5)
        counts = [layer["count"] for layer in result["layers"]]
        self.assertEqual(counts, [1] + 16 * [5] + [1, 1])  # embedding, a block, last norm, lm_head
        cycles = sum(layer["count"] * layer["cycles"] for layer in result["layers"])
        self.assertEqual(cycles, result["timing"]["prefill"]["cycles"])
        energy = sum(layer["count"] * layer["energy_j"] for layer in result["layers"])
        close(self, energy, result["energy"]["total_j"], 1e-9)

    def test_says_that_accuracy_was_not_measured(self):
        result = self.run_shape(2, "workload.evaluation.tokens=64")
        self.assertIsNone(result["accuracy"])
        self.assertIn("random", result["accuracy_not_measured"])
        self.assertIn("random weights", result["provenance"]["quantizer"])
        shape = self.write("tiny.yaml", shape_file(2, TINY))
        config = self.write("round.yaml", ROUND_ONLY)
        arguments = ["--config", config, "--quiet", "--set", f"workload.model={shape}"]
        report = self.succeed(*arguments).stdout
        self.assertIn("accuracy    not measured: the weights are random", report)
        self.assertIn("for 2 blocks", report)

    def test_timing_needs_no_values(self):
        variants = (
            (),
            ("attention.bits=float",),
            ("attention={bits: 5, kv_cache_bits: 3, rotation: false}",),
            ("workload.phases.batch=3", "quantizer.equalization=rotation"),
            (
                "quantizer.weight_groups=power_of_two",
                "accumulator.tile_size=32",
                "hardware.dataflow=weight_stationary",
            ),
        )
        for more in variants:
            with_values = self.run_shape(2, *more)
            timing = self.run_shape(2, "workload.timing_only=true", *more)
            for section in ("timing", "memory", "energy", "area"):
                self.assertEqual(timing[section], with_values[section], more)
            self.assertIsNone(timing["overflow"])
            self.assertIn("timing_only", timing["accuracy_not_measured"])
            for one, other in zip(timing["layers"], with_values["layers"], strict=True):
                for key in ("name", "cycles", "energy_j", "mapping", "weight_bits"):
                    self.assertEqual(one[key], other[key])
                self.assertIsNone(one["certified"])

    def test_timing_of_a_model_with_weights(self):
        # Biases and static ranges come from calibration, and their timing must not need it.
        text = self.folder / "tokens.npy"
        calibration = f"quantizer.calibration={{text: {text}, sequences: 2, length: 16}}"
        settings = ("quantizer.bias_correction=true", calibration)
        with_values = self.run_weights(2, *settings)
        timing = self.run_weights(2, "workload.timing_only=true", *settings)
        for section in ("timing", "memory", "energy", "area"):
            self.assertEqual(timing[section], with_values[section])

    def test_lm_head_runs_on_the_array(self):
        def run(*more):
            folder = self.folder / "model"
            if not folder.exists():
                write_model(folder, Shape(blocks=1, **TINY))
            evaluation = f"{{text: {self.folder / 'tokens.npy'}, tokens: 64, context: 64}}"
            more = (f"workload.evaluation={evaluation}", "number_format.weight_bits=12", *more)
            return self.run_model(folder, "number_format.activation_bits=12", *more)

        on_host, fine = run("lm_head.bits=float"), run()
        self.assertEqual(on_host["not_counted"], ["lm_head (computed in float on the host)"])
        self.assertEqual(fine["not_counted"], [])
        head = fine["layers"][-1]
        self.assertEqual((head["name"], head["m"], head["n"]), ("lm_head", 1, VOCABULARY))
        self.assertEqual(head["k"], TINY["hidden"])
        self.assertGreater(head["sqnr_db"], 40)
        perplexity = fine["accuracy"]["perplexity_quantized"]
        close(self, perplexity, on_host["accuracy"]["perplexity_quantized"], 2e-3)
        self.assertNotEqual(perplexity, on_host["accuracy"]["perplexity_quantized"])
        coarse = run("lm_head.bits=2")
        self.assertEqual(coarse["layers"][-1]["weight_bits"], 2)
        self.assertLess(coarse["layers"][-1]["sqnr_db"], 15)
        for phase in ("prefill", "decode"):
            macs = fine["timing"][phase]["macs"] - on_host["timing"][phase]["macs"]
            tokens = 1 if phase == "prefill" else 3
            self.assertEqual(macs, tokens * VOCABULARY * TINY["hidden"])

    def test_the_seed_decides(self):
        def overflow(seed):
            return self.run_shape(2, f"seed={seed}")["overflow"]

        self.assertEqual(overflow(1), overflow(1))
        self.assertNotEqual(overflow(1)["inner"]["seen"], overflow(2)["inner"]["seen"])

    def test_errors(self):
        config = self.write("round.yaml", ROUND_ONLY)
        shape = self.write("tiny.yaml", shape_file(4, TINY))
        model = ["--set", f"workload.model={shape}"]
        self.fail_with(
            *(2, ["workload.model", "no weights"]),
            *("quantize", "--config", config, "--out", self.folder / "out", "--quiet", *model),
        )
        self.fail_with(
            *(2, ["workload.timing_only", "nothing to quantize"]),
            *("quantize", "--config", config, "--out", self.folder / "out", "--quiet"),
            *("--set", "workload.timing_only=true"),
        )
        text = ROUND_ONLY + 'overrides: [{layers: "*.layers.2.*", number_format.weight_bits: 4}]\n'
        config = self.write("block.yaml", text)
        words = ["block.yaml:5:22", "tells blocks apart", "all 4"]
        self.fail_with(2, words, "--config", config, "--quiet", *model)
        broken = self.write("broken.yaml", shape_file(4, TINY).replace("value: 96", "value: -96"))
        words = [f"{broken}:4:", "hidden"]
        model = ["--set", f"workload.model={broken}"]
        self.fail_with(2, words, "--config", config, "--quiet", *model)


if __name__ == "__main__":
    main()
