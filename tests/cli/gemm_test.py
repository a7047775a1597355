# SPDX-License-Identifier: Apache-2.0
"""`axesim gemm` against an emulation step by step: every value and every overflow event."""

import json
import random

import numpy as np

from axesim_cli import CliTestCase, main, minimal_config
from gemm_semantics import Design, gemm

CASES = 60


def config_of(design, dataflow="output_stationary"):
    return minimal_config(
        design.weight_bits,
        design.activation_bits,
        design.inner_bits,
        design.tile or "monolithic",
        accumulator={"overflow": design.overflow, "outer_bits": design.outer_bits or "auto"},
        quantizer={
            "weight_range": "narrow" if design.narrow else "full",
            "activations": {"range": "symmetric" if design.symmetric else "asymmetric"},
        },
        hardware={
            "dataflow": dataflow,
            "array": {"rows": 4, "columns": 8, "lanes": design.lanes},
        },
    )


def random_design(draw):
    """Any design whose inner accumulator holds one product."""
    while True:
        lanes = draw.choice([1, 4, 16])
        design = Design(
            weight_bits=draw.randint(2, 16),
            activation_bits=draw.randint(2, 16),
            inner_bits=draw.randint(6, 32),
            tile=draw.choice([0, lanes, 2 * lanes, 3 * lanes, 32]),
            lanes=lanes,
            overflow=draw.choice(["wrap", "saturate"]),
            symmetric=draw.random() < 0.5,
            narrow=draw.random() < 0.5,
        )
        # Close above one product, most of the time, so that sums overflow.
        need = design.bits_of_one_product()
        if not need <= design.inner_bits <= need + draw.choice([1, 3, 30]):
            continue
        if draw.random() < 0.4:
            design.outer_bits = draw.randint(design.inner_bits, design.inner_bits + 2)
        return design


def random_codes(draw, generator, shape, low, high):
    """Uniform codes, or codes at one end of the range, which overflow at once."""
    if draw.random() < 0.5:
        return generator.integers(low, high + 1, shape, dtype=np.int64)
    ends = np.where(generator.random(shape) < 0.8, high, low)
    return np.where(generator.random(shape) < 0.9, ends, 0).astype(np.int64)


class Gemm(CliTestCase):
    def files(self, design, x, w, dataflow="output_stationary"):
        np.save(self.folder / "x.npy", x)
        np.save(self.folder / "w.npy", w)
        config = self.write("design.yaml", config_of(design, dataflow))
        return [
            *("gemm", "--config", config, "--activations", self.folder / "x.npy"),
            *("--weights", self.folder / "w.npy", "--output", self.folder / "y.npy"),
        ]

    def check(self, design, x, w, dataflow="output_stationary"):
        done = self.succeed(*self.files(design, x, w, dataflow), "--format", "json", "--quiet")
        result = json.loads(done.stdout)
        y, inner_events, outer_events = gemm(x, w, design)
        found = np.load(self.folder / "y.npy")
        self.assertEqual(found.dtype, np.int64)
        np.testing.assert_array_equal(found, y)
        self.assertEqual(result["overflow"]["inner_events"], inner_events)
        self.assertEqual(result["overflow"]["outer_events"], outer_events)
        for section in ("timing", "memory", "energy", "area"):
            self.assertIn(section, result)
        return inner_events, outer_events

    def test_random_designs(self):
        draw, generator = random.Random(1), np.random.default_rng(1)
        with_inner, with_outer, without = 0, 0, 0
        for number in range(CASES):
            design = random_design(draw)
            tokens, outputs = draw.randint(1, 9), draw.randint(1, 19)
            depth = draw.randint(1, 150)
            x = random_codes(draw, generator, (tokens, depth), *design.activation_range())
            w = random_codes(draw, generator, (outputs, depth), *design.weight_range())
            with self.subTest(number=number, design=design, shape=(tokens, outputs, depth)):
                dataflow = ("output_stationary", "weight_stationary")[number % 2]
                inner, outer = self.check(design, x, w, dataflow)
                with_inner += inner > 0
                with_outer += outer > 0
                without += inner + outer == 0
        # Else the designs above would test too little.
        self.assertGreater(with_inner, CASES // 4)
        self.assertGreater(with_outer, 3)
        self.assertGreater(without, 3)

    def test_array_is_smaller_than_the_product(self):
        draw, generator = random.Random(2), np.random.default_rng(2)
        for overflow in ("wrap", "saturate"):
            design = Design(5, 7, 15, 48, 4, overflow, False, False)
            x = random_codes(draw, generator, (67, 301), *design.activation_range())
            w = random_codes(draw, generator, (130, 301), *design.weight_range())
            self.assertGreater(self.check(design, x, w)[0], 0)
            self.assertGreater(self.check(design, x, w, "weight_stationary")[0], 0)

    def test_types_of_numpy(self):
        design = Design(4, 4, 12, 8, 1, "wrap", True, False)
        generator = np.random.default_rng(3)
        for kind in (np.int8, np.int16, np.int32, np.int64):
            x = generator.integers(-8, 8, (3, 20)).astype(kind)
            w = generator.integers(-8, 8, (5, 20)).astype(kind)
            self.check(design, x, w)

    def test_inner_accumulator_must_hold_one_product(self):
        for symmetric in (False, True):
            for narrow in (False, True):
                design = Design(5, 6, 0, 16, 1, "wrap", symmetric, narrow)
                x, w = np.ones((1, 16), np.int64), np.ones((1, 16), np.int64)
                design.inner_bits = design.bits_of_one_product()
                with self.subTest(design=design):
                    self.check(design, x, w)
                    design.inner_bits -= 1
                    self.fail_with(2, ["accumulator.inner_bits"], *self.files(design, x, w))

    def test_trap_names_the_place(self):
        # 15 x 7 = 105 a product in 8 bits: the second product overflows, in token 1 and channel 2
        # alone, at k = 9, the second product that is not 0 of the tile that begins at 8.
        design = Design(4, 4, 8, 8, 1, "trap", False, False)
        x, w = np.zeros((3, 20), np.int64), np.zeros((4, 20), np.int64)
        x[1, 8:10], w[2, 8:10] = 15, 7
        arguments = self.files(design, x, w)
        self.fail_with(1, ["channel 2", "token 1", "k 9", "trap"], *arguments, "--quiet")
        self.assertFalse((self.folder / "y.npy").exists())
        x[1, 9] = 0
        self.succeed(*self.files(design, x, w))

    def test_codes_out_of_range(self):
        for symmetric, bad in ((False, 16), (False, -1), (True, 8), (True, -9)):
            design = Design(4, 4, 12, 8, 1, "wrap", symmetric, True)
            x, w = np.zeros((3, 16), np.int64), np.zeros((4, 16), np.int64)
            x[2, 7] = bad
            place = ["activations", "[2, 7]", bad]
            self.fail_with(2, place, *self.files(design, x, w))
        x[2, 7], w[3, 5] = 0, -8  # narrow weights end at -7
        self.fail_with(2, ["weights", "[3, 5]", -8], *self.files(design, x, w))
        self.assertFalse((self.folder / "y.npy").exists())

    def test_tiles_that_do_not_fit_the_buffers(self):
        design = Design(6, 6, 24, 4096, 1, "wrap", True, False)
        x = w = np.zeros((64, 5000), np.int64)
        arguments = self.files(design, x, w)
        place = "--set hardware.mapping.tokens=64: hardware.mapping.tokens: "
        given = ["--set", "hardware.mapping.tokens=64"]
        given += ["--set", "hardware.buffers.activations_kib=1"]
        self.fail_with(2, [place, "64 tokens", "234.4 KiB of activations"], *arguments, *given)
        config = self.folder / "design.yaml"
        lines = ["number_format: {weight_bits: 6, activation_bits: 6}",
                 "accumulator: {inner_bits: 24, tile_size: 4096}",
                 "quantizer: {activations: {range: symmetric}}",
                 "hardware:", "  clock_mhz: 500", "  buffers: {weights_kib: 1}"]
        config.write_text("\n".join(lines) + "\n")
        self.fail_with(2, ["design.yaml:6:3: hardware.buffers: ", "enlarge"], *arguments)

    def test_arrays_that_do_not_fit(self):
        design = Design(4, 4, 12, 8, 1, "wrap", True, False)
        x, w = np.zeros((3, 16), np.int64), np.zeros((4, 17), np.int64)
        self.fail_with(2, ["16", "17", "K"], *self.files(design, x, w))
        self.fail_with(2, ["x.npy"], *self.files(design, x.astype(float), w[:, :16]))
        self.fail_with(2, ["x.npy"], *self.files(design, np.zeros((2, 3, 16), int), w[:, :16]))
        fortran = np.asfortranarray(w[:, :16])
        self.fail_with(2, ["w.npy", "ascontiguousarray"], *self.files(design, x, fortran))
        arguments = self.files(design, x, w[:, :16])
        self.write("x.npy", b"not an array")
        self.fail_with(2, ["x.npy"], *arguments)
        self.assertFalse((self.folder / "y.npy").exists())


if __name__ == "__main__":
    main()
