// SPDX-License-Identifier: Apache-2.0
// The weights of a Llama model as Hugging Face publishes it: config.json beside safetensors files
// of the types F32, F16 and BF16.
#pragma once

#include "workloads/hf_files.h"
#include "workloads/llama.h"

namespace axesim::workloads {

class HfLlama : public LlamaWeights {
public:
    /// Checks that the architecture is Llama's, that config.json asks for nothing that the forward
    /// pass does not compute, and that every tensor is there in the shape that config.json demands
    /// and of a readable type. Throws UserError naming file and tensor or key.
    explicit HfLlama(const HfFiles& files);

    const LlamaShape& shape() const override { return shape_; }
    Matrix<float> linear(const LinearId& id) const override;
    std::vector<float> attention_norm(Index block) const override;
    std::vector<float> ffn_norm(Index block) const override;
    std::vector<float> final_norm() const override;
    /// Throws UserError for a token outside the vocabulary.
    Matrix<float> embed(std::span<const TokenId> tokens) const override;
    Matrix<float> lm_head() const override;

private:
    void check_tensors() const;
    void check(const std::string& name, const std::vector<std::int64_t>& shape) const;
    Matrix<float> matrix(const std::string& name, Index rows, Index columns) const;
    std::vector<float> vector(const std::string& name) const;

    std::string config_;  ///< its path
    LlamaShape shape_;
    HfTensors tensors_;
};

/// The shape that a config.json says. Throws UserError naming the key that is missing, absurd or
/// means something that the forward pass does not compute.
LlamaShape read_hf_shape(const std::filesystem::path& config);

}  // namespace axesim::workloads
