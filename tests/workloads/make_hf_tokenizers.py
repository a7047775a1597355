#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains small tokenizers of the kinds that Llama 2, Llama 3 and SmolLM2 have, and writes what the
package `tokenizers` (Hugging Face) makes of texts with them:

data/{llama2,llama3,smollm2}_tokenizer.json   the tokenizers
data/hf_tokens.json   {"texts": [...], "cases": [{"name", "base", "patch", "ids", "decoded"}]}

A case is a tokenizer `base`, changed by the JSON merge patch `patch` (RFC 7386). `ids` are those of
each text and, where nothing is changed, then of multilingual.txt; `decoded` has the texts that ids
decode to where these are not the texts.

    pip install tokenizers
    python3 tests/workloads/make_hf_tokenizers.py
"""

import collections
import copy
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

DATA = pathlib.Path(__file__).parent / "data"
LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "",
    " ",
    "   ",
    "The lighthouse keeper said that the other ships had gone.",
    "  two spaces before, two after  ",
    "a</s>b </s> c</s><s>d<unk>e <s>",
    "<|end|>The<|end|><|start|> ship <|end|>\n<|START|> <|end <|end|>>",
    "<tool>call</tool> x<tool>y <tool> <tool>",
    "\ttabs\t\tand\nlines\r\n\r\n\n x\n",
    "0 12 345 6789 3.14159 ½ ²³ Ⅻ ١٢٣ १५० 1e-9",
    "I'll don't DON'T we've 'S 'tis ſ's 'ſ rock'n'roll",
    "ﬁne 漢字 ▁ ▁▁x _▁y 👩‍👩‍👧 🇬🇷 é é \u00a0\u3000\u2028\u180e \u0000\u0001",
    "▁begins so",
    "!!! ((a)) --x== #tag $5 {\n}",
]


def multilingual():
    return (DATA / "multilingual.txt").read_bytes().decode("utf-8")


def corpus():
    # Without some bytes, so that these get no token.
    text = multilingual().translate({0: None, 1: None, 2: None})
    english = DATA.parents[2] / "workloads" / "text" / "calibration_a.txt"
    return [*english.read_text().splitlines(keepends=True)[:300], *text.splitlines(keepends=True)]


def byte_level(words, size, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [c for c in pre_tokenizers.ByteLevel.alphabet() if c not in "ĀāĂ"]
    trainer = BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=True)])
    return json.loads(tokenizer.to_str())


def smollm2():
    words = [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ]
    result = byte_level(words, 600, ["<|end|>", "<|start|>", "<|end|>>"])
    merges = result["model"]["merges"]
    result["model"]["merges"] = [" ".join(merge) for merge in merges]  # as older files have them
    return result


def llama3():
    words = [
        pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    result = byte_level(words, 600, ["<|end|>", "<|start|>"])
    result["model"]["ignore_merges"] = True
    # Whole words that no merges make.
    vocabulary = result["model"]["vocab"]
    for word in ("Ġlighthouse", "Ġships", "345"):
        vocabulary.setdefault(word, len(vocabulary))
    for i, token in enumerate(result["added_tokens"]):
        token["id"] = len(vocabulary) + i
    return result


def llama2():
    spaces = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence(spaces)
    words = [word for line in corpus() for word in line.split()]
    # The most frequent characters become tokens, the others bytes. The trainer could choose them,
    # but among equally frequent ones it does so differently each time.
    counts = collections.Counter("".join(words))
    alphabet = sorted(counts, key=lambda c: (-counts[c], c))[:150]
    trainer = BpeTrainer(
        vocab_size=500,
        initial_alphabet=["▁", *alphabet],
        limit_alphabet=len(alphabet) + 1,
        max_token_length=8,
        show_progress=False,
    )
    trained.train_from_iterator(words, trainer)
    model = json.loads(trained.to_str())["model"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    merges = [tuple(merge) for merge in model["merges"]]
    merges += [("▁", "▁"), ("▁▁", "▁▁")]
    for left, right in merges[-2:]:
        vocabulary.setdefault(left + right, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(
        vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
    ))  # fmt: skip
    tokenizer.normalizer = normalizers.Sequence(spaces)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ])  # fmt: skip
    special = ["<unk>", "<s>", "</s>"]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return json.loads(tokenizer.to_str())


def metaspace(**settings):
    return {
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", **settings},
    }


def cases(llama2_tokens):
    no_fallback = {"model": {"byte_fallback": False}}
    normalized = [{**token, "normalized": True} for token in llama2_tokens]
    byte_level = {"type": "ByteLevel", "trim_offsets": True}
    return [
        ("smollm2", "smollm2", {}),
        ("smollm2 with unknown bytes", "smollm2", {"model": {"unk_token": "!"}}),
        ("GPT-2", "smollm2", {
            "pre_tokenizer": {**byte_level, "add_prefix_space": True, "use_regex": True,
                              "pretokenizers": None},
        }),
        ("digits together, no words", "smollm2", {"pre_tokenizer": {"pretokenizers": [
            {"type": "Digits", "individual_digits": False},
            {**byte_level, "add_prefix_space": False, "use_regex": False},
        ]}}),
        ("llama3", "llama3", {}),
        ("llama3 by its merges", "llama3", {"model": {"ignore_merges": False}}),
        ("llama2", "llama2", {}),
        ("llama2 with normalized special tokens", "llama2", {"added_tokens": normalized}),
        ("llama2 without bytes", "llama2", no_fallback),
        ("llama2 without bytes, all unknown", "llama2",
         {"model": {"byte_fallback": False, "fuse_unk": False}}),
        ("Metaspace first", "llama2", metaspace(prepend_scheme="first", split=False)),
        ("Metaspace always", "llama2", metaspace(prepend_scheme="always", split=True)),
        ("Metaspace never", "llama2", metaspace(prepend_scheme="never", split=False)),
        ("Metaspace of old", "llama2", metaspace(add_prefix_space=True)),
    ]  # fmt: skip


def merge_patch(value, patch):
    if not isinstance(patch, dict):
        return patch
    value = copy.deepcopy(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            value.pop(key, None)
        else:
            value[key] = merge_patch(value.get(key), change)
    return value


def run_case(name, base, patch, tokenizer):
    tokenizer = Tokenizer.from_str(json.dumps(merge_patch(tokenizer, patch)))
    texts = TEXTS if patch else [*TEXTS, multilingual()]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    decoded = {}
    if not patch:
        for i, text in enumerate(texts):
            back = tokenizer.decode(ids[i], skip_special_tokens=False)
            if back != text:
                decoded[str(i)] = back
    return {"name": name, "base": base, "patch": patch, "ids": ids, "decoded": decoded}


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (DATA / name).write_bytes(text.encode() + b"\n")
    print(f"{name}: {len(text.encode())} bytes")


def main():
    tokenizers = {"llama2": llama2(), "llama3": llama3(), "smollm2": smollm2()}
    for name, tokenizer in tokenizers.items():
        write(f"{name}_tokenizer.json", tokenizer)
    done = [
        run_case(name, base, patch, tokenizers[base])
        for name, base, patch in cases(tokenizers["llama2"]["added_tokens"])
    ]
    write("hf_tokens.json", {"texts": TEXTS, "cases": done})


if __name__ == "__main__":
    main()
