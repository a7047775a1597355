# SPDX-License-Identifier: Apache-2.0
"""Layers of different widths in one run: each must be what a run of its widths alone gives, and
the costs must follow from those runs' unit costs, the shapes and the widths."""

import json
import math
import re

import numpy as np

from axesim_cli import CliTestCase, main, minimal_config, needs_model
from verify_test import Export

NARROW = {"weight_bits": 6, "activation_bits": 6, "inner_bits": 16}
WIDE = {"weight_bits": 8, "activation_bits": 7, "inner_bits": 19}
TILE = 64
WORK = {
    "phases": {"prefill_tokens": 4, "decode_tokens": 1},
    "evaluation": {"tokens": 64, "context": 64},
}
DOWN = """overrides:
  - layers: "*.down_proj"
    number_format: {weight_bits: 8, activation_bits: 7}
    accumulator.inner_bits: 19
"""


def is_wide(name):
    return name.endswith(".down_proj")


def design(widths, overrides="", **quantizer):
    settings = {"algorithm": "naive_round", "accumulator_aware": "ep_init", **quantizer}
    # Overrides are of linear layers; attention would have the design's own widths.
    sections = {"quantizer": settings, "attention": {"bits": "float"}, "workload": WORK}
    return minimal_config(*widths.values(), TILE, **sections) + overrides


def products(result):
    return [layer for layer in result["layers"] if layer["k"] > 0]


def by_name(result):
    return {layer["name"]: layer for layer in products(result)}


def unit_costs(result):
    return {cost["name"]: cost["value"] for cost in result["costs"]["unit_costs"]}


def rows_of(layer, tokens):
    """lm_head sees the last position only."""
    return 1 if layer["name"] == "lm_head" else tokens


@needs_model
class Overrides(CliTestCase):
    def run_config(self, name, text):
        path, out = self.write(f"{name}.yaml", text), self.folder / name
        self.succeed("--config", path, "--out", out, "--export-weights", "--quiet")
        return json.loads((out / "result.json").read_text())

    def test_every_layer_is_that_of_a_run_of_its_widths(self):
        narrow = self.run_config("narrow", design(NARROW))
        wide = self.run_config("wide", design(WIDE))
        mixed = self.run_config("mixed", design(NARROW, DOWN))
        self.check_integers()
        self.check_layers(narrow, wide, mixed)
        self.check_traffic(mixed)
        self.check_costs(narrow, wide, mixed)
        self.check_rerun()

    def check_integers(self):
        exports = {
            name: Export(self.folder / name / "quantized.safetensors")
            for name in ("narrow", "wide", "mixed")
        }
        for tensor in exports["mixed"].layers():
            alike = exports["wide" if is_wide(tensor.removesuffix(".weight")) else "narrow"]
            self.assertTrue(
                np.array_equal(exports["mixed"].codes(tensor), alike.codes(tensor)), tensor
            )
        done = self.succeed("verify", self.folder / "mixed")
        self.assertEqual(done.stdout.count("W8 A7, activations [0, 127]: ok"), 30, done.stdout)
        # Without their own accumulators, the wide layers are not proven.
        path = exports["mixed"].path
        whole = path.read_bytes()
        key = b"model.layers.7.mlp.down_proj.inner_bits"
        self.assertEqual(whole.count(key), 1)
        path.write_bytes(whole.replace(key, key.replace(b"inner", b"INNER")))
        done = self.axesim("verify", self.folder / "mixed")
        self.assertEqual(done.returncode, 1)
        self.assertIn("NOT VERIFIED: 1 of 211 layers", done.stdout)
        path.write_bytes(whole)

    def check_layers(self, narrow, wide, mixed):
        self.assertTrue(mixed["overflow"]["certified"])
        self.assertEqual(mixed["overflow"]["inner"]["bits"], WIDE["inner_bits"])
        own = {True: by_name(wide), False: by_name(narrow)}
        for name, layer in by_name(mixed).items():
            alike = own[is_wide(name)][name]
            widths = WIDE if is_wide(name) else NARROW
            for key, bits in widths.items():
                self.assertEqual(layer[key], bits, name)
            for key in ("outer_bits", "bound", "inner_bits_needed", "certified", "m", "n", "k"):
                self.assertEqual(layer[key], alike[key], (name, key))
        # Layers before the first wide one see the very same activations.
        first, other = products(mixed)[0], products(narrow)[0]
        for key in ("rmse", "observed"):
            self.assertEqual(first[key], other[key])

    def check_traffic(self, mixed):
        """Bits of prefill and decode from shapes and widths; a group's input is written once."""
        for phase, tokens in ((mixed["memory"], 4), (mixed["memory"]["decode"], 1)):
            weights = activations = 0
            for layer in products(mixed):
                weights += layer["n"] * layer["k"] * layer["weight_bits"]
                reads = int(re.search(r"activations (?:fetched )?(\d+)x", layer["mapping"])[1])
                self.assertEqual(reads, 1, layer)
                self.assertIn("weights fetched 1x", layer["mapping"])
                is_first = not layer["name"].endswith(("k_proj", "v_proj", "up_proj"))
                passes = reads + (1 if is_first else 0)
                activations += passes * rows_of(layer, tokens) * layer["k"] * layer["activation_bits"]
            self.assertEqual(phase["by_stream"]["weights"]["payload_bits"], weights)
            self.assertEqual(phase["by_stream"]["activations"]["payload_bits"], activations)

    def check_costs(self, narrow, wide, mixed):
        """What is built is the wide design; what is done costs what each layer's design pays."""
        self.assertEqual(mixed["area"], wide["area"])
        self.assertEqual(mixed["costs"], wide["costs"])
        unit = {True: unit_costs(wide), False: unit_costs(narrow)}
        for phase, tokens in (("prefill", 4), ("decode", 1)):
            energy = mixed["energy"] if phase == "prefill" else mixed["energy"]["decode"]
            expected = dict.fromkeys(("multiplier", "inner_accumulator", "outer_accumulator"), 0.0)
            for name, layer in by_name(mixed).items():
                cost = unit[is_wide(name)]
                outputs = rows_of(layer, tokens) * layer["n"]
                products = outputs * layer["k"]
                expected["multiplier"] += products * cost["multiplier.product"]
                expected["inner_accumulator"] += products * cost["inner_accumulator.step"]
                tiles = math.ceil(layer["k"] / TILE)
                expected["outer_accumulator"] += outputs * tiles * cost["outer_accumulator.add"]
            timing = mixed["timing"][phase]
            leakage = unit[True]["leakage.logic"] + unit[True]["leakage.sram"]
            expected["leakage"] = timing["seconds"] * leakage
            for part, joules in expected.items():
                self.assertTrue(
                    math.isclose(energy["by_part"][part], joules, rel_tol=1e-9), (phase, part)
                )
            self.assertTrue(
                math.isclose(energy["total_j"], math.fsum(energy["by_part"].values()))
            )
            self.assertLess(energy["range"]["min_j"], energy["total_j"])
            self.assertGreater(energy["range"]["max_j"], energy["total_j"])
            # The array steps as ever.
            for other in (narrow, wide):
                for key in ("busy_cycles", "macs"):
                    self.assertEqual(timing[key], other["timing"][phase][key])
        layers = math.fsum(layer["energy_j"] for layer in mixed["layers"])
        self.assertTrue(math.isclose(layers, mixed["energy"]["total_j"], rel_tol=1e-9))

    def check_rerun(self):
        """The written config shows the overrides and gives the run again."""
        out = self.folder / "again"
        config = self.folder / "mixed" / "config.yaml"
        self.assertIn("overrides:\n  - layers: ", config.read_text())
        self.succeed("--config", config, "--out", out, "--export-weights", "--quiet")
        for file in ("config.yaml", "layers.csv", "quantized.safetensors"):
            first, second = (self.folder / run / file for run in ("mixed", "again"))
            self.assertEqual(first.read_bytes(), second.read_bytes(), file)
        first, second = (
            json.loads((self.folder / run / "result.json").read_text()) for run in ("mixed", "again")
        )
        del first["host"], second["host"]
        self.assertEqual(first, second)

    def test_what_the_model_cannot_have(self):
        cases = [
            ('{layers: "*.mlp.dwn_proj", number_format.weight_bits: 7}',
             ["dwn_proj", "matches no layer", "model.layers."]),
            ('{layers: "*.k_proj", number_format.activation_bits: 7}',
             ["number_format.activation_bits", "q_proj", "k_proj", "share one input"]),
            ('{layers: "*.o_proj", accumulator.inner_bits: 8}',
             ["self_attn.o_proj", "accumulator.inner_bits", "12..48"]),
        ]  # fmt: skip
        for number, (entry, words) in enumerate(cases):
            text = design(NARROW) + "overrides:\n  - " + entry + "\n"
            path = self.write(f"wrong{number}.yaml", text)
            line = len(text.splitlines())
            for command in ([], ["quantize", "--out", self.folder / "none"]):
                self.fail_with(
                    2, [f"{path}:{line}:", *words], *command, "--config", path, "--quiet"
                )


if __name__ == "__main__":
    main()
