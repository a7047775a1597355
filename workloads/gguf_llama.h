// SPDX-License-Identifier: Apache-2.0
// The weights of a Llama model in a GGUF file, of any element types that ggml_types.h reads.
#pragma once

#include <memory>

#include "workloads/gguf_file.h"
#include "workloads/llama.h"

namespace axesim::workloads {

class GgufLlama : public LlamaWeights {
public:
    /// Checks that the architecture is llama and that every tensor is there in the shape that the
    /// metadata demands and of a readable type. Throws UserError naming file and tensor or key.
    explicit GgufLlama(std::shared_ptr<const GgufFile> file);

    const LlamaShape& shape() const override { return shape_; }
    Matrix<float> linear(const LinearId& id) const override;
    std::vector<float> attention_norm(Index block) const override;
    std::vector<float> ffn_norm(Index block) const override;
    std::vector<float> final_norm() const override;
    /// Throws UserError for a token outside the vocabulary.
    Matrix<float> embed(std::span<const TokenId> tokens) const override;
    Matrix<float> lm_head() const override;

private:
    const GgufTensor& require(const std::string& name, Index rows, Index columns) const;
    void check_tensors() const;
    Matrix<float> matrix(const std::string& name, Index rows, Index columns) const;
    std::vector<float> vector(const std::string& name, Index size) const;

    std::shared_ptr<const GgufFile> file_;
    LlamaShape shape_;
};

/// The shape that the metadata of a file says. Throws UserError naming the key that is missing,
/// absurd or means something that the forward pass does not compute.
LlamaShape read_llama_shape(const GgufFile& file);

}  // namespace axesim::workloads
