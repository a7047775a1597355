// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_llama.h"

#include <fmt/format.h>

#include "common/files.h"
#include "common/parallel.h"

namespace axesim::workloads {

namespace {

constexpr Index kDecodedRows = 64;  // rows that one thread decodes at a time

const char* tensor_kind(LinearKind kind) {
    switch (kind) {
        case LinearKind::q_proj:
            return "attn_q";
        case LinearKind::k_proj:
            return "attn_k";
        case LinearKind::v_proj:
            return "attn_v";
        case LinearKind::o_proj:
            return "attn_output";
        case LinearKind::gate_proj:
            return "ffn_gate";
        case LinearKind::up_proj:
            return "ffn_up";
        case LinearKind::down_proj:
            return "ffn_down";
        case LinearKind::lm_head:
            break;
    }
    return "";
}

std::string tensor_name(const LinearId& id, const char* suffix = "weight") {
    return fmt::format("blk.{}.{}.{}", id.block, tensor_kind(id.kind), suffix);
}

// The row of the file that is row `row` in Hugging Face order: a GGUF file has the two elements of
// a rotary pair side by side, Hugging Face half a head apart.
Index interleaved_row(Index row, Index head_size) {
    const Index head = row / head_size, element = row % head_size;
    const Index half = element / (head_size / 2), pair = element % (head_size / 2);
    return head * head_size + 2 * pair + half;
}

}  // namespace

GgufLlama::GgufLlama(std::shared_ptr<const GgufFile> file)
    : file_(std::move(file)), shape_(read_llama_shape(*file_)) {
    const GgufTensor* embedding = file_->find_tensor("token_embd.weight");
    if (embedding == nullptr) file_->fail("tensor token_embd.weight is missing");
    shape_.vocabulary = embedding->rows;
    check_tensors();
    if (file_->find_tensor("rope_freqs.weight") != nullptr) {
        shape_.rope_factors = vector("rope_freqs.weight", shape_.head_size / 2);
    }
}

const GgufTensor& GgufLlama::require(const std::string& name, Index rows, Index columns) const {
    const GgufTensor* tensor = file_->find_tensor(name);
    if (tensor == nullptr) file_->fail(fmt::format("tensor {} is missing", name));
    if (tensor->rows != rows || tensor->columns != columns) {
        file_->fail(fmt::format("tensor {} is {} x {}, but the metadata demand {} x {}", name,
                                tensor->rows, tensor->columns, rows, columns));
    }
    if (tensor->type == nullptr) {
        file_->fail(
            fmt::format("tensor {} has the ggml type number {}, which cannot be read "
                        "(allowed: {}); convert the model to one of these",
                        name, tensor->type_id, readable_ggml_types()));
    }
    return *tensor;
}

void GgufLlama::check_tensors() const {
    require("token_embd.weight", shape_.vocabulary, shape_.hidden);
    require("output_norm.weight", 1, shape_.hidden);
    if (!shape_.tied_embeddings) require("output.weight", shape_.vocabulary, shape_.hidden);
    for (int block = 0; block < shape_.blocks; ++block) {
        require(fmt::format("blk.{}.attn_norm.weight", block), 1, shape_.hidden);
        require(fmt::format("blk.{}.ffn_norm.weight", block), 1, shape_.hidden);
        for (const LinearKind kind : kLinearKinds) {
            const LinearId id{block, kind};
            require(tensor_name(id), shape_.linear_outputs(kind), shape_.linear_inputs(kind));
            if (file_->find_tensor(tensor_name(id, "bias")) != nullptr) {
                file_->fail(fmt::format("has biases ({}), which are not supported",
                                        tensor_name(id, "bias")));
            }
        }
    }
}

Matrix<float> GgufLlama::matrix(const std::string& name, Index rows, Index columns) const {
    const GgufTensor& tensor = require(name, rows, columns);
    Matrix<float> result(rows, columns);
    for_blocks(rows, kDecodedRows, [&](Index first, Index count) {
        tensor.dequantize_rows(first, count, result.row(first).data());
    });
    release_pages(tensor.bytes);
    return result;
}

std::vector<float> GgufLlama::vector(const std::string& name, Index size) const {
    std::vector<float> result(static_cast<std::size_t>(size));
    require(name, 1, size).dequantize_rows(0, 1, result.data());
    return result;
}

Matrix<float> GgufLlama::linear(const LinearId& id) const {
    const Index rows = shape_.linear_outputs(id.kind), columns = shape_.linear_inputs(id.kind);
    if (id.kind != LinearKind::q_proj && id.kind != LinearKind::k_proj) {
        return matrix(tensor_name(id), rows, columns);
    }
    const GgufTensor& tensor = require(tensor_name(id), rows, columns);
    Matrix<float> result(rows, columns);
    for_blocks(rows, kDecodedRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            tensor.dequantize_rows(interleaved_row(row, shape_.head_size), 1,
                                   result.row(row).data());
        }
    });
    release_pages(tensor.bytes);
    return result;
}

std::vector<float> GgufLlama::attention_norm(Index block) const {
    return vector(fmt::format("blk.{}.attn_norm.weight", block), shape_.hidden);
}

std::vector<float> GgufLlama::ffn_norm(Index block) const {
    return vector(fmt::format("blk.{}.ffn_norm.weight", block), shape_.hidden);
}

std::vector<float> GgufLlama::final_norm() const {
    return vector("output_norm.weight", shape_.hidden);
}

Matrix<float> GgufLlama::embed(std::span<const TokenId> tokens) const {
    const GgufTensor& tensor = require("token_embd.weight", shape_.vocabulary, shape_.hidden);
    Matrix<float> result(static_cast<Index>(tokens.size()), shape_.hidden);
    for_blocks(result.rows(), kDecodedRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            const TokenId token = tokens[static_cast<std::size_t>(row)];
            if (token < 0 || token >= shape_.vocabulary) {
                file_->fail(fmt::format("there is no token {} in its vocabulary of {}", token,
                                        shape_.vocabulary));
            }
            tensor.dequantize_rows(token, 1, result.row(row).data());
        }
    });
    return result;
}

Matrix<float> GgufLlama::lm_head() const {
    return matrix(shape_.tied_embeddings ? "token_embd.weight" : "output.weight", shape_.vocabulary,
                  shape_.hidden);
}

}  // namespace axesim::workloads
