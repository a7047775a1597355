// SPDX-License-Identifier: Apache-2.0
// The points of a sweep by worker processes, and its table.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/progress.h"
#include "sim/commands.h"
#include "sim/sweep/objectives.h"
#include "sim/sweep/point_worker.h"
#include "sim/sweep/points.h"
#include "sim/sweep/schedule.h"

namespace axesim::sim {

/// What a point shares with others that have an equal key.
SharedKeys shared_keys(const SweepPoint& point);

class SweepRun {
public:
    /// `options` are used as long as this is. `objectives` are what run() returns.
    SweepRun(const SweepOptions& options, std::vector<std::string> columns,
             std::vector<Objective> objectives = {});

    /// Some more points: runs those that are not finished, and writes the table after each.
    /// `expected` is how many there will be in all. Their objectives, nothing for those that
    /// failed. Throws RunError.
    std::vector<std::optional<Objectives>> run(const std::vector<SweepPoint>& more,
                                               std::size_t expected);
    /// There are no more points: writes the table as a database too, and the page with figures.
    void end();

    std::size_t points() const { return points_.size(); }
    std::size_t failed() const { return failed_; }
    std::filesystem::path table() const { return options_.out / "sweep.csv"; }
    /// The lines of some points, as a table of their own.
    void write_lines(const std::filesystem::path& path,
                     const std::vector<std::size_t>& points) const;

private:
    void note(std::size_t point, const std::optional<nlohmann::ordered_json>& result,
              const std::string& error);
    void take_over(std::size_t first, std::size_t expected);
    void start_some();
    void finish(std::size_t point, int status);
    void write_table() const;

    const SweepOptions& options_;
    const PointWorker worker_;
    const std::vector<std::string> columns_;
    const std::vector<Objective> objectives_;
    const int cores_, jobs_;
    std::vector<SweepPoint> points_;
    std::vector<std::string> lines_;   ///< of the table; empty: not finished
    std::vector<std::string> errors_;  ///< of points that failed
    std::vector<std::optional<Objectives>> values_;
    Schedule schedule_;
    std::map<pid_t, std::size_t> running_;  ///< points by their workers
    std::size_t done_ = 0, failed_ = 0;
    Progress progress_;
};

}  // namespace axesim::sim
