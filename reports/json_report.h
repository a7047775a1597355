// SPDX-License-Identifier: Apache-2.0
// result.json: the paths of design section 6, described field by field in result.schema.json.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "reports/result.h"

namespace axesim::reports {

/// The value of the field `schema`. A change that breaks a reader raises the number.
constexpr const char* kResultSchema = "axesim.result/1";

/// Everything in `result`, keys in a fixed order. What was not simulated or not measured is null
/// and, where it would be expected, named in `not_counted`; it is never 0. Two runs of the same
/// config differ in `host` only.
nlohmann::ordered_json to_json(const Result& result);

/// `overflow`, `timing`, `memory`, `energy` and `area` of one GEMM, which stands in
/// result.prefill; the same fields as in to_json.
nlohmann::ordered_json gemm_json(const Result& result);

/// DIR/result.json of an earlier run. Throws UserError when it is not there or no result.
nlohmann::ordered_json read_json(const std::filesystem::path& directory);

/// Writes to_json with two spaces of indentation, atomically. Throws RunError.
void write_json(const std::filesystem::path& path, const Result& result);

}  // namespace axesim::reports
