// SPDX-License-Identifier: Apache-2.0
// The proof that no accumulator can overflow, recomputed from the final integers (axe.md 1.4, 1.5).
#pragma once

#include <cstdint>
#include <optional>

#include "common/integer_format.h"
#include "common/matrix.h"

namespace axesim::quant {

/// What any activations in range can cause in one layer. Every partial sum, in any order, of any
/// subset of a tile's products lies between the tile's extremes because mu <= 0 <= nu.
struct Certificate {
    bool certified = false;  ///< every tile fits inner_bits, every channel fits outer_bits
    IntegerRange inner;      ///< extremes over all channels and tiles
    IntegerRange outer;      ///< extremes over all channels of sums of (scaled) tile extremes
    std::int64_t largest_tile_l1 = 0;  ///< largest sum of |code| of a tile
    int inner_bits = 0;                ///< P_I
    int outer_bits = 0;                ///< P_O of this depth
    /// The first channel and tile that do not fit, if any (tile: -1 when it is the outer stage).
    struct Violation {
        std::int64_t channel = 0;
        std::int64_t tile = 0;
        IntegerRange range;
    };
    std::optional<Violation> violation;
};

/// codes [out, K]; activations: codes that can occur, mu <= 0 <= nu; tile_scales [out, tiles] or
/// empty.
Certificate certify(const Matrix<std::int16_t>& codes, const IntegerRange& activations,
                    const AccumulatorFormat& accumulator, const TileScales& tile_scales = {});

/// The same for weights that are known at run time only, from the ranges of both operands: holds
/// for any codes, at any depth up to this one.
Certificate certify(const IntegerRange& weights, const IntegerRange& activations,
                    const AccumulatorFormat& accumulator, std::int64_t depth);

}  // namespace axesim::quant
