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

std::vector<CostEvent> cost_events(const HardwareConfig& hardware, int outer_bits,
                                   const Technology& technology);

}  // namespace axesim::models
