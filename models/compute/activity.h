// SPDX-License-Identifier: Apache-2.0
// How many bits toggle in the array's units, for energies that depend on the operands: bits of
// partial products (a weight's bit and an activation's) and of the inner accumulator. These two
// tell the energy of a step (docs/validation.md); bits of the operands themselves do not: a small
// number that changes its sign toggles most of its own bits, yet few nets.
//
// Some units are watched, step by step, for all of a tile. What follows what in a unit depends on
// the dataflow. Output-stationary: products of one output along the depth, `lanes` a step.
// Weight-stationary: tokens, one after the other, at the same weight, and the inner sums of these
// tokens that run down the column. A first step follows none and is not counted; so nothing is
// known of a single token where weights stay.
#pragma once

#include <utility>
#include <vector>

#include "models/compute/gemm.h"
#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// What toggled in units that did so many products.
struct Toggles {
    std::uint64_t products = 0;
    std::uint64_t steps = 0;
    std::uint64_t partial_products = 0;  ///< bits, in all lanes
    std::uint64_t accumulator = 0;       ///< bits

    Toggles& operator+=(const Toggles& other);
};

/// Of the unit that computes this output of activations [tokens, K] x weights [channels, K] (or,
/// where weights stay, of those that this token passes after the one before it; token >= 1).
Toggles unit_toggles(const Matrix<std::int32_t>& activations, const Matrix<std::int16_t>& weights,
                     Index token, Index channel, const GemmFormat& format, Dataflow dataflow);

/// Of a unit that gets what the energies in a technology file are measured with: normal operands,
/// the largest magnitude 3.5 deviations, accumulators cleared every 32 steps and, where weights
/// stay, each held for as long (scripts/calibration/streams.py). Of enough steps to be within 1 %.
Toggles nominal_toggles(const GemmFormat& format, Dataflow dataflow);

/// Watches units of one array.
class ActivityMeter {
public:
    explicit ActivityMeter(Dataflow dataflow) : dataflow_(dataflow) {}

    /// What toggles in all units that compute these outputs, by a sample of them, and what would
    /// with nominal operands. K is a depth that ends where a tile does, or the whole one.
    ActivityCounts watch(const Matrix<std::int32_t>& activations,
                         const Matrix<std::int16_t>& weights, const GemmFormat& format);

private:
    const Toggles& nominal(const GemmFormat& format);

    Dataflow dataflow_;
    std::uint64_t watched_ = 0;                            ///< units, so far
    std::vector<std::pair<GemmFormat, Toggles>> nominal_;  ///< of the formats seen so far
};

}  // namespace axesim::models
