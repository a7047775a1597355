// SPDX-License-Identifier: Apache-2.0
#include "sim/model_memory.h"

#include <algorithm>
#include <bit>

#include "sim/platform.h"

namespace axesim::sim {

namespace {

constexpr std::uint64_t kWordBytes = 4;

}  // namespace

Index query_block(const workloads::LlamaShape& shape, const models::HardwareConfig& hardware) {
    constexpr Index kFolds = 4;
    const Index group = shape.heads / shape.kv_heads;
    const Index positions = std::max<Index>(1, kFolds * hardware.array.rows / group);
    return static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(positions)));
}

ModelMemory::ModelMemory(const workloads::LlamaShape& shape, const MemoryNeeds& needs,
                         const std::optional<AttentionFormats>& formats,
                         const models::HardwareConfig& hardware, const Allocate& allocate)
    : sequences_(needs.sequences), kv_heads_(shape.kv_heads) {
    const auto values = [&](std::int64_t count) {
        return allocate(static_cast<std::uint64_t>(count) *
                        static_cast<std::uint64_t>(models::output_bits(hardware.output_format)) /
                        8);
    };
    const auto codes = [&](std::int64_t count, int bits) {
        return allocate(Platform::element_bytes(count, bits, hardware));
    };
    const auto words = [&](std::int64_t count) {
        return allocate(static_cast<std::uint64_t>(count) * kWordBytes);
    };
    Index widest = 0;
    for (const workloads::LinearKind kind : workloads::kLinearKinds) {
        widest = std::max(widest, shape.linear_outputs(kind));
    }
    const Index longest = std::max(needs.longest_first, needs.longest);
    constants = values(std::max(shape.hidden, longest * shape.head_size));
    residual = values(needs.tokens * shape.hidden);
    for (std::uint64_t& result : results) result = values(needs.tokens * widest);
    logits = values(needs.logits * shape.vocabulary);
    if (!formats) return;

    const Index group = shape.heads / shape.kv_heads;
    const Index block = std::min(query_block(shape, hardware), needs.longest_new);
    const Index rows = needs.tokens * shape.heads;
    scores = values(block * group * longest);
    // The results of a head and block of positions start at a whole burst.
    const Index pieces =
        needs.sequences * shape.kv_heads * ((needs.longest_new + block - 1) / block);
    attended =
        allocate(static_cast<std::uint64_t>(pieces) *
                 Platform::element_bytes(block * group * shape.head_size,
                                         models::output_bits(hardware.output_format), hardware));
    queries = codes(rows * shape.head_size, formats->scores.activations.bits);
    query_words = words(rows * models::kMetadataWords);
    probabilities = codes(block * group * longest, formats->values.activations.bits);
    probability_words = words(block * group * models::kMetadataWords);
    value_words = words(shape.head_size * models::kMetadataWords);
    for (Index i = 0; i < shape.blocks * needs.sequences * shape.kv_heads; ++i) {
        const bool first = i / shape.kv_heads % needs.sequences == 0;
        const Index positions = first ? longest : needs.longest;
        HeadMemory& head = heads_.emplace_back();
        head.keys = codes(positions * shape.head_size, formats->kept.bits);
        head.key_words = words(positions * models::kMetadataWords);
        head.values = codes(positions * shape.head_size, formats->kept.bits);
        head.value_scales = words(positions);
    }
}

std::uint64_t ModelMemory::bytes(const workloads::LlamaShape& shape, const MemoryNeeds& needs,
                                 const std::optional<AttentionFormats>& formats,
                                 const models::HardwareConfig& hardware) {
    std::uint64_t total = 0;
    const ModelMemory counted(shape, needs, formats, hardware, [&](std::uint64_t bytes) {
        total += Platform::whole_bytes(bytes, hardware);
        return 0;
    });
    return total;
}

}  // namespace axesim::sim
