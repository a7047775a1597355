// SPDX-License-Identifier: Apache-2.0
// The design points of a sweep, each with a config that is checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/config/schema.h"
#include "sim/sweep/pareto.h"
#include "sim/sweep/sweep_file.h"

namespace axesim::sim {

struct SweepPoint {
    std::string name;  ///< fit for a folder, as in "inner_bits=14,tile_size=32"; its config's name
    std::filesystem::path base;       ///< the config that it starts from
    std::vector<std::string> sets;    ///< "key=value" over that, as for --set
    std::vector<std::string> values;  ///< of Sweep::columns, as text; "": as in the base
    Value resolved;                   ///< config
    std::string config_yaml;          ///< resolved_yaml
    std::string error;                ///< what is wrong with the config, which then is missing
};

struct Sweep {
    std::vector<std::string> columns;  ///< keys that axes and points name
    /// Of a search only its reference, if it has one.
    std::vector<SweepPoint> points;
};

/// Axes first, then the listed points; what has the name of an earlier one is left out. `sets` are
/// "key=value" over the base config of all points. Throws UserError at the place to mend: a point
/// whose config is wrong, a base that is, more points than any machine will run, fewer than
/// random.samples, a reference that does other work than the base.
Sweep plan_sweep(const SweepFile& file, const std::vector<std::string>& sets);

/// The combinations from which a search chooses. They are too many to check all of them.
class DesignSpace {
public:
    /// `file` is used as long as this is. Throws UserError when the base is wrong.
    DesignSpace(const SweepFile& file, std::vector<std::string> sets);

    std::vector<std::size_t> axis_sizes() const;
    /// Whether it meets the constraints.
    bool allows(const Combination& combination) const;
    SweepPoint point(const Combination& combination) const;

private:
    const SweepFile& file_;
    const std::vector<std::string> sets_, columns_;
    const Value base_;
};

}  // namespace axesim::sim
