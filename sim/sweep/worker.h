// SPDX-License-Identifier: Apache-2.0
// Processes of this same program: SystemC allows one simulation a process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace axesim::sim {

/// Starts axesim with these arguments, its stdout and stderr in new files. It is killed when this
/// process ends, however that ends. Throws RunError.
pid_t start_worker(const std::vector<std::string>& arguments, const std::filesystem::path& out,
                   const std::filesystem::path& errors);

struct WorkerEnd {
    pid_t pid = 0;
    int status = 0;  ///< exit status, or minus the number of the signal that ended it
};

/// Waits until one of the workers ends. Throws RunError when there is none.
WorkerEnd wait_for_worker();

}  // namespace axesim::sim
