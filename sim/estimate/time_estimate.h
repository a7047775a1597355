// SPDX-License-Identifier: Apache-2.0
// How long a run would take: counts of work times rates.
#pragma once

#include <string>
#include <vector>

#include "sim/estimate/machine_rates.h"
#include "sim/estimate/work_plan.h"

namespace axesim::sim {

/// What the counts leave out (softmax of calibration, files, conversions) and what the sample does
/// not show (caches that overflow, other programs on the machine): a run takes between these
/// multiples of what counts times rates give.
inline constexpr double kLeastTime = 0.6, kMostTime = 1.8;

/// Wall time of one stage, in s, at rates that some number of threads showed.
struct StageTime {
    std::string name;
    double alone = 0;   ///< by one thread: files, simulated time
    double shared = 0;  ///< by all threads: values

    double seconds() const { return alone + shared; }
};

/// In the order of a run. `load_seconds`: that model and texts took.
std::vector<StageTime> stage_times(const WorkPlan& plan, const MachineRates& rates,
                                   double load_seconds);

/// Of all stages, in s, when `factor` times as many threads share the work as at the rates.
double total_seconds(const std::vector<StageTime>& stages, double factor = 1);

/// As in "1.5 s", "12 min".
std::string duration_text(double seconds);

}  // namespace axesim::sim
