// SPDX-License-Identifier: Apache-2.0
// Weights as the fast kernels want them, and what their codes prove about every tile.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <vector>

#include "common/matrix.h"
#include "models/compute/accumulator_rule.h"
#include "models/compute/gemm.h"

namespace axesim::models {

/// Channels in a panel: two AVX-512 vectors of int32, and a multiple of every narrower vector.
inline constexpr Index kPanelChannels = 32;

/// Consecutive products that one inner accumulation sums. Kernels take products in pairs of 16-bit
/// codes or in quads of bytes; a tile starts a new one of each, and ends with zeros that complete
/// its last.
struct TileSpan {
    Index first = 0;       ///< index k of the first product
    Index length = 0;      ///< products
    Index first_pair = 0;  ///< pairs in the tiles before
    Index first_quad = 0;  ///< quads in the tiles before
    Index pairs() const { return (length + 1) / 2; }
    Index quads() const { return (length + 3) / 4; }
};

/// The tiles of a depth. `length` >= 1.
std::vector<TileSpan> cut_into_tiles(Index depth, Index length);

/// Whether codes of this format fit int16, so that kernels can take them in pairs.
bool fits_pairs(const GemmFormat& format);

/// Whether activations of this format are bytes and weights signed ones, so that kernels can take
/// them in quads.
bool fits_quads(const GemmFormat& format);

/// How a tile of a panel may be summed, by what the bounds of its codes prove.
enum class TileMethod : std::uint8_t {
    any_order_int16,       ///< no sum of any of its products leaves int16, nor of its quads
    any_order,             ///< no step can overflow, and int32 holds every partial sum
    check_prefixes_int16,  ///< as check_prefixes; within a segment as any_order_int16
    check_prefixes,        ///< sum any way, prove from prefixes that no step overflowed, else step
    step,                  ///< step by step in int32
    wide_any_order,        ///< no step can overflow, but sums or operands need int64
    wide_step,             ///< step by step in int64
};

struct TilePlan {
    TileMethod method = TileMethod::wide_step;
    Index segment = 0;      ///< check_prefixes: products between two checks, whole quads
    Index first_limit = 0;  ///< check_prefixes: index of its first PrefixLimits
};

/// Bounds on the sum before a segment within which no step of the segment can overflow.
struct alignas(64) PrefixLimits {
    std::int32_t lower[kPanelChannels];
    std::int32_t upper[kPanelChannels];
};

/// Packed weights [panel][pair][channel in panel]: each word holds the two weights of a pair, the
/// earlier one in its low half. Missing channels are channels of zeros.
class WeightPanels {
public:
    /// weights [channels, K], K >= 1; codes and scales within the format.
    WeightPanels(const Matrix<std::int16_t>& weights, const GemmFormat& format,
                 const TileScales& tile_scales = {});

    Index channels() const { return channels_; }
    Index depth() const { return depth_; }
    Index panels() const { return (channels_ + kPanelChannels - 1) / kPanelChannels; }
    Index pairs() const { return tiles_.back().first_pair + tiles_.back().pairs(); }
    Index quads() const { return tiles_.back().first_quad + tiles_.back().quads(); }
    const std::vector<TileSpan>& tiles() const { return tiles_; }
    const AccumulatorRule& inner() const { return inner_; }
    const AccumulatorRule& outer() const { return outer_; }
    Index lanes() const { return lanes_; }

    /// Words of a panel from one pair on. There unless all its tiles sum quads.
    const std::int32_t* words(Index panel, Index pair) const {
        return words_[static_cast<std::size_t>(panel)].get() + pair * kPanelChannels;
    }
    bool has_quads() const { return has_quads_; }
    /// Whether no step of such a tile can overflow in int32, and quads hold its sums.
    bool sums_quads_in_any_order(const TilePlan& plan) const {
        return plan.method == TileMethod::any_order_int16 ||
               (plan.method == TileMethod::any_order && has_quads_ && quads_fit_int32_);
    }
    /// Activations are offset bytes: sums of quads start at quad_starts().
    bool has_signed_quads() const { return quad_starts_ != nullptr; }
    /// What start_offset_quads() says of a tile [kPanelChannels]; null where nothing is offset.
    const std::int32_t* quad_starts(Index panel, Index tile) const {
        return quad_starts_ ? quad_starts_.get() + (panel * tile_count() + tile) * kPanelChannels
                            : nullptr;
    }
    /// The same weights as bytes, four in a word [panel][quad][channel in panel], from one quad on;
    /// there for formats that fit quads.
    const std::int32_t* quad_words(Index panel, Index quad) const {
        return quad_words_.get() + (panel * quads() + quad) * kPanelChannels;
    }
    const TilePlan& plan(Index panel, Index tile) const {
        return plans_[static_cast<std::size_t>(panel * tile_count() + tile)];
    }
    /// True when no outer add of the panel can overflow and int32 holds every outer value.
    bool outer_is_safe_int32(Index panel) const {
        return outer_safe_int32_[static_cast<std::size_t>(panel)] != 0;
    }
    /// Scales of a tile's inner values [kPanelChannels], aligned; null when all weights have none.
    const std::int32_t* tile_scales(Index panel, Index tile) const {
        return tile_scales_ ? tile_scales_.get() + (panel * tile_count() + tile) * kPanelChannels
                            : nullptr;
    }
    const PrefixLimits* limits(const TilePlan& plan) const {
        return limits_.data() + plan.first_limit;
    }
    /// True when no activations in range can make any step overflow, inner or outer.
    bool overflow_free() const { return overflow_free_; }

private:
    struct PanelProof;

    Index tile_count() const { return static_cast<Index>(tiles_.size()); }
    void pack(const Matrix<std::int16_t>& weights, Index panel);
    void pack_tile_scales(const TileScales& tile_scales);
    PanelProof prove(Index panel) const;
    TilePlan choose(const IntegerRange& sums, double typical_extreme, const TileSpan& tile) const;
    void append_limits(Index panel, const TileSpan& tile, TilePlan& plan);

    Index channels_;
    Index depth_;
    Index lanes_;
    AccumulatorRule inner_;
    AccumulatorRule outer_;
    IntegerRange activations_;   ///< of the format, extended to contain 0
    std::int64_t largest_step_;  ///< no step adds more than this in magnitude
    bool narrow_activations_;
    bool has_quads_;
    bool quads_fit_int16_;  ///< where sums do
    bool quads_fit_int32_;  ///< where sums do: on this processor
    bool overflow_free_ = true;
    std::vector<TileSpan> tiles_;
    std::vector<hwy::AlignedFreeUniquePtr<std::int32_t[]>> words_;  ///< of each panel
    hwy::AlignedFreeUniquePtr<std::int32_t[]> quad_words_;
    hwy::AlignedFreeUniquePtr<std::int32_t[]> quad_starts_;  ///< [panel][tile][channel in panel]
    hwy::AlignedFreeUniquePtr<std::int32_t[]> tile_scales_;  ///< [panel][tile][channel in panel]
    std::vector<TilePlan> plans_;                            ///< [panel][tile]
    std::vector<std::uint8_t> outer_safe_int32_;
    std::vector<PrefixLimits> limits_;
};

}  // namespace axesim::models
