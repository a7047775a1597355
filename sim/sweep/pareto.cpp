// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/utils/hypervolume.hpp>
#include <pagmo/utils/multi_objective.hpp>
#include <random>
#include <set>

#include "sim/sweep/surrogate.h"

namespace axesim::sim {

namespace {

using Known = std::map<Combination, Objectives>;

/// Worse than every design.
constexpr double kWorst = std::numeric_limits<double>::max();
/// Combinations to draw for one that is allowed and new.
constexpr std::size_t kTries = 1000;
/// Of the evolution on guesses. NSGA-II wants a multiple of 4.
constexpr std::size_t kPopulation = 64;
constexpr unsigned kGenerations = 20;
/// Where hypervolume is measured from, where the front lies in 0 .. 1: so far away that its ends
/// count as much as its middle.
constexpr double kReference = 2;

/// What the evolution sees: an integer for each axis, guesses of what has not run.
struct Guesses {
    const SearchProblem* problem = nullptr;
    const Surrogate* surrogate = nullptr;
    const Known* known = nullptr;

    pagmo::vector_double fitness(const pagmo::vector_double& x) const {
        const Combination combination(x.begin(), x.end());
        if (const auto found = known->find(combination); found != known->end()) {
            return found->second;
        }
        return problem->allowed(combination) ? (*surrogate)(combination)
                                             : Objectives(problem->objectives, kWorst);
    }
    std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
        pagmo::vector_double last;
        for (const std::size_t size : problem->axis_sizes) {
            last.push_back(static_cast<double>(size - 1));
        }
        return {pagmo::vector_double(last.size(), 0.0), last};
    }
    pagmo::vector_double::size_type get_nobj() const { return problem->objectives; }
    pagmo::vector_double::size_type get_nix() const { return problem->axis_sizes.size(); }
};

class Search {
public:
    Search(const SearchProblem& problem, std::size_t budget, std::uint64_t seed)
        : problem_(problem),
          left_(budget),
          first_(std::clamp<std::size_t>(budget / 5, 8, 64)),
          turn_(std::clamp<std::size_t>(budget / 10, 4, 32)),
          generator_(seed) {}

    void run() {
        ask(drawn(first_));
        while (left_ > 0 && !problem_.axis_sizes.empty()) {
            std::vector<Combination> next = known_.empty() ? drawn(turn_) : promising();
            // Where guesses lead nowhere, chance may.
            if (next.empty()) next = drawn(turn_);
            if (next.empty()) return;
            ask(std::move(next));
        }
    }

private:
    bool is_new(const Combination& combination) const {
        return !asked_.contains(combination) && problem_.allowed(combination);
    }

    void ask(std::vector<Combination> combinations) {
        combinations.resize(std::min(combinations.size(), left_));
        left_ -= combinations.size();
        asked_.insert(combinations.begin(), combinations.end());
        const auto found = problem_.run(combinations);
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (!found[i]) continue;
            // Ratios are what counts, of a perplexity as of an energy.
            Objectives& logarithms = known_[combinations[i]];
            for (const double value : *found[i]) logarithms.push_back(std::log(value));
        }
    }

    Combination draw() {
        Combination combination;
        for (const std::size_t size : problem_.axis_sizes) {
            combination.push_back(generator_() % size);
        }
        return combination;
    }

    /// Different new ones, up to `count`. Defined to the bit, as all random numbers here.
    std::vector<Combination> drawn(std::size_t count) {
        std::set<Combination> seen;
        std::vector<Combination> found;
        for (std::size_t tries = kTries * count; tries > 0 && found.size() < count; --tries) {
            Combination combination = draw();
            if (!is_new(combination) || !seen.insert(combination).second) continue;
            found.push_back(std::move(combination));
        }
        return found;
    }

    /// The new ones among what evolution makes of guesses.
    Known evolved() {
        const Surrogate surrogate(problem_.axis_sizes, known_);
        const auto seed = static_cast<unsigned>(generator_());
        pagmo::population population(Guesses{&problem_, &surrogate, &known_}, 0, seed);
        const auto add = [&](const Combination& combination) {
            population.push_back(pagmo::vector_double(combination.begin(), combination.end()));
        };
        for (const auto& [combination, objectives] : known_) {
            if (population.size() < kPopulation / 2) add(combination);
        }
        while (population.size() < kPopulation) add(draw());
        // One axis of a child changes on average; low distribution indices spread children over
        // the short ranges that axes have.
        const double mutation = 1.0 / static_cast<double>(problem_.axis_sizes.size());
        const pagmo::nsga2 evolution(kGenerations, 0.95, 5.0, mutation, 5.0, seed);
        population = evolution.evolve(std::move(population));
        Known found;
        for (std::size_t i = 0; i < population.size(); ++i) {
            const auto& x = population.get_x()[i];
            Combination combination(x.begin(), x.end());
            if (is_new(combination)) found[combination] = population.get_f()[i];
        }
        return found;
    }

    /// Those that, if guesses are right, add most to the front, one after the other.
    std::vector<Combination> promising() {
        Known candidates = evolved();
        Known all = known_;
        all.insert(candidates.begin(), candidates.end());
        Objectives least(problem_.objectives, kWorst), most(problem_.objectives, -kWorst);
        for (const auto& [combination, objectives] : all) {
            for (std::size_t i = 0; i < objectives.size(); ++i) {
                least[i] = std::min(least[i], objectives[i]);
                most[i] = std::max(most[i], objectives[i]);
            }
        }
        const auto scaled = [&](Objectives objectives) {
            for (std::size_t i = 0; i < objectives.size(); ++i) {
                const double range = most[i] - least[i];
                objectives[i] = range > 0 ? (objectives[i] - least[i]) / range : 0;
            }
            return objectives;
        };
        const Objectives reference(problem_.objectives, kReference);
        std::vector<Objectives> front;
        for (const auto& [combination, objectives] : known_) front.push_back(scaled(objectives));
        std::vector<Combination> chosen;
        while (chosen.size() < turn_) {
            std::vector<Objectives> kept;
            for (const std::size_t i : front_of(front)) kept.push_back(front[i]);
            front = std::move(kept);
            auto best = candidates.end();
            double most_gain = 0;
            for (auto candidate = candidates.begin(); candidate != candidates.end(); ++candidate) {
                front.push_back(scaled(candidate->second));
                const auto last = static_cast<unsigned>(front.size() - 1);
                const double gain = pagmo::hypervolume(front).exclusive(last, reference);
                front.pop_back();
                if (gain <= most_gain) continue;
                most_gain = gain;
                best = candidate;
            }
            if (best == candidates.end()) break;
            chosen.push_back(best->first);
            front.push_back(scaled(best->second));
            candidates.erase(best);
        }
        return chosen;
    }

    const SearchProblem& problem_;
    std::size_t left_;
    const std::size_t first_, turn_;  ///< how many run at random, and then at a time
    std::mt19937_64 generator_;
    std::set<Combination> asked_;
    Known known_;  ///< logarithms of the objectives
};

/// The same search over the axes that have a choice: NSGA-II takes no others.
SearchProblem of_open_axes(const SearchProblem& problem) {
    const auto whole = [sizes = problem.axis_sizes](const Combination& open) {
        Combination combination;
        auto choice = open.begin();
        for (const std::size_t size : sizes) combination.push_back(size > 1 ? *choice++ : 0);
        return combination;
    };
    SearchProblem open{.axis_sizes = problem.axis_sizes,
                       .objectives = problem.objectives,
                       .allowed =
                           [&problem, whole](const Combination& combination) {
                               return problem.allowed(whole(combination));
                           },
                       .run =
                           [&problem, whole](std::vector<Combination> combinations) {
                               std::ranges::transform(combinations, combinations.begin(), whole);
                               return problem.run(combinations);
                           }};
    std::erase(open.axis_sizes, 1);
    return open;
}

}  // namespace

void search_front(const SearchProblem& problem, std::size_t budget, std::uint64_t seed) {
    const SearchProblem open = of_open_axes(problem);
    Search(open, budget, seed).run();
}

std::vector<std::size_t> front_of(const std::vector<Objectives>& points) {
    if (points.size() < 2) return std::vector<std::size_t>(points.size(), 0);
    auto front = std::get<0>(pagmo::fast_non_dominated_sorting(points)).front();
    std::ranges::sort(front);
    return {front.begin(), front.end()};
}

}  // namespace axesim::sim
