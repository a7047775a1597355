# SPDX-License-Identifier: Apache-2.0
"""Llama models of any shape with seeded random weights, in the files that Hugging Face publishes.

They have no tokenizer, so that texts must be .npy files of token ids: write_tokens() makes one.
"""

import dataclasses
import json
import struct

import numpy as np


@dataclasses.dataclass
class Shape:
    blocks: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    vocabulary: int = 256
    context: int = 2048

    def tensors(self):
        """Name and shape [out, in] of every tensor."""
        head_size = self.hidden // self.heads
        kv = self.kv_heads * head_size
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        yield "model.norm.weight", (self.hidden,)
        for block in range(self.blocks):
            name = f"model.layers.{block}."
            yield name + "input_layernorm.weight", (self.hidden,)
            yield name + "post_attention_layernorm.weight", (self.hidden,)
            yield name + "self_attn.q_proj.weight", (self.hidden, self.hidden)
            yield name + "self_attn.k_proj.weight", (kv, self.hidden)
            yield name + "self_attn.v_proj.weight", (kv, self.hidden)
            yield name + "self_attn.o_proj.weight", (self.hidden, self.hidden)
            yield name + "mlp.gate_proj.weight", (self.ffn, self.hidden)
            yield name + "mlp.up_proj.weight", (self.ffn, self.hidden)
            yield name + "mlp.down_proj.weight", (self.hidden, self.ffn)

    def config(self):
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "num_hidden_layers": self.blocks,
            "hidden_size": self.hidden,
            "intermediate_size": self.ffn,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.context,
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": True,
        }


def _values(generator, shape):
    """Half precision; a few channels stand out, as in trained models."""
    values = generator.standard_normal(shape, dtype=np.float32)
    if len(shape) == 1:  # a norm
        values = 1 + 0.1 * values
    else:
        values /= np.sqrt(np.float32(shape[1]))
    outliers = generator.choice(shape[-1], max(1, shape[-1] // 256), replace=False)
    values[..., outliers] *= 8
    return values.astype(np.float16)


def write_model(folder, shape, seed=1):
    """Makes `folder` with config.json and model.safetensors (float16)."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(shape.config()))
    header, offset = {}, 0
    for name, dimensions in shape.tensors():
        end = offset + 2 * int(np.prod(dimensions))
        header[name] = {"dtype": "F16", "shape": dimensions, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    generator = np.random.default_rng(seed)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, dimensions in shape.tensors():  # one at a time: the model may be large
            file.write(_values(generator, dimensions).tobytes())


def write_tokens(path, count, vocabulary=256, seed=2):
    generator = np.random.default_rng(seed)
    np.save(path, generator.integers(0, vocabulary, count, dtype=np.int32))
