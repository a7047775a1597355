# SPDX-License-Identifier: Apache-2.0
"""energy.activity: measured against toggles that are counted here, in every unit, bit by bit."""

import json
import re

import numpy as np

from axesim_cli import CliTestCase, main, minimal_config

TILE = 32
INNER_BITS = 16
BITS = 6
ZERO = 1 << BITS - 1  # of the unsigned activation codes


def bits_of(codes, width):
    return codes[..., None] >> np.arange(width) & 1


def toggles(weights, activations):
    """Mean number of partial-product and of accumulator bits that change from a step to the next,
    over all pairs of channels and tokens."""
    w = bits_of(weights, BITS).astype(bool)[..., None]
    products, sums = [], []
    for x in activations:
        partial = w & bits_of(x, BITS).astype(bool)[:, None, :]
        products.append((partial[:, 1:] != partial[:, :-1]).sum() / partial[:, 1:, 0, 0].size)
        tiles = (weights * x).reshape(len(weights), -1, TILE)
        register = bits_of(np.cumsum(tiles, axis=2).reshape(weights.shape), INNER_BITS)
        sums.append((register[:, 1:] != register[:, :-1]).sum() / register[:, 1:, 0].size)
    return np.mean(products), np.mean(sums)


def normal_codes(generator, shape, share=1):
    most = ZERO - 1
    return np.rint(generator.normal(0, share * most / 3.5, shape)).clip(-ZERO, most).astype(int)


class Activity(CliTestCase):
    def setUp(self):
        super().setUp()
        self.generator = np.random.default_rng(3)
        w, x = normal_codes(self.generator, (2, 4, 4096))
        self.nominal = toggles(w, x + ZERO)

    def gemm(self, weights, activations, activity):
        np.save(self.folder / "w.npy", weights)
        np.save(self.folder / "x.npy", activations)
        config = minimal_config(BITS, BITS, INNER_BITS, TILE, energy={"activity": activity},
                                accumulator={"overflow": "wrap"},
                                hardware={"mapping": {"tokens": 8, "outputs": 8}})
        done = self.succeed(
            *("gemm", "--config", self.write("design.yaml", config)),
            *("--weights", self.folder / "w.npy", "--activations", self.folder / "x.npy"),
            *("--output", self.folder / "y.npy", "--format", "json", "--quiet"))
        return json.loads(done.stdout)

    def unit_cost(self, name):
        """Joules; the same for all designs of this technology."""
        return float(re.search(r"value +(\S+)", self.succeed("explain", name).stdout)[1])

    def expect_energy_of_toggles(self, weights, activations):
        nominal = self.gemm(weights, activations, "nominal")
        measured = self.gemm(weights, activations, "measured")
        macs = measured["timing"]["prefill"]["macs"]
        found = toggles(weights, activations)
        factor_of = 0
        for part, seen, usual in zip(("multiplier", "inner_accumulator"), found, self.nominal):
            more = macs * (seen - usual) * self.unit_cost(f"{part}.toggle_beyond_nominal")
            expected = nominal["energy"]["by_part"][part] + more
            # The simulator watches some of the units, and draws nominal operands of its own.
            self.assertAlmostEqual(measured["energy"]["by_part"][part] / expected, 1, delta=0.02)
            factor_of += more
        parts = nominal["energy"]["by_part"]
        products = parts["multiplier"] + parts["inner_accumulator"]
        self.assertAlmostEqual(measured["energy"]["activity_factor"], 1 + factor_of / products,
                               delta=0.02)
        for part, energy in parts.items():
            if part not in ("multiplier", "inner_accumulator"):
                self.assertEqual(measured["energy"]["by_part"][part], energy, part)
        self.assertIsNone(nominal["energy"]["activity_factor"])
        return measured["energy"]["activity_factor"]

    def test_nominal_operands_cost_what_they_did(self):
        w, x = normal_codes(self.generator, (2, 64, 512))
        self.assertAlmostEqual(self.expect_energy_of_toggles(w, x + ZERO), 1, delta=0.02)

    def test_small_weights_cost_less(self):
        w = normal_codes(self.generator, (64, 512), 1 / 8)
        x = normal_codes(self.generator, (64, 512)) + ZERO
        self.assertLess(self.expect_energy_of_toggles(w, x), 0.95)

    def test_channels_that_differ(self):
        """So that it matters which units are watched."""
        w = normal_codes(self.generator, (48, 320)) // np.repeat([1, 4, 16], 16)[:, None]
        x = normal_codes(self.generator, (70, 320)) + ZERO
        self.assertLess(self.expect_energy_of_toggles(w, x), 0.99)


if __name__ == "__main__":
    main()
