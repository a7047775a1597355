// SPDX-License-Identifier: Apache-2.0
// The steps of weights, chosen before any algorithm rounds: one a channel, or one a tile where
// weights are in groups.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/integer_format.h"
#include "common/matrix.h"

namespace axesim::quant {

/// Tile t of channel c has the step step[c] * 2^shifts(c, t); without groups, shifts are empty.
struct WeightSteps {
    std::vector<double> step;  ///< [out]
    TileShifts shifts;         ///< [out, tiles], 0..kLargestShift
};

/// Per output channel, max|w| over the largest magnitude of a code: max|w| / (2^(M-1) - 1) for
/// narrow codes (axe.md 3.5), max|w| / 2^(M-1) for all of M bits, where a positive weight of that
/// size is clipped by one code and all others gain from the finer step (axe.md 3.8 d). Rounded to
/// single precision because that is what the hardware scales with; 1 for a channel of zeros.
std::vector<double> absmax_steps(const Matrix<double>& weights, const IntegerRange& codes);

/// Per output channel, the step with the least sum of squared rounding errors when weights are
/// rounded to nearest and clipped to `codes`: the absmax step of narrow codes of M bits or a part
/// of it down to 0.3, in steps of 0.02.
std::vector<double> least_error_steps(const Matrix<double>& weights, int weight_bits,
                                      const IntegerRange& codes);

/// Per tile of `tile_length` >= 1 columns, the least shift with which its largest weight rounds to
/// no more than the largest code; kLargestShift where none does. step [out] > 0.
TileShifts covering_shifts(const Matrix<double>& weights, const std::vector<double>& step,
                           int weight_bits, Index tile_length);

/// absmax_steps of narrow codes for groups: the channel's largest tile has that step, the others
/// that of their covering shift; the channel's step is so large that its least shift is 0. A step
/// that is free of powers of two loses less than the plain power-of-two steps of axe.md 3.5: on
/// heavy-tailed 4-bit weights in tiles of 32, 0.182 against 0.204 of relative rounding error.
WeightSteps absmax_groups(const Matrix<double>& weights, int weight_bits, Index tile_length);

/// least_error_steps for groups: of the same parts of the channel's step the one with the least sum
/// of squared rounding errors when each tile takes, of its covering shift and the two below it, the
/// one with the least (0.151 in the example above).
WeightSteps least_error_groups(const Matrix<double>& weights, int weight_bits,
                               const IntegerRange& codes, Index tile_length);

/// Moves what all shifts of a channel have in common into its step, tiles of zeros left aside: the
/// outer accumulator then counts in the largest unit that it can.
void factor_out_shifts(const Matrix<double>& weights, Index tile_length, WeightSteps& steps);

/// The shifts of one channel; empty without groups.
inline std::span<const std::int8_t> shifts_of(const TileShifts& shifts, Index channel) {
    if (shifts.size() == 0) return {};
    return {shifts.data() + channel * shifts.cols(), static_cast<std::size_t>(shifts.cols())};
}

/// 2^shift of the tile of each of `depth` columns; ones without groups.
std::vector<double> column_units(std::span<const std::int8_t> shifts, Index tile_length,
                                 Index depth);

/// Multiplies a row [K] in memory order by column_units().
void apply_units(std::span<const std::int8_t> shifts, Index tile_length,
                 Eigen::Ref<Eigen::RowVectorXd> row);

}  // namespace axesim::quant
