// SPDX-License-Identifier: Apache-2.0
#include "workloads/llama.h"

#include <fmt/format.h>

#include <array>

#include "common/error.h"
#include "common/parallel.h"
#include "workloads/attention.h"

namespace axesim::workloads {

namespace {

// Room for `needed` rows; what is there stays. Doubling keeps decoding from copying all of it for
// every token.
void reserve_rows(Matrix<float>& rows, Index needed, Index columns) {
    if (needed <= rows.rows()) return;
    rows.conservativeResize(rows.rows() == 0 ? needed : std::max(needed, 2 * rows.rows()), columns);
}

void check_batch(const std::vector<std::vector<TokenId>>& sequences, const LlamaShape& shape,
                 const KvCache* cache) {
    if (sequences.empty() || sequences.front().empty()) {
        throw UserError("there are no tokens to run the model on");
    }
    for (const auto& sequence : sequences) {
        if (sequence.size() != sequences.front().size()) {
            throw UserError(fmt::format("sequences of {} and of {} tokens cannot run in one batch",
                                        sequences.front().size(), sequence.size()));
        }
    }
    if (cache != nullptr && cache->sequences() != static_cast<Index>(sequences.size())) {
        throw UserError(fmt::format("{} sequences cannot continue the {} in the key-value cache",
                                    sequences.size(), cache->sequences()));
    }
    const Index positions =
        static_cast<Index>(sequences.front().size()) + (cache != nullptr ? cache->length() : 0);
    if (positions > shape.context) {
        throw UserError(
            fmt::format("{} is made for sequences of at most {} tokens, not {}; shorten "
                        "the sequences (context or length) in the config",
                        shape.name, shape.context, positions));
    }
}

void require_finite(const Matrix<float>& values, Index block, const char* where) {
    // Times 0 an infinity becomes NaN too; unlike allFinite() this takes vector instructions.
    if ((values.array() * 0.0F).sum() != 0.0F) {
        throw RunError(fmt::format("a value is not finite (infinity or NaN) after {} of block {}",
                                   where, block));
    }
}

}  // namespace

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
    for (Block& block : blocks_) {
        block.keys.resize(static_cast<std::size_t>(sequences));
        block.values.resize(static_cast<std::size_t>(sequences));
    }
}

// What the layers of one run have in common.
struct LlamaForward::Batch {
    int block = 0;
    Index sequences = 0;
    Index length = 0;  // new positions of a sequence
    Index past = 0;    // positions that the cache holds already
    RotaryTable rotary;
};

LlamaForward::LlamaForward(const LlamaWeights& weights)
    : weights_(weights), lm_head_(weights.lm_head()), final_norm_(weights.final_norm()) {}

Matrix<float> LlamaForward::hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                          LinearOperator& linear, KvCache& cache) const {
    return run(sequences, linear, &cache);
}

Matrix<float> LlamaForward::hidden_states(const std::vector<std::vector<TokenId>>& sequences,
                                          LinearOperator& linear) const {
    return run(sequences, linear, nullptr);
}

Matrix<float> LlamaForward::run(const std::vector<std::vector<TokenId>>& sequences,
                                LinearOperator& linear, KvCache* cache) const {
    const LlamaShape& shape = weights_.shape();
    check_batch(sequences, shape, cache);
    const auto count = static_cast<Index>(sequences.size());
    const auto length = static_cast<Index>(sequences.front().size());
    const Index past = cache != nullptr ? cache->length() : 0;
    Batch batch{0, count, length, past, RotaryTable(shape, past, length)};
    std::vector<TokenId> tokens;
    for (const auto& sequence : sequences) {
        tokens.insert(tokens.end(), sequence.begin(), sequence.end());
    }
    Matrix<float> hidden = weights_.embed(tokens);
    linear.start(count, past, length);
    KvCache::Block scratch;
    scratch.keys.resize(sequences.size());
    scratch.values.resize(sequences.size());
    for (; batch.block < shape.blocks; ++batch.block) {
        KvCache::Block& kept =
            cache != nullptr ? cache->blocks_[static_cast<std::size_t>(batch.block)] : scratch;
        attention_part(batch, linear, kept, hidden);
        require_finite(hidden, batch.block, "the attention");
        ffn_part(batch, linear, hidden);
        require_finite(hidden, batch.block, "the feed-forward part");
    }
    if (cache != nullptr) cache->length_ += length;
    return rms_norm(hidden, final_norm_, shape.rms_epsilon);
}

void LlamaForward::attention_part(const Batch& batch, LinearOperator& linear, KvCache::Block& cache,
                                  Matrix<float>& hidden) const {
    const LlamaShape& shape = weights_.shape();
    const std::array qkv = {LinearId{batch.block, LinearKind::q_proj},
                            LinearId{batch.block, LinearKind::k_proj},
                            LinearId{batch.block, LinearKind::v_proj}};
    std::array<Matrix<float>, 3> projected;
    linear.apply(qkv, rms_norm(hidden, weights_.attention_norm(batch.block), shape.rms_epsilon),
                 projected);
    auto& [q, k, v] = projected;
    batch.rotary.rotate(q);
    batch.rotary.rotate(k);
    const Index total = batch.past + batch.length;
    std::vector<KeysAndValues> past;
    for (Index s = 0; s < batch.sequences; ++s) {
        Matrix<float>& keys = cache.keys[static_cast<std::size_t>(s)];
        Matrix<float>& values = cache.values[static_cast<std::size_t>(s)];
        reserve_rows(keys, total, k.cols());
        reserve_rows(values, total, v.cols());
        keys.middleRows(batch.past, batch.length) = k.middleRows(s * batch.length, batch.length);
        values.middleRows(batch.past, batch.length) = v.middleRows(s * batch.length, batch.length);
        past.push_back({{keys.data(), total, k.cols()}, {values.data(), total, v.cols()}});
    }
    const std::array output = {LinearId{batch.block, LinearKind::o_proj}};
    std::array<Matrix<float>, 1> added;
    linear.apply(output, causal_attention(shape, q, past), added);
    hidden += added[0];
}

void LlamaForward::ffn_part(const Batch& batch, LinearOperator& linear,
                            Matrix<float>& hidden) const {
    const std::array gate_and_up = {LinearId{batch.block, LinearKind::gate_proj},
                                    LinearId{batch.block, LinearKind::up_proj}};
    std::array<Matrix<float>, 2> wide;
    linear.apply(gate_and_up,
                 rms_norm(hidden, weights_.ffn_norm(batch.block), weights_.shape().rms_epsilon),
                 wide);
    swiglu(wide[0], wide[1]);
    wide[1].resize(0, 0);
    const std::array down = {LinearId{batch.block, LinearKind::down_proj}};
    std::array<Matrix<float>, 1> added;
    linear.apply(down, wide[0], added);
    hidden += added[0];
}

Matrix<float> LlamaForward::logits(const Eigen::Ref<const Matrix<float>>& hidden) const {
    Matrix<float> result;
    multiply_transposed(hidden, lm_head_, result);
    return result;
}

}  // namespace axesim::workloads
