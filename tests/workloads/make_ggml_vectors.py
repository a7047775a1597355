#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data/ggml_vectors.json: random blocks of every ggml type that axesim reads and what the
Python package `gguf` (https://pypi.org/project/gguf, the reference decoder of the format's authors)
decodes them to.

    pip install gguf numpy
    python3 tests/workloads/make_ggml_vectors.py
"""

import json
import pathlib

import gguf
import numpy as np

# Byte offsets of the half-precision scales in a block: random bits there would often be NaN.
SCALES = {
    "F32": None, "F16": None, "BF16": None,
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip
BLOCKS = 3


def random_bytes(name, generator):
    if name == "F32":
        return generator.normal(size=32).astype("<f4").tobytes()
    if name == "F16":
        special = [0.0, -0.0, 65504.0, 6e-8, -6.1e-5, 1.0]  # with subnormal numbers
        return np.concatenate([special, generator.normal(size=26)]).astype("<f2").tobytes()
    if name == "BF16":
        return (generator.normal(size=32).astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]][1]
    blocks = generator.integers(0, 256, size=(BLOCKS, size), dtype=np.uint8)
    for offset in SCALES[name]:
        halves = generator.normal(scale=0.1, size=(BLOCKS, 1)).astype("<f2")
        blocks[:, offset : offset + 2] = halves.view(np.uint8)
    return blocks.tobytes()


def main():
    generator = np.random.default_rng(20240229)
    vectors = []
    for name in SCALES:
        data = random_bytes(name, generator)
        kind = gguf.GGMLQuantizationType[name]
        raw = np.frombuffer(data, dtype=np.uint8)
        if name in ("F32", "F16"):  # numpy's own types, which the package passes through
            values = raw.view("<f4" if name == "F32" else "<f2").astype(np.float32)
        else:
            values = gguf.quants.dequantize(raw, kind).astype(np.float32).reshape(-1)
        vectors.append({
            "type": name,
            "id": int(kind),
            "bytes": data.hex(),
            "float_bits": values.astype("<f4").view("<u4").tolist(),
        })  # fmt: skip
    target = pathlib.Path(__file__).parent / "data" / "ggml_vectors.json"
    source = f"gguf {__import__('importlib.metadata').metadata.version('gguf')}, make_ggml_vectors.py"
    rows = ",\n".join(json.dumps(vector) for vector in vectors)
    target.write_text(f'{{"source": {json.dumps(source)}, "vectors": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
