// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace axesim::sim {

/// The project's version, as in "0.1.0" (CMakeLists.txt).
std::string version();

/// SHA-256 of the running program: another build of the same version may round differently.
const std::string& program_sha256();

}  // namespace axesim::sim
