# SPDX-License-Identifier: Apache-2.0
"""`axesim quantize` of one matrix against the codes that an independent program found."""

import json

import numpy as np

from axesim_cli import SHARED_DATA, CliTestCase, main, minimal_config, needs_shared

WIDE = 48  # bits: holds anything that these small cases can sum


def config_of(vector):
    constrained = vector["P"] is not None
    return minimal_config(
        vector["M"],
        vector["N"],
        vector["P"] if constrained else WIDE,
        vector["T"] or "monolithic",
        quantizer={
            "algorithm": vector["algo"],
            "accumulator_aware": "axe" if constrained else "none",
            "weight_range": "narrow",
            "activations": {"range": "symmetric" if vector["signed"] else "asymmetric"},
            "order": "activation" if vector["act_order"] else "natural",
            "error_feedback": vector["opts"].get("error", "post"),
            "pad_short_tile_with_zeros": vector["pad"] == "zeros",
            "equalization": "none",
        },
    )


class QuantizeOneMatrix(CliTestCase):
    def arguments(self, vector):
        arrays = {
            "weights": np.array(vector["W"]),
            "scales": np.array(vector["s"]),
            # The file has [K][samples].
            "inputs": np.array(vector["X"]).T.copy(),
            "quantized-inputs": np.array(vector["Xq"]).T.copy(),
        }
        config = self.write("design.yaml", config_of(vector))
        arguments = ["quantize", "--config", config, "--output", self.folder / "q.npy"]
        for name, array in arrays.items():
            np.save(self.folder / f"{name}.npy", array)
            arguments += [f"--{name}", self.folder / f"{name}.npy"]
        return arguments

    @needs_shared("axe_vectors.json")
    def test_codes_of_an_independent_program(self):
        vectors = json.loads((SHARED_DATA / "axe_vectors.json").read_text())
        self.assertGreaterEqual(len(vectors), 17)
        for vector in vectors:
            with self.subTest(algorithm=vector["algo"], name=vector["name"]):
                done = self.succeed(*self.arguments(vector))
                codes = np.load(self.folder / "q.npy")
                self.assertEqual(codes.dtype, np.int32)
                np.testing.assert_array_equal(codes, np.array(vector["Q"]))
                self.assertIn(": certified", done.stdout)
                (self.folder / "q.npy").unlink()

    @needs_shared("axe_vectors.json")
    def test_without_quantized_inputs_the_inputs_are_taken(self):
        vectors = json.loads((SHARED_DATA / "axe_vectors.json").read_text())
        for vector in vectors:
            if vector["X"] != vector["Xq"]:
                continue
            arguments = self.arguments(vector)
            place = arguments.index("--quantized-inputs")
            self.succeed(*arguments[:place], *arguments[place + 2 :])
            np.testing.assert_array_equal(np.load(self.folder / "q.npy"), np.array(vector["Q"]))


class QuantizeAnyMatrix(CliTestCase):
    """What must hold for a random matrix, whatever codes are chosen."""

    def test_guarantee_and_thresholds(self):
        generator = np.random.default_rng(7)
        np.save(self.folder / "w.npy", generator.standard_normal((9, 70)))
        np.save(self.folder / "x.npy", generator.standard_normal((200, 70)))
        for algorithm in ("optq", "gpfq"):
            for symmetric in (False, True):
                config = minimal_config(
                    6,
                    6,
                    13,
                    32,
                    quantizer={
                        "algorithm": algorithm,
                        "activations": {"range": "symmetric" if symmetric else "asymmetric"},
                    },
                )
                self.succeed(
                    *("quantize", "--config", self.write("design.yaml", config)),
                    *("--weights", self.folder / "w.npy", "--inputs", self.folder / "x.npy"),
                    *("--output", self.folder / "q.npy"),
                )
                codes = np.load(self.folder / "q.npy").astype(np.int64)
                self.assertTrue((codes >= -32).all() and (codes <= 31).all())
                self.assertGreater(np.count_nonzero(codes), codes.size // 10)
                low, high = (-32, 31) if symmetric else (0, 63)
                for first in range(0, 70, 32):
                    tile = codes[:, first : first + 32]
                    plus = np.maximum(tile, 0).sum(1)
                    minus = np.maximum(-tile, 0).sum(1)
                    self.assertLessEqual((plus * high - minus * low).max(), 2**12 - 1)
                    self.assertGreaterEqual((plus * low - minus * high).min(), -(2**12))

    def test_arrays_that_do_not_fit(self):
        np.save(self.folder / "w.npy", np.ones((3, 8)))
        np.save(self.folder / "x.npy", np.ones((20, 9)))
        np.save(self.folder / "s.npy", np.ones(4))
        np.save(self.folder / "x8.npy", np.eye(8))
        config = self.write("design.yaml", minimal_config(4, 4, 16, 8))
        common = ("quantize", "--config", config, "--weights", self.folder / "w.npy")
        output = ("--output", self.folder / "q.npy")
        inputs = ("--inputs", self.folder / "x8.npy")
        self.fail_with(2, ["x.npy", 8], *common, "--inputs", self.folder / "x.npy", *output)
        self.fail_with(2, ["s.npy"], *common, *inputs, "--scales", self.folder / "s.npy", *output)
        np.save(self.folder / "s.npy", np.array([1.0, 0.0, 1.0]))
        self.fail_with(2, ["s.npy"], *common, *inputs, "--scales", self.folder / "s.npy", *output)
        self.assertFalse((self.folder / "q.npy").exists())

    def test_values_that_are_not_finite(self):
        np.save(self.folder / "w.npy", np.array([[1.0, np.nan, 2.0, 1.0]]))
        np.save(self.folder / "x.npy", np.eye(4))
        config = self.write("design.yaml", minimal_config(4, 4, 16, 4))
        self.fail_with(
            *(2, ["w.npy"], "quantize", "--config", config, "--weights", self.folder / "w.npy"),
            *("--inputs", self.folder / "x.npy", "--output", self.folder / "q.npy"),
        )


if __name__ == "__main__":
    main()
