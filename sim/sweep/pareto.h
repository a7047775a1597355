// SPDX-License-Identifier: Apache-2.0
// Which combinations of a sweep's axes are worth a run, when not all of them can have one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace axesim::sim {

/// The number of the value that each axis takes.
using Combination = std::vector<std::size_t>;
/// Figures of a design, all above 0, and all better when they are smaller.
using Objectives = std::vector<double>;

/// What a search asks.
struct SearchProblem {
    std::vector<std::size_t> axis_sizes;  ///< numbers of values; neighbours should be alike
    std::size_t objectives = 0;           ///< two at least
    std::function<bool(const Combination&)> allowed;
    /// Runs different, allowed combinations, each of which it is asked once; nothing for those
    /// that failed.
    std::function<std::vector<std::optional<Objectives>>(const std::vector<Combination>&)> run;
};

/// Looks for the front with few runs. After some at random, in turns: a surrogate learns from all
/// that ran; evolution (NSGA-II of Deb et al. 2002, by pagmo) finds the front of what it guesses;
/// of that the combinations run that add most hypervolume to the front. Ends after `budget` runs or
/// when nothing is left. The same seed and answers give the same questions.
void search_front(const SearchProblem& problem, std::size_t budget, std::uint64_t seed);

/// The points to which no other is better in one objective and at least as good in all: their
/// indices, rising. Equal points are all in it.
std::vector<std::size_t> front_of(const std::vector<Objectives>& points);

}  // namespace axesim::sim
