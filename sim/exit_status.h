// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <ostream>

namespace axesim::sim {

/// Runs `body` and returns its exit status. What it throws becomes one message on `errors` and the
/// status of design.md section 4: 2 for UserError (the user must mend something), 1 for everything
/// else. A message that does not begin with a place ("FILE:LINE:...", "--set ...") gets "axesim: ".
int run_and_report(const std::function<int()>& body, std::ostream& errors);

}  // namespace axesim::sim
