// SPDX-License-Identifier: Apache-2.0
// Results that lie on disk: of runs and of sweeps, for reports over several of them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace axesim::reports {

struct SavedDesign {
    std::string label;  ///< the config's name; with its folder where another design has that too
    nlohmann::ordered_json result;  ///< as in result.json
    std::string config_yaml;        ///< resolved
};

struct SavedResults {
    std::vector<SavedDesign> designs;
    std::vector<std::string> missing;  ///< points of sweeps without a result: failed or not run
};

constexpr std::size_t kMostWithLayers = 64;

/// Of each folder its result.json, or, when it is that of a sweep, the results of its points in the
/// order of the table. Of more than kMostWithLayers designs the `layers` are left out: they would
/// fill memory, and each run's own report has them. Throws UserError for a folder that holds
/// neither, or only a sweep of which nothing is finished.
SavedResults read_results(const std::vector<std::filesystem::path>& folders);

/// Keys of the resolved configs, but not `name`, in which the designs differ.
std::vector<std::string> varying_keys(const std::vector<SavedDesign>& designs);

/// The value of a key in a resolved config as text, "" where there is none.
std::string config_value(const nlohmann::ordered_json& config, const std::string& key);

}  // namespace axesim::reports
