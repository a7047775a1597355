// SPDX-License-Identifier: Apache-2.0
// The cost half of `axesim explain`: coefficients of the technology tables, and what an event costs
// on an example design.
#pragma once

#include <string>
#include <vector>

namespace axesim::sim {

/// Value, unit, source, measured rows and file of a coefficient in every technology table; a row of
/// measurements; a unit cost of the example design; what a part of a report's energy or area
/// (energy.by_part.sram) comes from; "" when no cost has this name.
std::string explain_cost(const std::string& name);

/// Names that explain_cost knows, sorted.
std::vector<std::string> cost_names();

}  // namespace axesim::sim
