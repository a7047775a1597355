// SPDX-License-Identifier: Apache-2.0
#include "workloads/hf_llama.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/files.h"
#include "common/parallel.h"
#include "workloads/ggml_types.h"

namespace axesim::workloads {

namespace {

constexpr Index kConvertedRows = 64;  // rows that one thread converts at a time
constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kFinalNorm = "model.norm.weight";
constexpr const char* kHead = "lm_head.weight";

// The types that hold a value an element; ggml knows them under the same names. nullptr: another.
const GgmlType* plain_type(const std::string& name) {
    for (const std::uint32_t id : {0U, 1U, 30U}) {
        const GgmlType* type = find_ggml_type(id);
        if (name == type->name) return type;
    }
    return nullptr;
}

// Rows [first, first + count) of a tensor [rows, columns].
void convert_rows(const SafeTensor& tensor, Index first, Index count, Index columns, float* out) {
    const GgmlType& type = *plain_type(tensor.type);
    const auto row_bytes = static_cast<std::size_t>(type.row_bytes(columns));
    dequantize(type, tensor.bytes.subspan(first * row_bytes, count * row_bytes),
               {out, static_cast<std::size_t>(count * columns)});
}

std::string norm_name(Index block, const char* kind) {
    return fmt::format("model.layers.{}.{}_layernorm.weight", block, kind);
}

}  // namespace

HfLlama::HfLlama(const HfFiles& files)
    : config_(files.config.string()), shape_(read_hf_shape(files.config)), tensors_(files) {
    shape_.name = files.name;
    check_tensors();
}

void HfLlama::check(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const SafeTensor& tensor = tensors_.at(name);
    if (tensor.shape != shape) {
        tensors_.fail(name, fmt::format("is {}, but {} demands {}", fmt::join(tensor.shape, " x "),
                                        config_, fmt::join(shape, " x ")));
    }
    if (plain_type(tensor.type) == nullptr) {
        tensors_.fail(name, fmt::format("has the type {} (allowed: F32, F16, BF16)", tensor.type));
    }
}

void HfLlama::check_tensors() const {
    check(kEmbedding, {shape_.vocabulary, shape_.hidden});
    check(kFinalNorm, {shape_.hidden});
    if (!shape_.tied_embeddings) check(kHead, {shape_.vocabulary, shape_.hidden});
    for (int block = 0; block < shape_.blocks; ++block) {
        check(norm_name(block, "input"), {shape_.hidden});
        check(norm_name(block, "post_attention"), {shape_.hidden});
        for (const LinearKind kind : kLinearKinds) {
            const std::string layer = layer_name({block, kind});
            check(layer + ".weight", {shape_.linear_outputs(kind), shape_.linear_inputs(kind)});
            if (tensors_.find(layer + ".bias") != nullptr) {
                tensors_.fail(layer + ".bias", "is a bias, which is not supported");
            }
        }
    }
}

Matrix<float> HfLlama::matrix(const std::string& name, Index rows, Index columns) const {
    const SafeTensor& tensor = tensors_.at(name);
    Matrix<float> result(rows, columns);
    for_blocks(rows, kConvertedRows, [&](Index first, Index count) {
        convert_rows(tensor, first, count, columns, result.row(first).data());
    });
    release_pages(tensor.bytes);
    return result;
}

std::vector<float> HfLlama::vector(const std::string& name) const {
    std::vector<float> result(static_cast<std::size_t>(shape_.hidden));
    convert_rows(tensors_.at(name), 0, 1, shape_.hidden, result.data());
    return result;
}

Matrix<float> HfLlama::linear(const LinearId& id) const {
    return matrix(layer_name(id) + ".weight", shape_.linear_outputs(id.kind),
                  shape_.linear_inputs(id.kind));
}

std::vector<float> HfLlama::attention_norm(Index block) const {
    return vector(norm_name(block, "input"));
}

std::vector<float> HfLlama::ffn_norm(Index block) const {
    return vector(norm_name(block, "post_attention"));
}

std::vector<float> HfLlama::final_norm() const { return vector(kFinalNorm); }

Matrix<float> HfLlama::embed(std::span<const TokenId> tokens) const {
    const SafeTensor& tensor = tensors_.at(kEmbedding);
    Matrix<float> result(static_cast<Index>(tokens.size()), shape_.hidden);
    for_blocks(result.rows(), kConvertedRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            const TokenId token = tokens[static_cast<std::size_t>(row)];
            if (token < 0 || token >= shape_.vocabulary) {
                tensors_.fail(kEmbedding, fmt::format("has no token {} in its vocabulary of {}",
                                                      token, shape_.vocabulary));
            }
            convert_rows(tensor, token, 1, shape_.hidden, result.row(row).data());
        }
    });
    return result;
}

Matrix<float> HfLlama::lm_head() const {
    return matrix(shape_.tied_embeddings ? kEmbedding : kHead, shape_.vocabulary, shape_.hidden);
}

}  // namespace axesim::workloads
