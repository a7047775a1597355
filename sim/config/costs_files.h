// SPDX-License-Identifier: Apache-2.0
// The tables of configs/technology and configs/dram, read into the structs of models/.
#pragma once

#include <string>
#include <vector>

#include "models/cost/costs.h"
#include "models/memory/dram_config.h"

namespace axesim::sim {

/// A technology table by its name in configs/technology (as in "asap7") or by the path of a .yaml
/// file, with one of its cost profiles applied ("default": the one that the file names as such).
/// Throws UserError naming what exists, or the place in the file that is wrong.
models::Technology load_technology(const std::string& name_or_path, const std::string& profile);

/// A DRAM device and its channel by its name in configs/dram (as in "lpddr5_6400") or by the path
/// of a .yaml file; one channel. Throws UserError likewise.
models::DramConfig load_dram(const std::string& name_or_path);

/// What configs/technology and configs/dram hold, sorted, without ".yaml".
std::vector<std::string> technology_names();
std::vector<std::string> dram_names();

}  // namespace axesim::sim
