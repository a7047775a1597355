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
                                    double step) {
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
        thresholds.push_back(std::max(least, soft_threshold(tile, length, radius)));
    }
    return thresholds;
}

Rounder::Rounder(const RoundingRules& rules, Index rows)
    : rules_(rules),
      steps_(static_cast<std::size_t>(rows), 1.0),
      largest_code_(static_cast<double>(std::max(rules.weights.max, -rules.weights.min))),
      low_(steps_.size()),
      high_(steps_.size()),
      kept_(steps_.size()),
      codes_(steps_.size()) {
    const auto tiles = static_cast<std::size_t>(rules.constrained ? rules.tiles : 1);
    thresholds_.assign(tiles * steps_.size(), 0.0);
    if (!rules.constrained) return;
    tiles_.assign(tiles, Budget(rows, rules.inner_bits, rules.activations));
    if (rules.outer_bits) channel_.emplace(rows, *rules.outer_bits, rules.activations);
}

void Rounder::set_row(Index row, std::span<const double> weights, double step) {
    const auto r = static_cast<std::size_t>(row);
    steps_[r] = step;
    if (!rules_.constrained || !rules_.soft_threshold) return;
    const std::vector<double> thresholds = tile_thresholds(rules_, weights, step);
    for (std::size_t t = 0; t < thresholds.size(); ++t) {
        thresholds_[t * steps_.size() + r] = thresholds[t];
    }
}

void Rounder::shrink(std::span<const double> values, const double* thresholds) {
    const std::size_t rows = values.size();
#pragma omp simd
    for (std::size_t r = 0; r < rows; ++r) {
        double z = values[r] / steps_[r];
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

void Rounder::clip_and_round() {
    const std::size_t rows = steps_.size();
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
    const auto tile =
        static_cast<std::size_t>(rules_.constrained ? column / rules_.tile_length : 0);
    shrink(values, thresholds_.data() + tile * steps_.size());
    if (narrowed_) {
        std::fill(low_.begin(), low_.end(), static_cast<double>(rules_.weights.min));
        std::fill(high_.begin(), high_.end(), static_cast<double>(rules_.weights.max));
        narrowed_ = false;
    }
    if (rules_.constrained) narrow_limits(tiles_[tile]);
    if (channel_) narrow_limits(*channel_);
    clip_and_round();
    if (rules_.constrained) tiles_[tile].spend(codes_);
    if (channel_) channel_->spend(codes_);
}

}  // namespace axesim::quant
