// SPDX-License-Identifier: Apache-2.0
// The design points of a sweep, each with a config that is checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/config/schema.h"
#include "sim/sweep/sweep_file.h"

namespace axesim::sim {

struct SweepPoint {
    std::string name;  ///< fit for a folder, as in "inner_bits=14,tile_size=32"; its config's name
    std::vector<std::string> sets;    ///< "key=value" over the base config, as for --set
    std::vector<std::string> values;  ///< of Sweep::columns, as text
    Value resolved;                   ///< config
    std::string config_yaml;          ///< resolved_yaml
};

struct Sweep {
    std::filesystem::path base;
    std::vector<std::string> columns;  ///< keys that axes and points name
    std::vector<SweepPoint> points;
};

/// Axes first, then the listed points; what has the name of an earlier one is left out. `sets` are
/// "key=value" over the base config of all points. Throws UserError at the place to mend: a point
/// whose config is wrong, a base that is, more points than any machine will run, fewer than
/// random.samples.
Sweep plan_sweep(const SweepFile& file, const std::vector<std::string>& sets);

}  // namespace axesim::sim
