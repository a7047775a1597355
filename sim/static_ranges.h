// SPDX-License-Identifier: Apache-2.0
// Activation ranges that are fixed in calibration (quantizer.activations.granularity: per_tensor).
#pragma once

#include <vector>

#include "models/compute/activation_quantizer.h"
#include "sim/config/config.h"

namespace axesim::sim {

/// Which positions of their sequences the rows of an input are: `sequences` times `length` rows,
/// each sequence beginning at position `past`.
struct RowPositions {
    Index sequences = 0, past = 0, length = 0;

    bool is_first(Index row) const { return past == 0 && row % length == 0; }
};

/// The ranges of one input. Llama models park huge values at the first position of a sequence,
/// which would cost all others their resolution: it may have a range of its own.
struct StaticRanges {
    models::StaticRange rest;
    models::StaticRange first;  ///< equal to `rest` unless first_position_apart
};

/// Finds the ranges of input [tokens, K] for config.quantizer's percentile: its extremes for 100;
/// below that, the values that leave out (100 - percentile) % on either side, found among at most
/// four million evenly spread ones.
StaticRanges find_static_ranges(const Matrix<float>& input, const RowPositions& positions,
                                const quant::QuantizerConfig& config);

/// The range of every row.
std::vector<models::StaticRange> ranges_of_rows(const StaticRanges& ranges,
                                                const RowPositions& positions);

}  // namespace axesim::sim
