// SPDX-License-Identifier: Apache-2.0
// What a sweep would do, and about how long and how large it would be: each of its points as a dry
// run of it, and the points in the order in which the sweep starts them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/commands.h"
#include "sim/estimate/time_estimate.h"
#include "sim/sweep/points.h"
#include "sim/sweep/schedule.h"

namespace axesim::sim {

struct PointEstimate {
    enum class State { finished, runs, fails };

    std::string name;
    State state = State::runs;
    std::string error;  ///< why it cannot run
    // What it does; where several points share it, that is the first of them.
    bool quantizes = false;
    bool evaluates = false;         ///< the text on the simulated hardware
    bool runs_float_model = false;  ///< on the text
    std::vector<StageTime> times;
    double peak_bytes = 0;
    SharedKeys keys;
};

struct SweepEstimate {
    std::string title;
    /// Of a search the runs that it may make. Which ones follows from what they give: as long as
    /// that is not on disk, they are drawn at random, as those that it begins with are.
    std::vector<PointEstimate> points;
    bool is_search = false;
    int jobs = 1, cores = 1;
    std::size_t measured_points = 0;  ///< with whose configs the rates were measured
    double measuring_seconds = 0;     ///< that this took
    double least_seconds = 0, most_seconds = 0;
    double peak_bytes = 0, least_bytes = 0, most_bytes = 0;

    std::size_t count(PointEstimate::State state) const;
    std::size_t count(bool PointEstimate::*work) const;
};

/// Counts every point that has no result yet, and measures this machine with some of them, drawn at
/// random, as many at a time as the sweep would run. Writes nothing. Throws as the points' dry
/// runs.
SweepEstimate estimate_sweep(const SweepOptions& options, const Sweep& sweep,
                             const SweepFile& file);

std::string describe_sweep_estimate(const SweepEstimate& estimate);
nlohmann::ordered_json sweep_estimate_json(const SweepEstimate& estimate);

}  // namespace axesim::sim
