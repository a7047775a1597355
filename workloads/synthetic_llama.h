// SPDX-License-Identifier: Apache-2.0
// A Llama model of given sizes whose weights are drawn at random: for what depends on sizes and
// not on values, as cycles, traffic and area do.
#pragma once

#include <cstdint>

#include "workloads/llama.h"
#include "workloads/tokenizer.h"

namespace axesim::workloads {

/// Weights are normal with a variance of 1 over the depth, which keeps the scale of what passes.
/// The residual stream has a few channels with values 20 times those of the others, as large models
/// do (Dettmers et al., arXiv 2208.07339, section 4). Each row is made from the seed, its layer and
/// its number alone, when it is asked for: nothing is kept in memory, and no number of threads
/// changes a value.
class SyntheticLlama : public LlamaWeights {
public:
    SyntheticLlama(LlamaShape shape, std::uint64_t seed);

    const LlamaShape& shape() const override { return shape_; }
    Matrix<float> linear(const LinearId& id) const override;
    std::vector<float> attention_norm(Index block) const override;
    std::vector<float> ffn_norm(Index block) const override;
    std::vector<float> final_norm() const override;
    /// Throws UserError for a token outside the vocabulary.
    Matrix<float> embed(std::span<const TokenId> tokens) const override;
    Matrix<float> lm_head() const override;

private:
    LlamaShape shape_;
    std::uint64_t seed_;
    std::vector<Index> outliers_;  ///< channels of the residual stream
};

/// Makes one random token of each byte of a text: random weights know no language.
class RandomTokenizer : public Tokenizer {
public:
    RandomTokenizer(Index vocabulary, std::uint64_t seed) : vocabulary_(vocabulary), seed_(seed) {}
    std::vector<TokenId> encode(std::string_view text) const override;
    /// Always empty.
    std::string decode(const std::vector<TokenId>&) const override { return ""; }
    Index vocabulary() const override { return vocabulary_; }

private:
    Index vocabulary_;
    std::uint64_t seed_;
};

}  // namespace axesim::workloads
