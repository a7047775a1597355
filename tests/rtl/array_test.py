# SPDX-License-Identifier: Apache-2.0
"""The RTL's arrays against `axesim gemm`: the same memory dump, the same overflow events, the same
cycles. The programs are those that ctest names in RTL_ARRAY_GEMM and RTL_SMOLLM2_OPERANDS."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

from axesim_cli import SKIPPED, CliTestCase, main, minimal_config, needs_model

RTL_ARRAY_GEMM = os.environ["RTL_ARRAY_GEMM"]
RTL_SMOLLM2_OPERANDS = os.environ["RTL_SMOLLM2_OPERANDS"]


def rtl_array_gemm(*arguments):
    command = [RTL_ARRAY_GEMM, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def config_of(array, quantizer=(), **other):
    """A config with the array's parameters, or others in their place."""
    array = {**array, **other}
    signed = array["activation_signed"]
    activations = {"range": "symmetric" if signed else "asymmetric"}
    return minimal_config(
        array["weight_bits"],
        array["activation_bits"],
        array["inner_bits"],
        array["tile_size"] or "monolithic",
        accumulator={"overflow": array["overflow"], "outer_bits": array["outer_bits"]},
        quantizer={"activations": activations, **dict(quantizer)},
        hardware={
            # Slow enough that no unit needs a pipeline, which the RTL does not have.
            "clock_mhz": 200,
            "dataflow": array["dataflow"],
            "array": {name: array[name] for name in ("rows", "columns", "lanes")},
            "mapping": {"tokens": 64},  # as in the RTL, all at once
        },
    )


def codes(generator, shape, low, high):
    """Uniform codes, or mostly those of one end of the range, which overflow at once."""
    if generator.random() < 0.5:
        return generator.integers(low, high + 1, shape)
    return np.where(generator.random(shape) < 0.8, generator.choice([low, high]), 0)


def operands(generator, array):
    tokens, channels = generator.integers(1, 3 * array["rows"] + 2), generator.integers(1, 20)
    depth = generator.integers(1, 200)
    n, m = array["activation_bits"], array["weight_bits"]
    low, high = (-(2 ** (n - 1)), 2 ** (n - 1) - 1) if array["activation_signed"] else (0, 2**n - 1)
    x = codes(generator, (tokens, depth), low, high)
    w = codes(generator, (channels, depth), -(2 ** (m - 1)), 2 ** (m - 1) - 1)
    return x.astype(np.int64), w.astype(np.int64)


class Array(CliTestCase):
    def run_both(self, number, config, x, w):
        """What the RTL and what the simulator print and write."""
        np.save(self.folder / "x.npy", x)
        np.save(self.folder / "w.npy", w)
        files = [self.folder / "x.npy", self.folder / "w.npy"]
        rtl = rtl_array_gemm(number, *files, self.folder / "rtl.npy")
        done = self.succeed(
            *("gemm", "--config", self.write("design.yaml", config), "--activations", files[0]),
            *("--weights", files[1], "--output", self.folder / "simulated.npy"),
            *("--format", "json", "--quiet"),
        )
        return rtl, json.loads(done.stdout)

    def dumps(self):
        return [(self.folder / name).read_bytes() for name in ("rtl.npy", "simulated.npy")]

    def expect_equal(self, rtl, simulated):
        self.assertEqual(*self.dumps())
        self.assertEqual(rtl["inner_events"], simulated["overflow"]["inner_events"])
        self.assertEqual(rtl["outer_events"], simulated["overflow"]["outer_events"])
        timing = simulated["timing"]["prefill"]
        spent = timing["busy_cycles"] + timing["stall_cycles"]["fill_drain"]
        self.assertEqual(rtl["cycles"], spent)

    def test_random_products(self):
        generator = np.random.default_rng(1)
        inner, outer, without, outputs = 0, 0, 0, 0
        for number, array in enumerate(rtl_array_gemm()):
            for _ in range(6):
                x, w = operands(generator, array)
                with self.subTest(array=array, x=x.shape, w=w.shape):
                    rtl, simulated = self.run_both(number, config_of(array), x, w)
                    self.expect_equal(rtl, simulated)
                    inner += rtl["inner_events"]
                    outer += rtl["outer_events"]
                    without += rtl["inner_events"] + rtl["outer_events"] == 0
                    outputs += len(x) * len(w)
        print(f"{outputs} outputs, {inner} inner and {outer} outer overflow events")
        self.assertGreater(inner, 1000)  # else the products above would test too little
        self.assertGreater(outer, 100)
        self.assertGreater(without, 3)

    def test_another_design_differs(self):
        generator = np.random.default_rng(2)
        array = rtl_array_gemm()[0]
        x = generator.integers(40, 64, (8, 128))
        w = generator.integers(20, 32, (8, 128))
        for other in ({"overflow": "wrap"}, {"inner_bits": 15}, {"tile_size": 32}, {"lanes": 2}):
            with self.subTest(other=other):
                config = config_of(array, **other)
                rtl, simulated = self.run_both(0, config, x, w)
                with self.assertRaises(AssertionError):
                    self.expect_equal(rtl, simulated)

    @needs_model
    def test_layers_of_smollm2(self):
        """Weights that the quantizer made for the first array of each dataflow, activations of a
        real text."""
        arrays = rtl_array_gemm()
        held = next(i for i, array in enumerate(arrays) if array["dataflow"] == "weight_stationary")
        naive = {"algorithm": "naive_round", "accumulator_aware": "none"}
        for number, block, kind, quantizer in (
            (0, 0, "q_proj", {}),
            (0, 20, "down_proj", naive),
            (held, 0, "q_proj", {}),
        ):
            array = arrays[number]
            with self.subTest(array=number, block=block, kind=kind):
                command = [RTL_SMOLLM2_OPERANDS, block, kind, 32, array["activation_bits"]]
                done = subprocess.run([*map(str, command), self.folder], check=False)
                self.assertNotEqual(done.returncode, SKIPPED)
                self.assertEqual(done.returncode, 0)
                config = config_of(array, quantizer)
                self.succeed(
                    *("quantize", "--config", self.write("design.yaml", config)),
                    *("--weights", self.folder / "weights.npy"),
                    *("--inputs", self.folder / "inputs.npy", "--output", self.folder / "q.npy"),
                )
                x, w = np.load(self.folder / "codes.npy"), np.load(self.folder / "q.npy")
                rtl, simulated = self.run_both(number, config, x, w)
                self.expect_equal(rtl, simulated)
                if not quantizer:  # certified
                    self.assertEqual(rtl["inner_events"] + rtl["outer_events"], 0)
                print(f"{block} {kind}: {len(x)} x {len(w)} x {x.shape[1]}, {rtl}")


if __name__ == "__main__":
    main()
