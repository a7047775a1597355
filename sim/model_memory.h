// SPDX-License-Identifier: Apache-2.0
// Where a run keeps in DRAM what is neither weights nor the input of a linear layer: values between
// operations, and the keys and values of the positions so far.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sim/config/attention_formats.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// The most that a workload asks of the memory. Sequences run in one batch; the first of them may
/// be longer than the others.
struct MemoryNeeds {
    Index sequences = 1;
    Index tokens = 1;         ///< new ones at once, of all sequences
    Index logits = 0;         ///< rows of logits at once
    Index longest_new = 1;    ///< new positions of one sequence at once
    Index longest_first = 1;  ///< positions of the first sequence
    Index longest = 1;        ///< positions of any other
};

/// Keys and values of one head of one sequence in one block: codes [positions, head_size], and
/// their 32-bit words: scale and sum of the codes of each position's key, scale of its value.
struct HeadMemory {
    std::uint64_t keys = 0, key_words = 0, values = 0, value_scales = 0;
};

/// Addresses. Every tensor starts at a whole burst.
class ModelMemory {
public:
    using Allocate = std::function<std::uint64_t(std::uint64_t bytes)>;

    /// Without formats there is nothing for attention.
    ModelMemory(const workloads::LlamaShape& shape, const MemoryNeeds& needs,
                const std::optional<AttentionFormats>& formats,
                const models::HardwareConfig& hardware, const Allocate& allocate);

    /// Bytes that the constructor allocates.
    static std::uint64_t bytes(const workloads::LlamaShape& shape, const MemoryNeeds& needs,
                               const std::optional<AttentionFormats>& formats,
                               const models::HardwareConfig& hardware);

    const HeadMemory& head(int block, Index sequence, Index kv_head) const {
        return heads_[static_cast<std::size_t>(
            (static_cast<Index>(block) * sequences_ + sequence) * kv_heads_ + kv_head)];
    }

    // Values in the output format.
    std::uint64_t constants = 0;             ///< norms' weights, cosines and sines
    std::uint64_t residual = 0;              ///< [tokens, hidden]; also rows of the embedding
    std::array<std::uint64_t, 3> results{};  ///< of linear layers that share an input
    std::uint64_t scores = 0, attended = 0;
    std::uint64_t logits = 0;
    // Codes, and two words a row.
    std::uint64_t queries = 0, query_words = 0, probabilities = 0, probability_words = 0;
    std::uint64_t value_words = 0;  ///< the words of a value's channels: scale 1, no sum

private:
    Index sequences_, kv_heads_;
    std::vector<HeadMemory> heads_;
};

/// New positions of a sequence whose scores are computed together: a power of two that gives the
/// array at least four folds of rows. What these rows may not see of each other is computed all the
/// same; what lies wholly above the diagonal is not.
Index query_block(const workloads::LlamaShape& shape, const models::HardwareConfig& hardware);

}  // namespace axesim::sim
