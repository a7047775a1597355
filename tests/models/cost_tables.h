// SPDX-License-Identifier: Apache-2.0
// The shipped tables, for tests.
#pragma once

#include <string>

#include "sim/config/costs_files.h"

namespace axesim::models {

inline Technology shipped_technology(const std::string& name, const std::string& profile) {
    return sim::load_technology(AXESIM_SOURCE_DIR "/configs/technology/" + name + ".yaml", profile);
}

inline DramConfig shipped_dram(const std::string& name) {
    return sim::load_dram(AXESIM_SOURCE_DIR "/configs/dram/" + name + ".yaml");
}

}  // namespace axesim::models
