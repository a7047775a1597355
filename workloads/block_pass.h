// SPDX-License-Identifier: Apache-2.0
// A batch of sequences on its way through the decoder blocks, one block at a time: what runs can
// stop between any two blocks and go on later.
#pragma once

#include <vector>

#include "common/matrix.h"
#include "workloads/attention.h"
#include "workloads/linear_operator.h"
#include "workloads/llama.h"

namespace axesim::workloads {

class BlockPass {
public:
    /// Embeds (if `linear` needs values) equally long sequences of new tokens that continue those
    /// in `cache`; without one it is a plain prefill, for which the keys and values of one block at
    /// a time are enough. Tells `linear` what its rows will be. Keeps references to weights, linear
    /// and cache. Throws UserError for a token id outside the vocabulary, for more positions than
    /// shape().context and for sequences that are empty, differ in length or in number from the
    /// cache's.
    BlockPass(const LlamaWeights& weights, const std::vector<std::vector<TokenId>>& sequences,
              LinearOperator& linear, KvCache* cache = nullptr);

    bool finished() const { return block_ == static_cast<int>(weights_.shape().blocks); }
    /// The block that comes next.
    int block() const { return block_; }
    /// The residual stream in front of that block, [sequences * length, hidden], of an operator
    /// that needs values.
    const Matrix<float>& hidden() const { return hidden_.values(); }
    /// The same with values or without, at the end of the pass.
    Activations take_residual() { return std::move(hidden_); }

    /// Runs it: calls `linear` for every operation, and for the linear layers in the groups
    /// {q, k, v}, {o}, {gate, up} and {down}. Throws RunError when a value is not finite.
    void run_block();

    /// Stands in front of `block` with the `hidden` of an earlier pass over the same sequences.
    /// Throws std::invalid_argument for another shape, no such block, or with a cache.
    void resume(int block, Matrix<float> hidden);

private:
    void attention_part(KeptPositions& kept);
    void ffn_part();

    const LlamaWeights& weights_;
    LinearOperator& linear_;
    KvCache* cache_;
    KeptPositions scratch_;  ///< for the block that runs, without a cache
    int block_ = 0;
    Index sequences_;
    Index length_;  ///< new positions of a sequence
    Index past_;    ///< positions that the cache holds already
    RotaryTable rotary_;
    Activations hidden_;
};

}  // namespace axesim::workloads
