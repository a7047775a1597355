// SPDX-License-Identifier: Apache-2.0
// Checks a DRAM command trace against its table, pair by pair: shares no code with the model.
#pragma once

#include <string>
#include <vector>

#include "models/memory/dram_banks.h"

namespace axesim::models {

/// What is wrong with a trace from time 0 on, in any order; empty when it keeps every rule.
std::vector<std::string> trace_violations(const DramConfig& table, std::vector<DramCommand> trace);

}  // namespace axesim::models
