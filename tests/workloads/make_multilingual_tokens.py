#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data/multilingual_tokens.npy: the ids that the package `tokenizers` (Hugging Face) gives
data/multilingual.txt with the vocabulary and the merges in the model's GGUF file.

    pip install tokenizers gguf numpy
    python3 tests/workloads/make_multilingual_tokens.py .../SmolLM2-135M-Instruct.Q4_1.gguf
"""

import pathlib
import sys

import gguf
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL, USER_DEFINED = 3, 4


def read_array(reader, key):
    field = reader.fields[key]
    return [field.contents(i) for i in range(len(field.data))]


def make_tokenizer(path):
    reader = gguf.GGUFReader(path)
    tokens = read_array(reader, "tokenizer.ggml.tokens")
    types = read_array(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in read_array(reader, "tokenizer.ggml.merges")]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return tokenizer


def main():
    folder = pathlib.Path(__file__).parent / "data"
    text = (folder / "multilingual.txt").read_bytes().decode("utf-8")
    ids = make_tokenizer(sys.argv[1]).encode(text, add_special_tokens=False).ids
    np.save(folder / "multilingual_tokens.npy", np.array(ids, dtype=np.int32))
    print(f"{len(text)} characters, {len(ids)} tokens, {len(set(ids))} different")


if __name__ == "__main__":
    main()
