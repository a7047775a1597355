// SPDX-License-Identifier: Apache-2.0
// The search for a front, against a brute force.
#include "sim/sweep/pareto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "sim/sweep/surrogate.h"

namespace axesim::sim {
namespace {

/// Something like what widths do: the loss falls, all costs rise; a narrow accumulator costs
/// accuracy only where it binds.
Objectives design(const Combination& c) {
    const double weight = 4.0 + static_cast<double>(c[0]);
    const double activation = 4.0 + static_cast<double>(c[1]);
    const double inner = 12.0 + 2.0 * static_cast<double>(c[2]);
    const double tile = 32.0 * std::pow(2.0, static_cast<double>(c[3]));
    const double missing = std::max(0.0, weight + activation + std::log2(tile) / 2 - inner);
    const double perplexity =
        40 * (1 + 6 * std::pow(4.0, 2 - weight) + 10 * std::pow(4.0, 2 - activation) +
              0.01 * (std::pow(2.5, missing) - 1));
    const double energy = 0.9 * weight + 0.1 * activation + 0.02 * inner +
                          0.003 * weight * activation + 0.3 * (inner + 6) / tile;
    const double area = 0.3 + 0.02 * weight * activation + 0.05 * inner;
    return {perplexity, energy, area, weight + 0.1 * activation};
}

bool product_fits(const Combination& c) { return 12 + 2 * c[2] >= 8 + c[0] + c[1]; }

bool dominates(const Objectives& a, const Objectives& b) {
    bool better = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] > b[i]) return false;
        better = better || a[i] < b[i];
    }
    return better;
}

/// Every design of the grid, or its front by comparing all pairs.
std::vector<Combination> grid(bool front_only) {
    std::vector<Combination> all, front;
    for (std::size_t i = 0; i < 5 * 5 * 5 * 3; ++i) {
        const Combination c{i % 5, i / 5 % 5, i / 25 % 5, i / 125};
        if (product_fits(c)) all.push_back(c);
    }
    std::ranges::copy_if(all, std::back_inserter(front), [&](const Combination& a) {
        return std::ranges::none_of(
            all, [&](const Combination& b) { return dominates(design(b), design(a)); });
    });
    return front_only ? front : all;
}

struct Asked {
    std::vector<Combination> combinations;
    std::set<Combination> different;
};

Asked search(std::size_t budget, std::uint64_t seed) {
    Asked asked;
    search_front({.axis_sizes = {5, 5, 5, 3},
                  .objectives = 4,
                  .allowed = product_fits,
                  .run =
                      [&](const std::vector<Combination>& some) {
                          std::vector<std::optional<Objectives>> found;
                          for (const Combination& c : some) {
                              asked.combinations.push_back(c);
                              asked.different.insert(c);
                              found.emplace_back(design(c));
                          }
                          return found;
                      }},
                 budget, seed);
    return asked;
}

TEST(FrontOf, IsWhatNoOtherDominates) {
    std::vector<Objectives> points;
    for (const Combination& c : grid(false)) points.push_back(design(c));
    points.push_back(points.front());  // twins are both in it or both not
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (std::ranges::none_of(points,
                                 [&](const Objectives& b) { return dominates(b, points[i]); })) {
            wanted.push_back(i);
        }
    }
    EXPECT_EQ(front_of(points), wanted);
    EXPECT_EQ(front_of({}), std::vector<std::size_t>());
    EXPECT_EQ(front_of({{1, 2}}), std::vector<std::size_t>{0});
}

TEST(Search, AsksForEachAllowedDesignOnceAndForTheSameOnesAgain) {
    const Asked asked = search(60, 1);
    EXPECT_EQ(asked.combinations.size(), 60u);
    EXPECT_EQ(asked.different.size(), 60u);
    EXPECT_TRUE(std::ranges::all_of(asked.combinations, product_fits));
    EXPECT_EQ(search(60, 1).combinations, asked.combinations);
    EXPECT_NE(search(60, 2).combinations, asked.combinations);
}

TEST(Search, LeavesAxesOfOneValueAlone) {
    std::vector<Combination> asked;
    const auto run = [&](const std::vector<Combination>& some) {
        std::vector<std::optional<Objectives>> found;
        for (const Combination& c : some) {
            asked.push_back(c);
            found.emplace_back(design({c[1], c[2], c[4], c[5]}));
        }
        return found;
    };
    const auto allowed = [](const Combination& c) {
        return product_fits({c[1], c[2], c[4], c[5]});
    };
    search_front({{1, 5, 5, 1, 5, 3}, 4, allowed, run}, 60, 1);
    std::vector<Combination> wanted;
    for (const Combination& c : search(60, 1).combinations) {
        wanted.push_back({0, c[0], c[1], 0, c[2], c[3]});
    }
    EXPECT_EQ(asked, wanted);
    asked.clear();
    search_front({{1, 1, 1, 1, 1, 1}, 4, [](const Combination&) { return true; }, run}, 60, 1);
    EXPECT_EQ(asked, std::vector<Combination>{Combination(6, 0)});
}

TEST(Search, EndsWhenAllHaveRun) {
    EXPECT_EQ(search(1000, 1).different.size(), grid(false).size());
}

/// How much worse than a design of the true front the nearest found one is, at most, in its worst
/// objective; the mean over the front.
double distance_to_front(const std::set<Combination>& found) {
    double total = 0;
    const std::vector<Combination> front = grid(true);
    for (const Combination& wanted : front) {
        double least = 1e9;
        for (const Combination& c : found) {
            double worst = 0;
            for (std::size_t i = 0; i < 4; ++i) {
                worst = std::max(worst, design(c)[i] / design(wanted)[i] - 1);
            }
            least = std::min(least, worst);
        }
        total += least;
    }
    return total / static_cast<double>(front.size());
}

TEST(Search, ComesNearTheFrontInAFifthOfTheRuns) {
    double searched = 0, drawn = 0;
    constexpr int kSeeds = 5;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        searched += distance_to_front(search(64, seed).different) / kSeeds;
        std::vector<Combination> all = grid(false);
        std::mt19937_64 generator(seed);
        std::ranges::shuffle(all, generator);
        drawn += distance_to_front({all.begin(), all.begin() + 64}) / kSeeds;
    }
    EXPECT_LT(searched, 0.01);
    EXPECT_LT(searched, drawn / 3);
    RecordProperty("distance_searched", std::to_string(searched));
    RecordProperty("distance_drawn", std::to_string(drawn));
}

TEST(Surrogate, KnowsWhatItSawAndAQuadraticEverywhere) {
    const auto truth = [](const Combination& c) {
        const double x = static_cast<double>(c[0]), y = static_cast<double>(c[1]);
        return Objectives{3 + x - 0.5 * y + 0.2 * x * y, 1 + 0.1 * x * x};
    };
    std::map<Combination, Objectives> known;
    for (std::size_t i = 0; i < 12; ++i) {
        const Combination c{i * 5 % 7, i * 3 % 6};
        known[c] = truth(c);
    }
    const std::vector<std::size_t> sizes{7, 6};
    const Surrogate surrogate(sizes, known);
    for (std::size_t i = 0; i < 42; ++i) {
        const Combination c{i % 7, i / 7};
        for (std::size_t j = 0; j < 2; ++j) {
            EXPECT_NEAR(surrogate(c)[j], truth(c)[j], known.contains(c) ? 0.02 : 0.3) << i;
        }
    }
}

}  // namespace
}  // namespace axesim::sim
