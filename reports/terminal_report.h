// SPDX-License-Identifier: Apache-2.0
// One screen that an architect reads in half a minute.
#pragma once

#include <string>
#include <vector>

#include "reports/result.h"

namespace axesim::reports {

/// The screen of design section 6: a headline, then one topic a line (accuracy, overflow, prefill,
/// decode, energy, area, the five layers that cost most energy, costs, what is not counted). No
/// line is longer than `width` columns (at least 60) unless a single name is; longer topics go on
/// in the next line. `color`: ANSI escapes. `against`: changes_against() another result, if any.
std::string terminal_report(const Result& result, int width, bool color,
                            const std::vector<std::string>& against = {});

}  // namespace axesim::reports
