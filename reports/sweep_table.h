// SPDX-License-Identifier: Apache-2.0
// sweep.csv: one line a design point, for spreadsheets and scripts.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace axesim::reports {

struct TableFigure {
    const char* name;     ///< of the column, with its unit
    const char* pointer;  ///< in result.json
};

/// The figures of a point, in the order of the columns.
std::span<const TableFigure> sweep_figures();

/// The header line: `point`, the keys that the sweep changes, figures with their units, `error`.
/// RFC 4180, "\n" ends a line.
std::string sweep_header(const std::vector<std::string>& keys);

/// The line of a point. `values` are those of the keys; `result` is as in result.json, or null for
/// a point that failed, whose `error` says why. What was not measured is empty.
std::string sweep_line(const std::string& point, const std::vector<std::string>& values,
                       const nlohmann::ordered_json& result, const std::string& error);

}  // namespace axesim::reports
