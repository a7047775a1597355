// SPDX-License-Identifier: Apache-2.0
#include "workloads/block_pass.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "common/error.h"

namespace axesim::workloads {

namespace {

/// The length that all sequences must have.
Index common_length(const std::vector<std::vector<TokenId>>& sequences) {
    if (sequences.empty() || sequences.front().empty()) {
        throw UserError("there are no tokens to run the model on");
    }
    for (const auto& sequence : sequences) {
        if (sequence.size() != sequences.front().size()) {
            throw UserError(fmt::format("sequences of {} and of {} tokens cannot run in one batch",
                                        sequences.front().size(), sequence.size()));
        }
    }
    return static_cast<Index>(sequences.front().size());
}

void check_positions(Index sequences, Index length, const LlamaShape& shape, const KvCache* cache) {
    if (cache != nullptr && cache->sequences() != sequences) {
        throw UserError(fmt::format("{} sequences cannot continue the {} in the key-value cache",
                                    sequences, cache->sequences()));
    }
    const Index positions = length + (cache != nullptr ? cache->length() : 0);
    if (positions > shape.context) {
        throw UserError(
            fmt::format("{} is made for sequences of at most {} tokens, not {}; shorten "
                        "the sequences (context or length) in the config",
                        shape.name, shape.context, positions));
    }
}

void require_finite(const Activations& hidden, int block, const char* where) {
    if (!hidden.has_values()) return;
    // Times 0 an infinity becomes NaN too; unlike allFinite() this takes vector instructions.
    if ((hidden.values().array() * 0.0F).sum() != 0.0F) {
        throw RunError(fmt::format("a value is not finite (infinity or NaN) after {} of block {}",
                                   where, block));
    }
}

}  // namespace

BlockPass::BlockPass(const LlamaWeights& weights,
                     const std::vector<std::vector<TokenId>>& sequences, LinearOperator& linear,
                     KvCache* cache)
    : weights_(weights),
      linear_(linear),
      cache_(cache),
      sequences_(static_cast<Index>(sequences.size())),
      length_(common_length(sequences)),
      past_(cache != nullptr ? cache->length() : 0),
      rotary_(weights.shape(), past_, length_) {
    check_positions(sequences_, length_, weights.shape(), cache);
    if (linear.needs_values()) {
        std::vector<TokenId> tokens;
        for (const auto& sequence : sequences) {
            tokens.insert(tokens.end(), sequence.begin(), sequence.end());
        }
        hidden_ = weights.embed(tokens);
    } else {
        hidden_ = Activations::of_shape(sequences_ * length_, weights.shape().hidden);
    }
    scratch_.keys.resize(sequences.size());
    scratch_.values.resize(sequences.size());
    linear.start(sequences_, past_, length_);
    linear.embed(hidden_);
}

void BlockPass::run_block() {
    if (finished()) throw std::invalid_argument("there is no block left to run");
    attention_part(cache_ != nullptr ? cache_->blocks_[static_cast<std::size_t>(block_)]
                                     : scratch_);
    require_finite(hidden_, block_, "the attention");
    ffn_part();
    require_finite(hidden_, block_, "the feed-forward part");
    ++block_;
    if (finished() && cache_ != nullptr) cache_->length_ += length_;
}

void BlockPass::resume(int block, Matrix<float> hidden) {
    if (cache_ != nullptr) throw std::invalid_argument("the cache would lack the blocks before");
    if (block < 0 || block > weights_.shape().blocks) throw std::invalid_argument("no such block");
    if (hidden.rows() != hidden_.rows() || hidden.cols() != hidden_.cols()) {
        throw std::invalid_argument("hidden states of other sequences");
    }
    block_ = block;
    hidden_ = std::move(hidden);
}

void BlockPass::attention_part(KeptPositions& kept) {
    const LlamaShape& shape = weights_.shape();
    const std::array qkv = {LinearId{block_, LinearKind::q_proj},
                            LinearId{block_, LinearKind::k_proj},
                            LinearId{block_, LinearKind::v_proj}};
    std::array<Activations, 3> projected;
    linear_.apply(qkv,
                  linear_.normalize({block_, NormKind::attention}, hidden_,
                                    weights_.attention_norm(block_), shape.rms_epsilon),
                  projected);
    auto& [q, k, v] = projected;
    const AttentionStep step{.shape = shape,
                             .rotary = rotary_,
                             .block = block_,
                             .sequences = sequences_,
                             .past = past_,
                             .length = length_,
                             .kept = kept};
    const std::array output = {LinearId{block_, LinearKind::o_proj}};
    std::array<Activations, 1> added;
    linear_.apply(output, linear_.attend(step, q, k, v), added);
    linear_.add(output[0], hidden_, added[0]);
}

void BlockPass::ffn_part() {
    const std::array gate_and_up = {LinearId{block_, LinearKind::gate_proj},
                                    LinearId{block_, LinearKind::up_proj}};
    std::array<Activations, 2> wide;
    linear_.apply(gate_and_up,
                  linear_.normalize({block_, NormKind::ffn}, hidden_, weights_.ffn_norm(block_),
                                    weights_.shape().rms_epsilon),
                  wide);
    linear_.gate(block_, wide[0], wide[1]);
    wide[1] = {};
    const std::array down = {LinearId{block_, LinearKind::down_proj}};
    std::array<Activations, 1> added;
    linear_.apply(down, wide[0], added);
    linear_.add(down[0], hidden_, added[0]);
}

}  // namespace axesim::workloads
