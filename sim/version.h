// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace axesim::sim {

/// The project's version, as in "0.1.0" (CMakeLists.txt).
std::string version();

}  // namespace axesim::sim
