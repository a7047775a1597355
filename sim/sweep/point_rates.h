// SPDX-License-Identifier: Apache-2.0
// What this machine needs for the work of a sweep's points.
#pragma once

#include <vector>

#include "sim/estimate/machine_rates.h"
#include "sim/sweep/points.h"

namespace axesim::sim {

/// Found out by dry runs of some points: means.
struct PointRates {
    MachineRates rates;
    double load_seconds = 0;   ///< model and texts
    double process_bytes = 0;  ///< the program with tokenizer and texts
    std::size_t points = 0;    ///< that were measured
};

/// Of points that run with values, or without. Some of them, drawn at random but always the same,
/// each a process of its own (machine_rates.h) of so many threads, `jobs` at a time as in a sweep.
/// What they print stays in memory. Throws RunError with what a point's dry run said.
PointRates measure_points(std::vector<const SweepPoint*> points, bool with_values, int jobs,
                          int threads);

}  // namespace axesim::sim
