// SPDX-License-Identifier: Apache-2.0
// A sweep as its file says it, before any point is made. The file is YAML:
//
//   base: ../int6_acc16.yaml             # relative to this file
//   axes:                                # every combination; the last axis turns fastest
//     accumulator.inner_bits: [14, 16]
//     accumulator.tile_size: [32, 64]
//   random: {samples: 3, seed: 1}        # of the combinations only so many, drawn at random
//   constraints:                         # combinations that meet all of these
//     - accumulator.inner_bits >= 14
//   points:                              # and these, as they are
//     - {accumulator.inner_bits: 20, accumulator.tile_size: 128}
//
// A key of some layers is written as overrides[PATTERN].KEY. Where the axes have too many
// combinations for all to run, a search finds the best ones:
//
//   strategy: pareto                     # the default: grid
//   budget: 60                           # runs
//   seed: 1
//   objectives: [perplexity, area]       # names of objectives.h
//   reference: ../int8_acc32.yaml        # whose accuracy designs are measured by
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "sim/config/schema.h"
#include "sim/sweep/constraint.h"

namespace axesim::sim {

struct SweepAxis {
    std::string key;  ///< dotted path
    std::vector<Value> values;
    Location where;
};

/// Values of some keys.
struct SweepEntry {
    std::vector<std::pair<std::string, Value>> settings;
    Location where;
};

struct RandomDraw {
    std::int64_t samples = 0;
    std::uint64_t seed = 0;
    Location where;
};

/// Runs only combinations that promise to be on the front of the objectives.
struct ParetoSearch {
    std::int64_t budget = 0;
    std::uint64_t seed = 0;
    std::vector<std::string> objectives;
    std::filesystem::path reference;  ///< a config; empty: none
    Location where;
};

struct SweepFile {
    std::filesystem::path base;
    Location where;  ///< of the axes, or of the first key
    std::vector<SweepAxis> axes;
    std::optional<RandomDraw> random;
    std::vector<Constraint> constraints;
    std::vector<SweepEntry> points;
    std::optional<ParetoSearch> search;
};

/// Reads and checks values one by one, as those of a config. Throws UserError as
/// "FILE:LINE:COL: ...".
SweepFile read_sweep_file(const std::filesystem::path& path);

}  // namespace axesim::sim
