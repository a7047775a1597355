// SPDX-License-Identifier: Apache-2.0
#include "workloads/llama.h"

#include <algorithm>
#include <array>

#include "common/parallel.h"
#include "workloads/attention.h"
#include "workloads/block_pass.h"

namespace axesim::workloads {

Index LlamaShape::linear_outputs(LinearKind kind) const {
    switch (kind) {
        case LinearKind::q_proj:
            return heads * head_size;
        case LinearKind::k_proj:
        case LinearKind::v_proj:
            return kv_heads * head_size;
        case LinearKind::o_proj:
        case LinearKind::down_proj:
            return hidden;
        case LinearKind::gate_proj:
        case LinearKind::up_proj:
            return ffn;
        case LinearKind::lm_head:
            return vocabulary;
    }
    return 0;
}

Index LlamaShape::linear_inputs(LinearKind kind) const {
    if (kind == LinearKind::o_proj) return heads * head_size;
    return kind == LinearKind::down_proj ? ffn : hidden;
}

Index LlamaShape::deepest_input() const {
    Index deepest = 0;
    for (const LinearKind kind : kLinearKinds) deepest = std::max(deepest, linear_inputs(kind));
    return deepest;
}

KvCache::KvCache(const LlamaShape& shape, Index sequences)
    : blocks_(static_cast<std::size_t>(shape.blocks)), sequences_(sequences) {
    for (KeptPositions& block : blocks_) {
        block.keys.resize(static_cast<std::size_t>(sequences));
        block.values.resize(static_cast<std::size_t>(sequences));
    }
}

LlamaForward::LlamaForward(const LlamaWeights& weights)
    : weights_(weights), final_norm_(weights.final_norm()) {}

Matrix<float> LlamaForward::hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                          LinearOperator& linear, KvCache& cache) const {
    return std::move(final_norm(residual_stream(sequences, linear, &cache), linear).values());
}

Matrix<float> LlamaForward::hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                          LinearOperator& linear) const {
    return std::move(final_norm(residual_stream(sequences, linear), linear).values());
}

Activations LlamaForward::residual_stream(const std::vector<std::vector<TokenId>>& sequences,
                                          LinearOperator& linear, KvCache* cache) const {
    BlockPass pass(weights_, sequences, linear, cache);
    while (!pass.finished()) pass.run_block();
    return pass.take_residual();
}

Activations LlamaForward::final_norm(const Activations& residual, LinearOperator& linear) const {
    const LlamaShape& shape = weights_.shape();
    return linear.normalize({static_cast<int>(shape.blocks), NormKind::final}, residual,
                            final_norm_, shape.rms_epsilon);
}

Activations LlamaForward::logits(const Activations& residual, LinearOperator& linear) const {
    std::array<Activations, 1> outputs;
    linear.apply(std::array{weights_.shape().lm_head()}, final_norm(residual, linear), outputs);
    return std::move(outputs[0]);
}

Matrix<float> LlamaForward::logits(const Eigen::Ref<const Matrix<float>>& hidden) const {
    if (lm_head_.size() == 0) lm_head_ = weights_.lm_head();
    Matrix<float> result;
    multiply_transposed(hidden, lm_head_, result);
    return result;
}

}  // namespace axesim::workloads
