// SPDX-License-Identifier: Apache-2.0
#include "sim/version.h"

#include "common/files.h"

namespace axesim::sim {

std::string version() { return AXESIM_VERSION; }

const std::string& program_sha256() {
    static const std::string sha256 = sha256_of_file("/proc/self/exe");
    return sha256;
}

}  // namespace axesim::sim
