// SPDX-License-Identifier: Apache-2.0
// A table of designs for a pull request.
#pragma once

#include <string>

#include "reports/saved_results.h"

namespace axesim::reports {

/// A line a design: the keys in which they differ, then accuracy, overflow, speed, energy and area
/// with their units; under it what changes from the first design to each other one. What was not
/// measured is a dash.
std::string markdown_report(const SavedResults& results);

}  // namespace axesim::reports
