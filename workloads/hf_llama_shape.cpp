// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "workloads/hf_llama.h"
#include "workloads/json_file.h"

namespace axesim::workloads {

namespace {

constexpr std::int64_t kMaxConfigSize = std::int64_t{1} << 24;  // of any dimension of a shape

Index config_size(const JsonNode& node) {
    const std::int64_t value = node.integer();
    if (value < 1 || value > kMaxConfigSize) {
        node.fail(fmt::format("is {} (allowed: 1 to {})", value, kMaxConfigSize));
    }
    return static_cast<Index>(value);
}

Index config_size_or(const JsonNode& node, Index fallback) {
    return node.exists() ? config_size(node) : fallback;
}

double config_positive(const JsonNode& node) {
    const double value = node.number();
    if (!(value > 0.0 && value < 1e12)) node.fail(fmt::format("is {} (allowed: positive)", value));
    return value;
}

double config_positive_or(const JsonNode& node, double fallback) {
    return node.exists() ? config_positive(node) : fallback;
}

void check_model_type(const JsonNode& config) {
    const JsonNode type = config["model_type"], architectures = config["architectures"];
    if (!type.exists() && !architectures.exists()) type.fail("is missing");
    if (type.text_or("llama") != "llama") {
        type.fail(fmt::format("is '{}' (allowed: llama)", type.text()));
    }
    if (!architectures.exists()) return;
    for (const JsonNode& one : architectures.elements()) {
        if (one.text() != "LlamaForCausalLM") {
            one.fail(fmt::format("is '{}' (allowed: LlamaForCausalLM)", one.text()));
        }
    }
}

void refuse_what_is_not_computed(const JsonNode& config) {
    for (const char* key : {"attention_bias", "mlp_bias"}) {
        if (config[key].flag()) config[key].fail("is true, but biases are not computed");
    }
    const JsonNode activation = config["hidden_act"];
    if (activation.text_or("silu") != "silu") {
        activation.fail(
            fmt::format("is '{}', which is not computed (allowed: silu)", activation.text()));
    }
    if (config["quantization_config"].exists()) {
        config["quantization_config"].fail("is set: a model that is quantized cannot be read");
    }
}

// Llama 3.1 stretches its rotary waves for long contexts: waves that are short compared with the
// context of the first training stay, long ones become `factor` times as long, and those between
// change gradually. Source: https://github.com/meta-llama/llama-models,
// models/llama3/model.py, apply_scaling(); also transformers, modeling_rope_utils.py,
// _compute_llama3_parameters().
std::vector<float> llama3_factors(const JsonNode& rope, const LlamaShape& shape) {
    const double factor = config_positive(rope["factor"]);
    const double low = config_positive(rope["low_freq_factor"]);
    const double high = config_positive(rope["high_freq_factor"]);
    const double trained = config_positive(rope["original_max_position_embeddings"]);
    if (!(high > low)) {
        rope["high_freq_factor"].fail(
            fmt::format("is {}, not above low_freq_factor, which is {}", high, low));
    }
    std::vector<float> factors;
    for (Index i = 0; i < shape.head_size / 2; ++i) {
        const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(shape.head_size);
        const double wavelength = 2.0 * std::numbers::pi * std::pow(shape.rope_base, exponent);
        const double smooth = std::clamp((trained / wavelength - low) / (high - low), 0.0, 1.0);
        factors.push_back(static_cast<float>(1.0 / ((1.0 - smooth) / factor + smooth)));
    }
    return factors;
}

// Since version 5, transformers writes all about RoPE as rope_parameters, before that only the
// scaling as rope_scaling, and its kind first as `type`.
void read_config_rope(const JsonNode& config, LlamaShape& shape) {
    const JsonNode parameters = config["rope_parameters"];
    const JsonNode rope = parameters.exists() ? parameters : config["rope_scaling"];
    const JsonNode base = parameters["rope_theta"];
    shape.rope_base = config_positive_or(base.exists() ? base : config["rope_theta"], 10000.0);
    for (const JsonNode& part : {config["partial_rotary_factor"], rope["partial_rotary_factor"]}) {
        if (part.number_or(1.0) != 1.0) {
            part.fail(fmt::format("is {}, which is not computed (allowed: 1)", part.number()));
        }
    }
    const bool is_old = rope["type"].exists() && !rope["rope_type"].exists();
    const JsonNode kind = rope[is_old ? "type" : "rope_type"];
    const bool scaled = rope["factor"].exists();  // by what, must then be said
    const std::string name = scaled ? kind.text() : kind.text_or("default");
    if (name == "llama3") {
        shape.rope_factors = llama3_factors(rope, shape);
    } else if (name != "default") {
        kind.fail(fmt::format("is '{}', which is not computed (allowed: default, llama3)", name));
    }
}

void read_heads(const JsonNode& config, LlamaShape& shape) {
    const JsonNode heads = config["num_attention_heads"], head_size = config["head_dim"];
    shape.heads = config_size(heads);
    shape.kv_heads = config_size_or(config["num_key_value_heads"], shape.heads);
    if (shape.heads % shape.kv_heads != 0) {
        heads.fail(fmt::format("is {}, no multiple of num_key_value_heads, which is {}",
                               shape.heads, shape.kv_heads));
    }
    const bool divides = shape.hidden % shape.heads == 0;
    if (!head_size.exists() && !divides) {
        heads.fail(fmt::format("is {}, which does not divide hidden_size, which is {}", shape.heads,
                               shape.hidden));
    }
    shape.head_size = config_size_or(head_size, shape.hidden / shape.heads);
    if (shape.head_size % 2 != 0) {
        head_size.fail(fmt::format("is {} (allowed: an even number)", shape.head_size));
    }
}

}  // namespace

LlamaShape read_hf_shape(const std::filesystem::path& config_path) {
    const JsonFile json(config_path);
    const JsonNode config = json.root();
    check_model_type(config);
    refuse_what_is_not_computed(config);
    LlamaShape shape;
    shape.blocks = config_size(config["num_hidden_layers"]);
    shape.hidden = config_size(config["hidden_size"]);
    shape.ffn = config_size(config["intermediate_size"]);
    shape.vocabulary = config_size(config["vocab_size"]);
    shape.context = config_size(config["max_position_embeddings"]);
    // The fallback is that of transformers, class LlamaConfig.
    shape.rms_epsilon = config_positive_or(config["rms_norm_eps"], 1e-6);
    shape.tied_embeddings = config["tie_word_embeddings"].flag();
    read_heads(config, shape);
    read_config_rope(config, shape);
    return shape;
}

}  // namespace axesim::workloads
