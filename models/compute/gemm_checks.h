// SPDX-License-Identifier: Apache-2.0
// What both GEMMs demand of their arguments. These are errors of the calling code, not of a user.
#pragma once

#include "models/compute/gemm.h"

namespace axesim::models {

/// Throws std::invalid_argument unless K >= 1, lanes >= 1, tile size >= 0, 2 <= P_I <= 48 (with
/// what a scale adds) and P_O <= 63: wide enough for every design, narrow enough that int64 holds
/// every exact sum.
void check_format(const GemmFormat& format, Index depth);

/// Throws std::invalid_argument when a code lies outside `allowed`.
void check_codes(const Matrix<std::int16_t>& weights, const IntegerRange& allowed);

/// Throws std::invalid_argument unless `tile_scales` is empty or [channels, tiles of the depth]
/// with entries that the format's groups can have.
void check_tile_scales(const TileScales& tile_scales, Index channels, Index depth,
                       const GemmFormat& format);

/// Throws std::invalid_argument unless the depths are equal.
void check_depth(Index activations, Index weights);

/// Throws std::invalid_argument when the depths differ or a code lies outside its range.
void check_operands(const Matrix<std::int32_t>& activations, const Matrix<std::int16_t>& weights,
                    const GemmFormat& format);

/// Throws std::invalid_argument unless `seen` lies within the activations of the format.
void check_activation_range(const IntegerRange& seen, const GemmFormat& format);

}  // namespace axesim::models
