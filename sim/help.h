// SPDX-License-Identifier: Apache-2.0
// The command line as a table: commands, their options and what --help says about them.
#pragma once

#include <string>
#include <vector>

namespace axesim::sim {

struct OptionSpec {
    std::string name;      ///< without dashes
    std::string argument;  ///< placeholder as in "FILE"; "" for a flag
    std::string help;
    bool repeated = false;  ///< may be given more than once
};

struct CommandSpec {
    std::string name;                ///< "" for the main run
    std::vector<std::string> usage;  ///< lines after "axesim "
    std::string about;               ///< what it does, lines already broken
    std::vector<OptionSpec> options;
    std::string positional;             ///< placeholder of its one plain argument, or ""
    std::vector<std::string> examples;  ///< whole command lines
};

/// The main run first.
const std::vector<CommandSpec>& command_specs();

/// What `axesim --help` (for the main run) or `axesim COMMAND --help` prints.
std::string help_text(const CommandSpec& command);

}  // namespace axesim::sim
