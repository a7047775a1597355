// SPDX-License-Identifier: Apache-2.0
// One point of a sweep in its folder, DIR/points/NAME.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sim/commands.h"
#include "sim/sweep/points.h"

namespace axesim::sim {

/// Where the points of a sweep keep what they share.
std::filesystem::path cache_folder(const SweepOptions& options);

class PointWorker {
public:
    /// `options` are used as long as this is.
    explicit PointWorker(const SweepOptions& options) : options_(options) {}

    /// The result of a point that is finished with just this config.
    std::optional<nlohmann::ordered_json> result_of(const SweepPoint& point) const;
    /// Begins anew: what its folder holds is of a run that was cut short, or had another config.
    /// Throws RunError.
    pid_t start(const SweepPoint& point, int threads) const;
    /// Why a point failed whose worker ended so (WorkerEnd::status).
    std::string error_of(const SweepPoint& point, int status) const;

private:
    std::filesystem::path folder(const SweepPoint& point) const;

    const SweepOptions& options_;
};

}  // namespace axesim::sim
