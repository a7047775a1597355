// SPDX-License-Identifier: Apache-2.0
// A result in one line, alone and against another.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace axesim::reports {

/// A result, as in result.json, in one line without an end of line, for the progress of a sweep.
std::string summary_line(const nlohmann::ordered_json& result);

/// What changes from `baseline` to `result`, both as in result.json, as in
/// "int8_acc32: energy -34 %", "area -29 %", "decode +32 %", "perplexity +0.90". Energy is per
/// decoded token when both have decoded, else of the prefill; `decode` and `prefill` are tokens per
/// second; what one of them lacks is left out. Where the layouts in memory differ, the energies of
/// interface and DRAM follow: what unpacking costs and what the bits that it spares save.
std::vector<std::string> changes_against(const nlohmann::ordered_json& result,
                                         const nlohmann::ordered_json& baseline);

}  // namespace axesim::reports
