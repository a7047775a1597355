// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cctype>

#include "workloads/gguf_llama.h"

namespace axesim::workloads {

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{1} << 24;  // of any dimension of a shape

Index check_size(const GgufFile& file, const std::string& key, std::int64_t value) {
    if (value < 1 || value > kMaxSize) {
        file.fail(fmt::format("metadata key {} is {} (allowed: 1 to {})", key, value, kMaxSize));
    }
    return static_cast<Index>(value);
}

Index size_or(const GgufFile& file, const std::string& key, Index fallback) {
    return check_size(file, key, file.find_integer(key).value_or(fallback));
}

Index required_size(const GgufFile& file, const std::string& key) {
    const auto value = file.find_integer(key);
    if (!value) file.fail(fmt::format("metadata key {} is missing", key));
    return check_size(file, key, *value);
}

double positive_or(const GgufFile& file, const std::string& key, double fallback) {
    const double value = file.find_number(key).value_or(fallback);
    if (!(value > 0.0 && value < 1e12)) {
        file.fail(fmt::format("metadata key {} is {} (allowed: positive)", key, value));
    }
    return value;
}

void check_architecture(const GgufFile& file) {
    const auto architecture = file.find_string("general.architecture");
    if (!architecture) file.fail("metadata key general.architecture is missing");
    if (*architecture != "llama") {
        file.fail(fmt::format("has the architecture '{}' (allowed: llama)", *architecture));
    }
    if (file.find_integer("llama.expert_count").value_or(0) > 0) {
        file.fail("is a mixture of experts (llama.expert_count), which is not supported");
    }
}

// "SmolLM2-135M-Instruct" of ".../SmolLM2-135M-Instruct.Q4_1.gguf": general.name is often a label
// of the training run.
std::string model_name(const std::filesystem::path& path) {
    const std::string stem = path.stem().string();
    const auto cut = stem.find_last_of(".-");
    if (cut == std::string::npos || cut == 0) return stem;
    const std::string last = stem.substr(cut + 1);
    const auto digit = last.find_first_of("0123456789");
    const std::string letters = last.substr(0, digit);
    const bool is_type = digit != std::string::npos &&
                         (letters == "Q" || letters == "IQ" || letters == "F" || letters == "BF" ||
                          letters == "q" || letters == "iq" || letters == "f" || letters == "bf");
    return is_type ? stem.substr(0, cut) : stem;
}

void read_rope(const GgufFile& file, LlamaShape& shape) {
    const Index rotated = size_or(file, "llama.rope.dimension_count", shape.head_size);
    if (rotated != shape.head_size || rotated % 2 != 0) {
        file.fail(
            fmt::format("rotates {} of {} elements of a head (llama.rope.dimension_count; "
                        "allowed: all, and an even number)",
                        rotated, shape.head_size));
    }
    shape.rope_base = positive_or(file, "llama.rope.freq_base", 10000.0);
    const std::string scaling = file.find_string("llama.rope.scaling.type").value_or("none");
    if (scaling == "linear") {
        const auto factor = static_cast<float>(positive_or(file, "llama.rope.scaling.factor", 1.0));
        shape.rope_factors.assign(static_cast<std::size_t>(rotated / 2), factor);
    } else if (scaling != "none") {
        file.fail(fmt::format("llama.rope.scaling.type is '{}' (allowed: none, linear)", scaling));
    }
}

}  // namespace

LlamaShape read_llama_shape(const GgufFile& file) {
    check_architecture(file);
    LlamaShape shape;
    shape.name = model_name(file.path());
    shape.blocks = required_size(file, "llama.block_count");
    shape.hidden = required_size(file, "llama.embedding_length");
    shape.ffn = required_size(file, "llama.feed_forward_length");
    shape.heads = required_size(file, "llama.attention.head_count");
    shape.kv_heads = size_or(file, "llama.attention.head_count_kv", shape.heads);
    shape.context = required_size(file, "llama.context_length");
    const bool divides = shape.heads <= shape.hidden && shape.hidden % shape.heads == 0;
    if (shape.heads % shape.kv_heads != 0 ||
        (!divides && !file.find_integer("llama.attention.key_length"))) {
        file.fail(fmt::format("{} heads and {} key-value heads do not divide a hidden size of {}",
                              shape.heads, shape.kv_heads, shape.hidden));
    }
    shape.head_size =
        size_or(file, "llama.attention.key_length", divides ? shape.hidden / shape.heads : 1);
    if (size_or(file, "llama.attention.value_length", shape.head_size) != shape.head_size) {
        file.fail("llama.attention.value_length differs from key_length, which is not supported");
    }
    shape.rms_epsilon = positive_or(file, "llama.attention.layer_norm_rms_epsilon", 1e-5);
    read_rope(file, shape);
    shape.tied_embeddings = file.find_tensor("output.weight") == nullptr;
    return shape;
}

}  // namespace axesim::workloads
