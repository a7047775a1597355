// SPDX-License-Identifier: Apache-2.0
// Every kind of event that costs energy: what one costs, how many there were, which part pays.
// energy() and unit_costs() both read this one list, so they cannot disagree.
#pragma once

#include <string>
#include <vector>

#include "models/cost/costs.h"

namespace axesim::models {

struct CostEvent {
    UnitCost unit;
    double PartEnergies::*part;
    double (*count)(const Counts& counts, const HardwareConfig& hardware, double seconds);
};

/// Hardware and the width of its outer accumulators.
struct Design {
    HardwareConfig hardware;
    int outer_bits = 0;
};

/// The events of a design that is `built` and runs a layer as if it were `used`, which differs in
/// its LayerFormat and outer accumulator only. Buffers, vector unit and leakage are those of what
/// is built.
std::vector<CostEvent> cost_events(const Design& built, const Design& used,
                                   const Technology& technology);

}  // namespace axesim::models
