// SPDX-License-Identifier: Apache-2.0
// What a config file and the overrides of the command line say, key by key, with the place of each.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/error.h"
#include "sim/config/schema.h"

namespace axesim::sim {

struct Setting {
    Value value;
    Location where;
};

struct Settings {
    std::map<std::string, Setting> values;     ///< by dotted path, only what was given
    std::map<std::string, Location> sections;  ///< where each section of the file begins
    Location top;                              ///< the file's (or the entry's) first key
    /// The entries of `overrides`, in order: `values` holds kLayersKey and keys that are per_layer.
    std::vector<Settings> overrides;

    /// The place of a key that was given; of its nearest section otherwise.
    Location where(const std::string& path) const;
};

/// The file, then each "key.path=value" over it. Values are checked one by one (parse_scalar), not
/// against each other; missing keys are no error here. Throws UserError.
Settings read_settings(const std::filesystem::path& path,
                       const std::vector<std::string>& overrides);

}  // namespace axesim::sim
