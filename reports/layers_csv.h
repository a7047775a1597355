// SPDX-License-Identifier: Apache-2.0
// layers.csv: one line a layer, for spreadsheets and scripts.
#pragma once

#include <filesystem>
#include <string>

#include "reports/result.h"

namespace axesim::reports {

/// A header line and one line a layer (RFC 4180, "\n" ends a line); what was not measured is empty.
/// Cycles and energy_j are of the prefill, sums are of the accumulators in integers.
std::string layers_csv(const Result& result);

/// Writes layers_csv atomically. Throws RunError.
void write_layers_csv(const std::filesystem::path& path, const Result& result);

}  // namespace axesim::reports
