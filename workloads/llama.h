// SPDX-License-Identifier: Apache-2.0
// The Llama architecture: shapes, weights from a file, and the forward pass over a LinearOperator.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "workloads/linear_operator.h"

namespace axesim::workloads {

using TokenId = std::int32_t;

struct LlamaShape {
    std::string name;  ///< as in "SmolLM2-135M-Instruct"
    Index blocks = 0;
    /// How often these blocks stand one after the other; more than once only where blocks of equal
    /// sizes are simulated once and counted for all (LoadedModel::synthetic).
    Index repeats = 1;
    Index hidden = 0;
    Index ffn = 0;
    Index heads = 0;
    Index kv_heads = 0;
    Index head_size = 0;
    Index vocabulary = 0;
    Index context = 0;  ///< longest sequence the model was made for
    double rope_base = 10000;
    double rms_epsilon = 1e-5;
    bool tied_embeddings = false;
    /// Divisors of the head_size/2 rotary frequencies, which some models have for long contexts;
    /// empty: none.
    std::vector<float> rope_factors;

    LinearId lm_head() const { return {static_cast<int>(blocks), LinearKind::lm_head}; }
    Index linear_outputs(LinearKind kind) const;
    Index linear_inputs(LinearKind kind) const;
    Index deepest_input() const;  ///< of all kinds
};

/// The weights of one model. Matrices are converted to single precision when asked for, so that
/// only what is in use is in memory. Rows of q and k are in Hugging Face order (the two halves of a
/// rotary pair lie head_size/2 apart), whatever the file has.
class LlamaWeights {
public:
    virtual ~LlamaWeights() = default;
    virtual const LlamaShape& shape() const = 0;
    virtual Matrix<float> linear(const LinearId& id) const = 0;              ///< [out, in]
    virtual std::vector<float> attention_norm(Index block) const = 0;        ///< [hidden]
    virtual std::vector<float> ffn_norm(Index block) const = 0;              ///< [hidden]
    virtual std::vector<float> final_norm() const = 0;                       ///< [hidden]
    virtual Matrix<float> embed(std::span<const TokenId> tokens) const = 0;  ///< [tokens, hidden]
    virtual Matrix<float> lm_head() const = 0;  ///< [vocabulary, hidden]

    /// Of a linear layer in a block, or of lm_head.
    Matrix<float> weights_of(const LinearId& id) const {
        return id.kind == LinearKind::lm_head ? lm_head() : linear(id);
    }
};

/// Multiplies in single precision with the weights of the file.
class FloatLinear : public LinearOperator {
public:
    explicit FloatLinear(const LlamaWeights& weights) : weights_(weights) {}
    void apply(std::span<const LinearId> layers, const Activations& input,
               std::span<Activations> outputs) override;

private:
    const LlamaWeights& weights_;
};

/// Keys (after RoPE) and values of the positions seen so far in one block, per sequence
/// [capacity >= positions, kv_heads * head_size].
struct KeptPositions {
    std::vector<Matrix<float>> keys, values;
};

/// The same for every block. Stays empty where the operator keeps them itself: in the simulated
/// DRAM.
class KvCache {
public:
    KvCache(const LlamaShape& shape, Index sequences);
    Index sequences() const { return sequences_; }
    Index length() const { return length_; }  ///< positions held, the same for every sequence

private:
    friend class BlockPass;
    std::vector<KeptPositions> blocks_;
    Index sequences_ = 0;
    Index length_ = 0;
};

/// The forward pass from tokens to logits (block_pass.h is the part of it without the output
/// matrix, which is large).
class LlamaForward {
public:
    explicit LlamaForward(const LlamaWeights& weights);

    /// Hidden states after the final norm, [sequences * length, hidden], sequence after sequence,
    /// for equally long sequences of new tokens that continue those in `cache` (which then also
    /// holds the new ones). A fresh cache gives a plain prefill. Calls `linear` for the groups
    /// {q, k, v}, {o}, {gate, up} and {down} of block 0, then 1, ... Throws UserError for a token
    /// id outside the vocabulary, for more positions than shape().context and for sequences that
    /// are empty, differ in length or in number from the cache's; RunError when a value is not
    /// finite.
    Matrix<float> hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                LinearOperator& linear, KvCache& cache) const;
    /// The same for a plain prefill of which no cache is kept: the memory of the keys and values of
    /// one block is enough.
    Matrix<float> hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                LinearOperator& linear) const;

    /// The residual stream behind the last block, in front of the final norm; without a cache, as
    /// above. Errors as of hidden_states(). Here and below without values if `linear` needs none.
    Activations residual_stream(const std::vector<std::vector<TokenId>>& sequences,
                                LinearOperator& linear, KvCache* cache = nullptr) const;
    /// The final norm of rows of it, by `linear`.
    Activations final_norm(const Activations& residual, LinearOperator& linear) const;
    /// Logits [rows, vocabulary] of rows of it: final norm and lm_head, by `linear`.
    Activations logits(const Activations& residual, LinearOperator& linear) const;

    /// Logits [rows, vocabulary] of rows of hidden states. The first call reads the output matrix,
    /// which is large and of no use to those who never ask; not from several threads at once.
    Matrix<float> logits(const Eigen::Ref<const Matrix<float>>& hidden) const;

private:
    const LlamaWeights& weights_;
    mutable Matrix<float> lm_head_;
    std::vector<float> final_norm_;
};

}  // namespace axesim::workloads
