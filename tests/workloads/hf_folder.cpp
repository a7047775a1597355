// SPDX-License-Identifier: Apache-2.0
#include "tests/workloads/hf_folder.h"

#include <fmt/format.h>

#include <fstream>

namespace axesim::workloads {

namespace {

// "model.layers.3.mlp.up_proj.weight" of "blk.3.ffn_up.weight".
std::string hf_name(const std::string& gguf_name) {
    static const std::map<std::string, std::string> kParts = {
        {"attn_norm", "input_layernorm"}, {"ffn_norm", "post_attention_layernorm"},
        {"attn_q", "self_attn.q_proj"},   {"attn_k", "self_attn.k_proj"},
        {"attn_v", "self_attn.v_proj"},   {"attn_output", "self_attn.o_proj"},
        {"ffn_gate", "mlp.gate_proj"},    {"ffn_up", "mlp.up_proj"},
        {"ffn_down", "mlp.down_proj"},    {"token_embd", "model.embed_tokens"},
        {"output_norm", "model.norm"},    {"output", "lm_head"}};
    if (!gguf_name.starts_with("blk.")) {
        return kParts.at(gguf_name.substr(0, gguf_name.find('.'))) + ".weight";
    }
    const auto dot = gguf_name.find('.', 4);
    const std::string part = gguf_name.substr(dot + 1, gguf_name.rfind('.') - dot - 1);
    return "model.layers." + gguf_name.substr(4, dot - 4) + "." + kParts.at(part) + ".weight";
}

// The two elements of a rotary pair half a head apart instead of side by side.
Matrix<double> pairs_apart(const Matrix<double>& weight, Index head_size) {
    Matrix<double> result(weight.rows(), weight.cols());
    for (Index row = 0; row < weight.rows(); ++row) {
        const Index head = row / head_size, pair = row % head_size / 2, half = row % 2;
        result.row(head * head_size + half * head_size / 2 + pair) = weight.row(row);
    }
    return result;
}

nlohmann::json config_of(const TinyShape& shape) {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"model_type", "llama"},
            {"hidden_act", "silu"},
            {"hidden_size", shape.hidden},
            {"intermediate_size", shape.ffn},
            {"num_hidden_layers", shape.blocks},
            {"num_attention_heads", shape.heads},
            {"num_key_value_heads", shape.kv_heads},
            {"head_dim", shape.head_size},
            {"vocab_size", TinyLlama::vocabulary()},
            {"max_position_embeddings", 64},
            {"rms_norm_eps", 1e-5},
            {"rope_theta", 500.0},
            {"rope_scaling", nullptr},
            {"tie_word_embeddings", shape.tied}};
}

nlohmann::json tokenizer_of_tiny() {
    const nlohmann::json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
    const nlohmann::json digits = {{"type", "Digits"}, {"individual_digits", true}};
    nlohmann::json vocabulary, added = nlohmann::json::array();
    int id = 0;
    for (const std::string& token : TinyLlama::tokens()) vocabulary[token] = id++;
    for (const std::string& token : TinyLlama::special_tokens()) {
        added.push_back({{"id", vocabulary[token]}, {"content", token}});
    }
    return {{"added_tokens", added},
            {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {digits, byte_level}}}},
            {"decoder", byte_level},
            {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", TinyLlama::merges()}}}};
}

}  // namespace

std::string safetensors_of(const std::map<std::string, HfTestTensor>& tensors) {
    nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
    std::string data;
    for (const auto& [name, tensor] : tensors) {
        const std::size_t begin = data.size();
        data += tensor.bytes;
        header[name] = {{"dtype", tensor.type},
                        {"shape", tensor.shape},
                        {"data_offsets", {begin, data.size()}}};
    }
    const std::string text = header.dump();
    return raw<std::uint64_t>(text.size()) + text + data;
}

HfFolder::HfFolder(const TinyLlama& tiny, const std::string& type)
    : config(config_of(tiny.shape())), tokenizer(tokenizer_of_tiny()) {
    for (const auto& [name, matrix] : tiny.tensors()) {
        const bool rotated = name.ends_with("attn_q.weight") || name.ends_with("attn_k.weight");
        HfTestTensor& tensor = tensors[hf_name(name)];
        tensor.type = type;
        tensor.shape = {matrix.rows(), matrix.cols()};
        if (matrix.rows() == 1) tensor.shape = {matrix.cols()};
        tensor.bytes =
            encoded(rotated ? pairs_apart(matrix, tiny.shape().head_size) : matrix, type);
    }
}

void HfFolder::write_file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
}

std::filesystem::path HfFolder::write(std::size_t shards) const {
    write_file("config.json", config.dump(2));
    write_file("tokenizer.json", tokenizer.dump());
    if (shards == 1) {
        write_file("model.safetensors", safetensors_of(tensors));
        return folder_.path();
    }
    std::vector<std::map<std::string, HfTestTensor>> parts(shards);
    nlohmann::json index;
    std::size_t next = 0;
    for (const auto& [name, tensor] : tensors) {
        const std::size_t part = next++ % shards;
        parts[part][name] = tensor;
        index["weight_map"][name] =
            fmt::format("model-{:05}-of-{:05}.safetensors", part + 1, shards);
    }
    write_file("model.safetensors.index.json", index.dump(2));
    for (const auto& part : parts) {
        write_file(index["weight_map"][part.begin()->first], safetensors_of(part));
    }
    return folder_.path();
}

}  // namespace axesim::workloads
