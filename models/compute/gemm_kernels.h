// SPDX-License-Identifier: Apache-2.0
// The vector kernels behind PreparedWeights, for the instruction set found at run time.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <span>
#include <vector>

#include "models/compute/weight_panels.h"

namespace axesim::models {

/// Consecutive tokens that kernels process together.
struct TokenBlock {
    Index first = 0;
    Index rows = 0;  ///< 8, 4, 2 or 1
};

/// [0, tokens) in blocks of 8, the rest in blocks of 4, 2 and 1.
std::vector<TokenBlock> cut_into_token_blocks(Index tokens);

/// Activations of a call: the codes themselves [tokens, K], and, where they fit, packed
/// [token block][pair][row] and [token block][quad][row] with pairs and quads as in WeightPanels.
struct ActivationBlocks {
    const Matrix<std::int32_t>* codes = nullptr;
    Index pairs = 0, quads = 0;
    std::vector<TokenBlock> blocks;
    hwy::AlignedFreeUniquePtr<std::int32_t[]> words;       ///< null: they do not fit pairs
    hwy::AlignedFreeUniquePtr<std::int32_t[]> quad_words;  ///< null: they do not fit quads
    std::int32_t quad_offsets = 0;                         ///< kByteOffsets for signed codes

    std::int32_t* block_words(const TokenBlock& block) const {
        return words ? words.get() + block.first * pairs : nullptr;
    }
    std::int32_t* block_quads(const TokenBlock& block) const {
        return quad_words ? quad_words.get() + block.first * quads : nullptr;
    }
};

/// Packs one block, as far as `activations` has room for it, and returns the extremes of its codes.
IntegerRange pack_token_block(const TokenBlock& block, const std::vector<TileSpan>& tiles,
                              ActivationBlocks& activations);

/// Packs one tile of a panel: `channels` rows of `depth` codes into its words as WeightPanels keeps
/// them, channels that are missing as zeros.
void pack_weights(const std::int16_t* codes, Index depth, Index channels, const TileSpan& tile,
                  std::int32_t* words);

/// Whether the kernels sum quads in int32, so that they need no pairs where int32 suffices.
bool sums_quads_in_int32();

/// Signed activations become unsigned bytes in quads by 128 more in each.
inline constexpr auto kByteOffsets = static_cast<std::int32_t>(0x80808080u);

/// The quads of a tile from its pairs: words of `width` rows or channels, whose halves are bytes,
/// to each byte of which that of `offsets` (0 or kByteOffsets) is added.
void pack_quads(const std::int32_t* pair_words, Index pairs, Index width, std::int32_t offsets,
                std::int32_t* quad_words);

/// What a tile's sums must start from, per channel of a panel, for kByteOffsets to take nothing
/// from the result. Bytes of weights within [-64, 64], or the sums of quads in int32.
void start_offset_quads(const std::int32_t* quad_words, Index quads, std::int32_t* starts);

/// Per channel of a panel, the sums of its codes above and below zero.
struct CodeSums {
    std::int64_t positive[kPanelChannels] = {};
    std::int64_t negative[kPanelChannels] = {};
};
/// Of `pairs` pairs of a panel's words.
CodeSums sum_codes(const std::int32_t* words, Index pairs);

/// Pairs of 16-bit codes whose sum int32 holds.
inline constexpr Index kPairsInInt32 = Index{1} << 14;

/// outputs[token][channel] for the given blocks of tokens and panels [first, end) of channels.
AccumulatorObservation multiply_blocks(const WeightPanels& weights,
                                       const ActivationBlocks& activations,
                                       std::span<const TokenBlock> blocks, Index first_panel,
                                       Index end_panel, Matrix<std::int64_t>& outputs);

}  // namespace axesim::models
