// SPDX-License-Identifier: Apache-2.0
// The command line to a typed command. Knows no SystemC, reads no file.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "sim/commands.h"

namespace axesim::sim {

/// --help or --version: print this and end with 0.
struct ShowText {
    std::string text;
};

/// axesim explain [KEY]; "" is every key.
struct ExplainOptions {
    std::string key;
};

using Command =
    std::variant<ShowText, ExplainOptions, RunOptions, QuantizeOptions, QuantizeMatrixOptions,
                 VerifyOptions, GemmOptions, SweepOptions, ReportOptions>;

/// `arguments` without the program's name. Throws UserError with the nearest option or command for
/// an unknown one, for a missing or doubled option, for a value that an option does not take and
/// for what this version cannot do.
Command parse_options(const std::vector<std::string>& arguments);

}  // namespace axesim::sim
