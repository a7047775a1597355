// SPDX-License-Identifier: Apache-2.0
#include "sim/version.h"

namespace axesim::sim {

std::string version() { return AXESIM_VERSION; }

}  // namespace axesim::sim
