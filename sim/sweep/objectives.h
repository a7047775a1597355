// SPDX-License-Identifier: Apache-2.0
// What a search wants small, and what it has found in the end.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/pareto.h"

namespace axesim::sim {

/// One figure of result.json.
struct Objective {
    std::string name;     ///< in a sweep's file
    std::string pointer;  ///< in result.json
    std::string per;      ///< what it is divided by, in result.json; "": nothing
    std::string unit;     ///< with which it is printed; "" for none
    std::string meaning;  ///< "decode energy a token"
};

inline const std::string kPerplexity = "perplexity";

/// All that there are.
const std::vector<Objective>& all_objectives();
/// Those of these names, each of which exists.
std::vector<Objective> objectives_named(const std::vector<std::string>& names);

/// Nothing when one of them is not a finite number, as the perplexity of a model that says nothing
/// any more. Throws UserError when the config leaves one unmeasured.
std::optional<Objectives> values_of(const std::vector<Objective>& objectives,
                                    const nlohmann::ordered_json& result);

struct NamedDesign {
    std::string name;
    Objectives values;
};

/// The front as a table, by rising first objective.
std::string describe_front(const std::vector<Objective>& objectives,
                           std::vector<NamedDesign> front);

/// A sentence for each of 1 %, 2 % and 5 %: which of the designs that keep all but so much of the
/// reference's accuracy has the least of the first objective that is not perplexity. Accuracy is
/// the inverse of perplexity, which is one of the objectives.
std::string describe_cheapest(const std::vector<Objective>& objectives,
                              const std::vector<NamedDesign>& designs,
                              const NamedDesign& reference);

}  // namespace axesim::sim
