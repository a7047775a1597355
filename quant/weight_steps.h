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

/// Tile t of channel c has the step step[c] * tile_scales(c, t).
struct WeightSteps {
    std::vector<double> step;  ///< [out]
    TileScales tile_scales;    ///< [out, tiles]; empty without groups
};

/// Groups that are not WeightGroups::none, of `tile_length` >= 1 columns each.
struct GroupFormat {
    WeightGroups groups = WeightGroups::power_of_two;
    Index tile_length = 1;
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

/// Per tile, the least scale with which its largest weight rounds to no more than the largest code;
/// the greatest where none does. step [out] > 0.
TileScales covering_scales(const Matrix<double>& weights, const std::vector<double>& step,
                           int weight_bits, const GroupFormat& format);

/// absmax_steps of narrow codes for groups: the channel's largest tile has that step, the others
/// that of their covering scale; scales have no common factor. A step that is free of powers of
/// two loses less than the plain power-of-two steps of axe.md 3.5: on heavy-tailed 4-bit weights in
/// tiles of 32, with power_of_two 0.182 against 0.204 of relative rounding error.
WeightSteps absmax_groups(const Matrix<double>& weights, int weight_bits,
                          const GroupFormat& format);

/// least_error_steps for groups: each tile takes, of its covering scale and those down to a quarter
/// of it, the one with the least sum of squared rounding errors, and a channel with scales that are
/// powers of two, of the same parts of its step, the one with the least (0.151 in the example
/// above; integer scales are fine enough without).
WeightSteps least_error_groups(const Matrix<double>& weights, int weight_bits,
                               const IntegerRange& codes, const GroupFormat& format);

/// The steps nearest to tile_steps [out, tiles] > 0, the largest of each channel kept.
WeightSteps steps_of_tiles(const Matrix<double>& weights, const Matrix<double>& tile_steps,
                           const GroupFormat& format);

/// The scales of one channel; empty without groups.
inline std::span<const std::uint8_t> tile_scales_of(const TileScales& tile_scales, Index channel) {
    if (tile_scales.size() == 0) return {};
    return {tile_scales.data() + channel * tile_scales.cols(),
            static_cast<std::size_t>(tile_scales.cols())};
}

/// The scale of the tile of each of `depth` columns; ones without groups.
std::vector<double> column_units(std::span<const std::uint8_t> tile_scales, Index tile_length,
                                 Index depth);

/// Multiplies a row [K] in memory order by column_units().
void apply_units(std::span<const std::uint8_t> tile_scales, Index tile_length,
                 Eigen::Ref<Eigen::RowVectorXd> row);

}  // namespace axesim::quant
