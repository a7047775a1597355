// SPDX-License-Identifier: Apache-2.0
// One web page with figures that opens without a network: template, style, scripts and D3 are those
// of reports/html/, put into the program when it is built; the data are the results as they are.
#pragma once

#include <filesystem>
#include <string>

#include "reports/saved_results.h"

namespace axesim::reports {

/// The page. Its data, {"keys": varying_keys, "designs": [SavedDesign], "missing": [...],
/// "schema": result.schema.json}, are gzipped JSON in base64; of the results all but `host`.
std::string html_report(const SavedResults& results);

/// Writes html_report atomically. Throws RunError.
void write_html_report(const std::filesystem::path& path, const SavedResults& results);

}  // namespace axesim::reports
