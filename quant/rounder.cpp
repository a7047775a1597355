// SPDX-License-Identifier: Apache-2.0
#include "quant/rounder.h"

#include <algorithm>
#include <cmath>

#include "common/rounding.h"
#include "quant/bounds.h"
#include "quant/soft_threshold.h"

namespace axesim::quant {

namespace {

// No sum of products of 16-bit operands comes near 2^50, so a larger limit is as good as this one.
constexpr std::int64_t kNoLimit = std::int64_t{1} << 50;

/// min(bound, floor(room / cost)) per row; cost 0 bounds nothing. Integers below 2^51: the quotient
/// in double cannot round up to an integer that the exact one does not reach.
void bound_by(std::span<double> bound, std::span<const double> room, double cost, double sign) {
    if (cost == 0.0) return;
    const std::size_t rows = bound.size();
#pragma omp simd
    for (std::size_t r = 0; r < rows; ++r) {
        const double codes = floor_of(room[r] / cost);
        const double own = sign * bound[r];
        bound[r] = sign * (codes < own ? codes : own);
    }
}

}  // namespace

Budget::Budget(Index rows, int accumulator_bits, const IntegerRange& activations)
    : upward_(static_cast<double>(activations.max)),
      downward_(static_cast<double>(-activations.min)),
      above_(static_cast<std::size_t>(rows),
             static_cast<double>(std::min(accumulator_limit(accumulator_bits), kNoLimit))),
      below_(above_),
      least_(static_cast<double>(std::min(accumulator_limit(accumulator_bits), kNoLimit))) {}

void Budget::narrow(std::span<double> low, std::span<double> high) const {
    bound_by(high, above_, upward_, 1.0);
    bound_by(high, below_, downward_, 1.0);
    bound_by(low, below_, upward_, -1.0);
    bound_by(low, above_, downward_, -1.0);
}

void Budget::spend(std::span<const double> codes) {
    const std::size_t rows = codes.size();
    double least = least_;
#pragma omp simd reduction(min : least)
    for (std::size_t r = 0; r < rows; ++r) {
        const double positive = codes[r] > 0.0 ? codes[r] : 0.0;
        const double negative = positive - codes[r];
        const double above = above_[r] - (upward_ * positive + downward_ * negative);
        const double below = below_[r] - (downward_ * positive + upward_ * negative);
        const double less = above < below ? above : below;
        above_[r] = above;
        below_[r] = below;
        least = less < least ? less : least;
    }
    least_ = least;
}

std::vector<double> tile_thresholds(const RoundingRules& rules, std::span<const double> weights,
                                    double step, std::span<const std::uint8_t> tile_scales) {
    std::vector<double> scaled(weights.size());
    std::transform(weights.begin(), weights.end(), scaled.begin(),
                   [&](double weight) { return weight / step; });
    const std::span<const double> all(scaled);
    const double radius = zero_sum_bound(rules.inner_bits, rules.activations);
    double least = 0.0;
    if (rules.outer_bits) {
        least =
            soft_threshold(all, rules.depth, zero_sum_bound(*rules.outer_bits, rules.activations));
    }
    std::vector<double> thresholds;
    for (std::int64_t first = 0; first < rules.depth; first += rules.tile_length) {
        const std::int64_t count = std::min(rules.tile_length, rules.depth - first);
        const auto tile =
            all.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        const std::int64_t length = rules.pad_short_tile ? rules.tile_length : count;
        // A code of the tile stands for `unit` steps of the channel.
        const double unit = tile_scales.empty() ? 1.0 : tile_scales[thresholds.size()];
        thresholds.push_back(std::max(least, soft_threshold(tile, length, radius * unit)) / unit);
    }
    return thresholds;
}

Rounder::Rounder(const RoundingRules& rules, Index rows)
    : rules_(rules),
      largest_code_(static_cast<double>(std::max(rules.weights.max, -rules.weights.min))),
      low_(static_cast<std::size_t>(rows)),
      high_(low_.size()),
      kept_(low_.size()),
      codes_(low_.size()) {
    const bool grouped = rules.largest_tile_scale > 1;
    const auto tiles = static_cast<std::size_t>(rules.constrained ? rules.tiles : 1);
    steps_.assign(static_cast<std::size_t>(grouped ? rules.tiles : 1) * low_.size(), 1.0);
    if (grouped) units_.assign(steps_.size(), 1.0);
    thresholds_.assign(tiles * low_.size(), 0.0);
    if (!rules.constrained) return;
    tiles_.assign(tiles, Budget(rows, rules.inner_bits, rules.activations));
    if (rules.outer_bits) channel_.emplace(rows, *rules.outer_bits, rules.activations);
}

void Rounder::set_row(Index row, std::span<const double> weights, double step,
                      std::span<const std::uint8_t> tile_scales) {
    const auto r = static_cast<std::size_t>(row);
    const std::size_t rows = low_.size();
    steps_[r] = step;
    for (std::size_t t = 0; t < tile_scales.size(); ++t) {
        units_[t * rows + r] = tile_scales[t];
        steps_[t * rows + r] = step * tile_scales[t];
    }
    if (!rules_.constrained || !rules_.soft_threshold) return;
    const std::vector<double> thresholds = tile_thresholds(rules_, weights, step, tile_scales);
    for (std::size_t t = 0; t < thresholds.size(); ++t) thresholds_[t * rows + r] = thresholds[t];
}

void Rounder::shrink(std::span<const double> values, const double* thresholds) {
    const std::size_t rows = values.size();
    const double* steps = steps_.data() + steps_at_;
#pragma omp simd
    for (std::size_t r = 0; r < rows; ++r) {
        double z = values[r] / steps[r];
        // An infinite argument in the error that was pushed on: 0 always fits.
        z = z == z ? z : 0.0;
        const double magnitude = std::abs(z) - thresholds[r];
        kept_[r] = std::copysign(magnitude > 0.0 ? magnitude : 0.0, z);
    }
}

void Rounder::narrow_limits(const Budget& budget) {
    if (budget.fits_all(largest_code_)) return;
    budget.narrow(low_, high_);
    narrowed_ = true;
}

/// The channel's budget is in units of its step, of which a code of the tile takes `units`.
void Rounder::narrow_channel(const double* units) {
    if (units == nullptr) return narrow_limits(*channel_);
    if (channel_->fits_all(largest_code_ * rules_.largest_tile_scale)) return;
    for (std::size_t r = 0; r < low_.size(); ++r) {
        low_[r] *= units[r];
        high_[r] *= units[r];
    }
    channel_->narrow(low_, high_);
    narrowed_ = true;
    for (std::size_t r = 0; r < low_.size(); ++r) {
        low_[r] = -floor_of(-low_[r] / units[r]);
        high_[r] = floor_of(high_[r] / units[r]);
    }
}

void Rounder::spend_channel(const double* units) {
    if (units == nullptr) return channel_->spend(codes_);
    std::vector<double> amounts(codes_);
    for (std::size_t r = 0; r < amounts.size(); ++r) amounts[r] *= units[r];
    channel_->spend(amounts);
}

void Rounder::clip_and_round() {
    const std::size_t rows = low_.size();
    // The limits are integers, so rounding what lies between them cannot leave them.
#pragma omp simd
    for (std::size_t r = 0; r < rows; ++r) {
        double z = kept_[r];
        z = z > high_[r] ? high_[r] : z;
        z = z < low_[r] ? low_[r] : z;
        kept_[r] = z;
        codes_[r] = nearest_even(z);
    }
    if (rules_.round_down) std::transform(kept_.begin(), kept_.end(), codes_.begin(), floor_of);
}

void Rounder::round(Index column, std::span<const double> values) {
    const bool grouped = !units_.empty();
    const auto at =
        static_cast<std::size_t>(rules_.constrained || grouped ? column / rules_.tile_length : 0);
    const std::size_t tile = rules_.constrained ? at : 0;
    steps_at_ = grouped ? at * low_.size() : 0;
    const double* units = grouped ? units_.data() + steps_at_ : nullptr;
    shrink(values, thresholds_.data() + tile * low_.size());
    if (narrowed_) {
        std::fill(low_.begin(), low_.end(), static_cast<double>(rules_.weights.min));
        std::fill(high_.begin(), high_.end(), static_cast<double>(rules_.weights.max));
        narrowed_ = false;
    }
    if (rules_.constrained) narrow_limits(tiles_[tile]);
    if (channel_) narrow_channel(units);
    clip_and_round();
    if (rules_.constrained) tiles_[tile].spend(codes_);
    if (channel_) spend_channel(units);
}

}  // namespace axesim::quant
