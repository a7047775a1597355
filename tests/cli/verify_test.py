# SPDX-License-Identifier: Apache-2.0
"""`axesim quantize` of the real model, `axesim verify` of its export, and of a tampered one."""

import json
import struct

import numpy as np

from axesim_cli import CliTestCase, main, minimal_config, needs_model

BITS, INNER_BITS, TILE = 6, 16, 64


class Export:
    """quantized.safetensors: 8 bytes of header length, the header in JSON, the tensors."""

    def __init__(self, path):
        self.path = path
        self.bytes = bytearray(path.read_bytes())
        (length,) = struct.unpack_from("<Q", self.bytes)
        self.header = json.loads(self.bytes[8 : 8 + length])
        self.begin = 8 + length

    def layers(self):
        return [name for name in self.header if name.endswith(".weight")]

    def codes(self, name):
        """The codes [out, in] as a view: what is assigned to it goes into the bytes."""
        entry = self.header[name]
        dtype = {"I8": np.int8, "U8": np.uint8}[entry["dtype"]]
        first, last = entry["data_offsets"]
        view = np.frombuffer(self.bytes, dtype, last - first, self.begin + first)
        return view.reshape(entry["shape"])

    def write(self):
        self.path.write_bytes(self.bytes)


def fullest_tile(export):
    """(largest sum of positive codes in a tile, layer, channel, first k) of the whole model."""
    best = (0, "", 0, 0)
    for name in export.layers():
        positive = np.maximum(export.codes(name).astype(np.int64), 0)
        for first in range(0, positive.shape[1], TILE):
            sums = positive[:, first : first + TILE].sum(1)
            if sums.max() > best[0]:
                best = (int(sums.max()), name, int(sums.argmax()), first)
    return best


@needs_model
class Verify(CliTestCase):
    def test_export_and_one_flipped_code(self):
        config = minimal_config(
            *(BITS, BITS, INNER_BITS, TILE),
            quantizer={"algorithm": "naive_round", "accumulator_aware": "ep_init"},
        )
        out = self.folder / "out"
        path = self.write("design.yaml", config)
        done = self.succeed("quantize", "--config", path, "--out", out, "--quiet")
        self.assertIn("certified 211 of 211 layers", done.stdout)
        self.assertEqual(self.axesim("verify", out).returncode, 0)

        export = Export(out / "quantized.safetensors")
        self.assertEqual(len(export.layers()), 211)
        # Activation codes are 0 .. 63: the largest sum of a tile is 63 times its positive codes.
        limit = (2 ** (INNER_BITS - 1) - 1) // (2**BITS - 1)
        total, name, channel, first = fullest_tile(export)
        self.assertLessEqual(total, limit)
        tile = export.codes(name)[channel, first : first + TILE]
        target = int(np.argmin(tile))
        raised = total + 2 ** (BITS - 1) - 1 - max(int(tile[target]), 0)
        self.assertGreater(raised, limit, "no tile is full enough for one code to break its bound")
        tile[target] = 2 ** (BITS - 1) - 1
        export.write()
        done = self.axesim("verify", out)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(name.removesuffix(".weight"), done.stdout + done.stderr)

        # A code that its width does not hold, and a file cut short.
        tile[target] = 2 ** (BITS - 1)
        export.write()
        self.assertIn(self.axesim("verify", out).returncode, (1, 2))
        export.path.write_bytes(export.bytes[: len(export.bytes) // 2])
        self.fail_with(2, ["quantized.safetensors"], "verify", out)

    def test_export_of_groups_and_one_scale_that_does_not_exist(self):
        config = minimal_config(
            *(BITS, BITS, INNER_BITS, TILE),
            quantizer={
                "algorithm": "naive_round",
                "accumulator_aware": "ep_init",
                "weight_groups": "power_of_two",
            },
        )
        out = self.folder / "out"
        path = self.write("design.yaml", config)
        done = self.succeed("quantize", "--config", path, "--out", out, "--quiet")
        self.assertIn("certified 211 of 211 layers", done.stdout)
        self.assertEqual(self.axesim("verify", out).returncode, 0)
        export = Export(out / "quantized.safetensors")
        name = export.layers()[7]
        scales = export.codes(name.removesuffix(".weight") + ".tile_scale")
        rows, columns = export.codes(name).shape
        self.assertEqual(scales.shape, (rows, -(-columns // TILE)))
        self.assertTrue(set(scales.flat) <= {2**i for i in range(8)} and scales.max() > 1)
        scales[3, 1] = 3
        export.write()
        done = self.axesim("verify", out)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("tile scales", done.stdout)


if __name__ == "__main__":
    main()
