// SPDX-License-Identifier: Apache-2.0
// When the last point of a sweep ends, given how long each takes.
#pragma once

#include <vector>

#include "sim/sweep/schedule.h"

namespace axesim::sim {

struct PointLoad {
    SharedKeys keys;
    bool is_done = false;  ///< need not run
    double alone = 0;      ///< s by one thread
    double shared = 0;     ///< s by all threads of the point, if these are `rate_threads`
    double bytes = 0;      ///< that it holds while it runs
};

struct Makespan {
    double seconds = 0;
    double most_bytes = 0;  ///< that points hold which run at the same time
};

/// Points in the order and with the threads that a sweep gives them, `jobs` at a time on `cores`.
Makespan makespan_of(const std::vector<PointLoad>& points, int jobs, int cores, int rate_threads);

}  // namespace axesim::sim
