// SPDX-License-Identifier: Apache-2.0
#include "models/compute/weight_panels.h"

#include <algorithm>
#include <array>

#include "common/parallel.h"
#include "models/compute/gemm_checks.h"
#include "models/compute/gemm_kernels.h"

namespace axesim::models {
namespace {

constexpr IntegerRange kInt8{INT8_MIN, INT8_MAX};
constexpr IntegerRange kUint8{0, UINT8_MAX};
constexpr IntegerRange kInt16{INT16_MIN, INT16_MAX};
// Two products of these weights with any unsigned bytes fit int16.
constexpr IntegerRange kHalfInt8{-64, 64};
constexpr IntegerRange kInt32{INT32_MIN, INT32_MAX};

// Stepping and prefix checks compare int32 values; these keep every difference within int32.
constexpr int kMaxNarrowBits = 30;
constexpr IntegerRange kCheckable{-(1 << 29), 1 << 29};
constexpr std::int64_t kMaxNarrowStep = 1 << 30;

// Segments between prefix checks, longest (cheapest) first. A check is worth making while what a
// typical segment can add leaves most of the accumulator's range to the prefix before it.
constexpr std::array<Index, 3> kSegments{32, 16, 8};
constexpr double kSegmentShare = 1.0 / 6;

IntegerRange with_zero(const IntegerRange& range) {
    return {std::min<std::int64_t>(range.min, 0), std::max<std::int64_t>(range.max, 0)};
}

std::int64_t magnitude(const IntegerRange& range) { return std::max(-range.min, range.max); }

/// Where every sum of any subset of these products lies, in any order, for activations in
/// [mu, nu] with mu <= 0 <= nu: [mu a + nu b, nu a + mu b], a and b the sums of the positive and
/// of the negative codes.
IntegerRange reachable(const CodeSums& sums, Index channel, const IntegerRange& activations) {
    const std::int64_t positive = sums.positive[channel];
    const std::int64_t negative = sums.negative[channel];
    return {activations.min * positive + activations.max * negative,
            activations.max * positive + activations.min * negative};
}

}  // namespace

std::vector<TileSpan> cut_into_tiles(Index depth, Index length) {
    std::vector<TileSpan> tiles;
    Index pairs = 0, quads = 0;
    for (Index first = 0; first < depth; first += length) {
        tiles.push_back({first, std::min(length, depth - first), pairs, quads});
        pairs += tiles.back().pairs();
        quads += tiles.back().quads();
    }
    return tiles;
}

bool fits_pairs(const GemmFormat& format) { return kInt16.contains(with_zero(format.activations)); }

bool fits_quads(const GemmFormat& format) {
    const IntegerRange activations = with_zero(format.activations);
    return (kUint8.contains(activations) || kInt8.contains(activations)) &&
           kInt8.contains(with_zero(format.weights));
}

/// What the codes of one panel prove.
struct WeightPanels::PanelProof {
    std::vector<TilePlan> plans;
    bool inner_fits = true;
    bool outer_fits = true;
    bool outer_safe_int32 = true;
};

WeightPanels::WeightPanels(const Matrix<std::int16_t>& weights, const GemmFormat& format,
                           const TileScales& tile_scales)
    : channels_(weights.rows()),
      depth_(weights.cols()),
      lanes_(format.accumulator.lanes),
      inner_(format.accumulator.inner_bits, format.accumulator.overflow),
      outer_(format.accumulator.outer_bits_for(depth_), format.accumulator.overflow),
      activations_(with_zero(format.activations)),
      largest_step_(std::min(lanes_, format.accumulator.tile_length(depth_)) *
                    magnitude(product_range(with_zero(format.weights), activations_))),
      narrow_activations_(fits_pairs(format)),
      has_quads_(fits_quads(format)),
      quads_fit_int16_(has_quads_ && (activations_.min == 0 || kHalfInt8.contains(format.weights))),
      quads_fit_int32_(sums_quads_in_int32()),
      tiles_(cut_into_tiles(depth_, format.accumulator.tile_length(depth_))) {
    if (channels_ == 0) return;
    words_.resize(static_cast<std::size_t>(panels()));
    if (has_quads_) {
        quad_words_ = hwy::AllocateAligned<std::int32_t>(
            static_cast<std::size_t>(panels() * quads() * kPanelChannels));
        if (activations_.min < 0) {
            quad_starts_ = hwy::AllocateAligned<std::int32_t>(
                static_cast<std::size_t>(panels() * tile_count() * kPanelChannels));
        }
    }
    if ((tile_scales.array() != 1).any()) pack_tile_scales(tile_scales);
    std::vector<PanelProof> proofs(static_cast<std::size_t>(panels()));
    for_blocks(panels(), 1, [&](Index panel, Index) {
        const auto p = static_cast<std::size_t>(panel);
        words_[p] =
            hwy::AllocateAligned<std::int32_t>(static_cast<std::size_t>(pairs() * kPanelChannels));
        pack(weights, panel);
        proofs[p] = prove(panel);
        // Most panels have done with pairs here; of a large layer these would be most of its
        // memory.
        if (std::ranges::all_of(proofs[p].plans, [&](const TilePlan& plan) {
                return sums_quads_in_any_order(plan);
            })) {
            words_[p].reset();
        }
    });
    for (Index panel = 0; panel < panels(); ++panel) {
        PanelProof& proof = proofs[static_cast<std::size_t>(panel)];
        overflow_free_ = overflow_free_ && proof.inner_fits && proof.outer_fits;
        outer_safe_int32_.push_back(proof.outer_safe_int32);
        for (Index t = 0; t < tile_count(); ++t) {
            TilePlan& plan = proof.plans[static_cast<std::size_t>(t)];
            if (plan.method == TileMethod::check_prefixes) {
                append_limits(panel, tiles_[static_cast<std::size_t>(t)], plan);
            }
            plans_.push_back(plan);
        }
    }
}

void WeightPanels::pack(const Matrix<std::int16_t>& weights, Index panel) {
    const Index first = panel * kPanelChannels;
    const Index channels = std::min(kPanelChannels, channels_ - first);
    std::int32_t* panel_words = words_[static_cast<std::size_t>(panel)].get();
    std::int32_t* starts =
        has_signed_quads() ? quad_starts_.get() + panel * tile_count() * kPanelChannels : nullptr;
    for (const TileSpan& tile : tiles_) {
        pack_weights(weights.row(first).data(), depth_, channels, tile, panel_words);
        if (!has_quads_) continue;
        std::int32_t* tile_quads =
            quad_words_.get() + (panel * quads() + tile.first_quad) * kPanelChannels;
        pack_quads(words(panel, tile.first_pair), tile.pairs(), kPanelChannels, 0, tile_quads);
        if (!has_signed_quads()) continue;
        start_offset_quads(tile_quads, tile.quads(), starts);
        starts += kPanelChannels;
    }
}

void WeightPanels::pack_tile_scales(const TileScales& tile_scales) {
    const Index count = panels() * tile_count() * kPanelChannels;
    tile_scales_ = hwy::AllocateAligned<std::int32_t>(static_cast<std::size_t>(count));
    std::fill_n(tile_scales_.get(), count, 1);
    for (Index channel = 0; channel < channels_; ++channel) {
        const Index panel = channel / kPanelChannels;
        for (Index t = 0; t < tile_count(); ++t) {
            tile_scales_[static_cast<std::size_t>((panel * tile_count() + t) * kPanelChannels +
                                                  channel % kPanelChannels)] =
                tile_scales(channel, t);
        }
    }
}

WeightPanels::PanelProof WeightPanels::prove(Index panel) const {
    PanelProof proof;
    const Index first_channel = panel * kPanelChannels;
    const Index end_channel = std::min(first_channel + kPanelChannels, channels_);
    std::vector<IntegerRange> outer_sums(static_cast<std::size_t>(end_channel - first_channel));
    for (Index t = 0; t < tile_count(); ++t) {
        const TileSpan& tile = tiles_[static_cast<std::size_t>(t)];
        const std::int32_t* panel_scales = tile_scales(panel, t);
        const CodeSums code_sums = sum_codes(words(panel, tile.first_pair), tile.pairs());
        IntegerRange sums{0, 0};
        double extremes = 0;
        for (Index c = first_channel; c < end_channel; ++c) {
            const IntegerRange sum = reachable(code_sums, c - first_channel, activations_);
            sums = {std::min(sums.min, sum.min), std::max(sums.max, sum.max)};
            extremes += static_cast<double>(magnitude(sum));
            // A tile that may overflow hands on whatever its accumulator can hold.
            const IntegerRange& handed_on = inner_.range().contains(sum) ? sum : inner_.range();
            IntegerRange& outer = outer_sums[static_cast<std::size_t>(c - first_channel)];
            const std::int64_t unit = panel_scales != nullptr ? panel_scales[c - first_channel] : 1;
            outer = {outer.min + handed_on.min * unit, outer.max + handed_on.max * unit};
        }
        proof.plans.push_back(
            choose(sums, extremes / static_cast<double>(end_channel - first_channel), tile));
        proof.inner_fits = proof.inner_fits && inner_.range().contains(sums);
    }
    for (const IntegerRange& outer : outer_sums) {
        proof.outer_fits = proof.outer_fits && outer_.range().contains(outer);
        proof.outer_safe_int32 =
            proof.outer_safe_int32 && proof.outer_fits && kInt32.contains(outer);
    }
    return proof;
}

TilePlan WeightPanels::choose(const IntegerRange& sums, double typical_extreme,
                              const TileSpan& tile) const {
    if (inner_.range().contains(sums)) {
        if (quads_fit_int16_ && kInt16.contains(sums)) return {TileMethod::any_order_int16};
        const bool int32_suffices = narrow_activations_ && kInt32.contains(sums);
        return {int32_suffices ? TileMethod::any_order : TileMethod::wide_any_order};
    }
    if (!narrow_activations_ || inner_.bits() > kMaxNarrowBits || largest_step_ > kMaxNarrowStep) {
        return {TileMethod::wide_step};
    }
    const double a_product = typical_extreme / static_cast<double>(tile.length);
    const double room = kSegmentShare * static_cast<double>(inner_.range().max);
    for (const Index segment : kSegments) {
        if (kCheckable.contains(sums) && a_product * static_cast<double>(segment) <= room) {
            return {TileMethod::check_prefixes, segment};
        }
    }
    return {TileMethod::step};
}

void WeightPanels::append_limits(Index panel, const TileSpan& tile, TilePlan& plan) {
    plan.first_limit = static_cast<Index>(limits_.size());
    bool int16_suffices = has_quads_ && !has_signed_quads();
    for (Index first = 0; first < tile.length; first += plan.segment) {
        PrefixLimits& limit = limits_.emplace_back();
        // Segments are whole quads, and so whole pairs.
        const Index pairs = std::min(plan.segment / 2, tile.pairs() - first / 2);
        const CodeSums sums = sum_codes(words(panel, tile.first_pair + first / 2), pairs);
        for (Index i = 0; i < kPanelChannels; ++i) {
            const IntegerRange added = reachable(sums, i, activations_);
            int16_suffices = int16_suffices && kInt16.contains(added);
            limit.lower[i] = static_cast<std::int32_t>(inner_.range().min - added.min);
            limit.upper[i] = static_cast<std::int32_t>(inner_.range().max - added.max);
        }
    }
    if (int16_suffices) plan.method = TileMethod::check_prefixes_int16;
}

}  // namespace axesim::models
