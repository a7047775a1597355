// SPDX-License-Identifier: Apache-2.0
// Sweep files to points or messages, constraints, and the order in which points run.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "common/error.h"
#include "common/files.h"
#include "config_test_support.h"
#include "sim/sweep/makespan.h"
#include "sim/sweep/points.h"
#include "sim/sweep/schedule.h"

namespace axesim::sim {
namespace {

namespace fs = std::filesystem;

class SweepTest : public ::testing::Test {
protected:
    fs::path write(const std::string& text) const {
        const fs::path path = base_.path().parent_path() / "sweep.yaml";
        std::ofstream(path) << text;
        return path;
    }
    Sweep plan(const std::string& text, const std::vector<std::string>& sets = {}) const {
        return plan_sweep(read_sweep_file(write("base: base.yaml\n" + text)), sets);
    }
    std::vector<std::string> names(const std::string& text) const {
        std::vector<std::string> found;
        for (const SweepPoint& point : plan(text).points) found.push_back(point.name);
        return found;
    }
    /// With the folder's path left out.
    std::string error(const std::string& text, const std::vector<std::string>& sets = {}) const {
        try {
            plan_sweep(read_sweep_file(write(text)), sets);
        } catch (const UserError& error) {
            std::string what = error.what();
            const std::string path = base_.path().parent_path().string() + "/";
            for (auto at = what.find(path); at != std::string::npos; at = what.find(path)) {
                what.erase(at, path.size());
            }
            return what;
        }
        return "";
    }

    const testing_support::ConfigFile base_{testing_support::kLeast, "base.yaml"};
};

using Names = std::vector<std::string>;

constexpr const char* kGrid =
    "axes:\n"
    "  accumulator.inner_bits: [14, 16]\n"
    "  accumulator.tile_size: [32, monolithic]\n";

TEST_F(SweepTest, TheLastAxisTurnsFastest) {
    const Sweep sweep = plan(kGrid);
    EXPECT_EQ(sweep.columns, (Names{"accumulator.inner_bits", "accumulator.tile_size"}));
    EXPECT_EQ(names(kGrid),
              (Names{"inner_bits=14,tile_size=32", "inner_bits=14,tile_size=monolithic",
                     "inner_bits=16,tile_size=32", "inner_bits=16,tile_size=monolithic"}));
    const SweepPoint& point = sweep.points[1];
    EXPECT_EQ(point.values, (Names{"14", "monolithic"}));
    EXPECT_EQ(point.sets, (Names{"accumulator.inner_bits=14", "accumulator.tile_size=monolithic",
                                 "name=\"inner_bits=14,tile_size=monolithic\""}));
    EXPECT_EQ(point.resolved.at("accumulator").at("inner_bits"), 14);
    EXPECT_EQ(point.resolved.at("name"), point.name);
    // What --set would make of it is the same config.
    EXPECT_EQ(resolved_yaml(load_config(point.base, point.sets)), point.config_yaml);
}

TEST_F(SweepTest, PointsComeAfterAxesAndTakeOtherKeysFromTheBase) {
    const Sweep sweep = plan(std::string(kGrid) +
                             "points:\n"
                             "  - {number_format.weight_bits: 5, accumulator.inner_bits: 14}\n"
                             "  - {}\n"
                             "  - {name: the best/one}\n"
                             "  - {accumulator.inner_bits: 14, accumulator.tile_size: 32}\n");
    ASSERT_EQ(sweep.points.size(), 7U);  // the last one is one of the grid
    EXPECT_EQ(sweep.columns.back(), "number_format.weight_bits");
    EXPECT_EQ(sweep.points[4].values, (Names{"14", "64", "5"}));
    EXPECT_EQ(sweep.points[4].name, "weight_bits=5,inner_bits=14");
    EXPECT_EQ(sweep.points[5].name, "base");
    EXPECT_EQ(sweep.points[5].values, (Names{"16", "64", "6"}));
    EXPECT_TRUE(sweep.points[6].name.starts_with("the_best_one-")) << sweep.points[6].name;
}

TEST_F(SweepTest, KeysWithTheSameLastWordAreNamedInFull) {
    EXPECT_EQ(names("points:\n"
                    "  - {workload.evaluation.text: default, hardware.clock_mhz: 500}\n"
                    "  - {quantizer.calibration.text: default}\n"),
              (Names{"workload.evaluation.text=default,clock_mhz=500.0",
                     "quantizer.calibration.text=default"}));
}

TEST_F(SweepTest, NamesLeaveOutWhatAllPointsHave) {
    const std::string axes =
        "axes:\n"
        "  number_format.weight_bits: [5]\n"
        "  overrides[*.lm_head].number_format.weight_bits: [8]\n"
        "  accumulator.inner_bits: [14, 16]\n";
    EXPECT_EQ(names(axes), (Names{"inner_bits=14", "inner_bits=16"}));
    EXPECT_EQ(plan(axes).points[0].values, (Names{"5", "8", "14"}));
    EXPECT_EQ(plan(axes).points[0].resolved.at("number_format").at("weight_bits"), 5);
    // Points beside the axes may lack what these have.
    EXPECT_EQ(names("axes: {seed: [1], accumulator.inner_bits: [14, 16]}\n"
                    "points: [{accumulator.inner_bits: 14}]\n"),
              (Names{"seed=1,inner_bits=14", "seed=1,inner_bits=16", "inner_bits=14"}));
    EXPECT_EQ(names("axes: {seed: [1], accumulator.inner_bits: [14]}\n"),
              (Names{"seed=1,inner_bits=14"}));
}

TEST_F(SweepTest, AxesMayBeOfSomeLayers) {
    const std::string text =
        "axes:\n"
        "  number_format.weight_bits: [5, 6]\n"
        "  overrides[*.mlp.down_proj].number_format.weight_bits: [6, 8]\n"
        "constraints: ['overrides[*.mlp.down_proj].number_format.weight_bits > "
        "number_format.weight_bits + 1']\n"
        "points: [{seed: 1}]\n";
    const Sweep sweep = plan(text);
    EXPECT_EQ(names(text), (Names{"weight_bits=5,mlp.down_proj.weight_bits=8",
                                  "weight_bits=6,mlp.down_proj.weight_bits=8", "seed=1"}));
    EXPECT_EQ(sweep.points[0].values, (Names{"5", "8", "0"}));
    EXPECT_EQ(sweep.points[2].values, (Names{"6", "", "1"}));
    const Config config = load_config(sweep.points[0].base, sweep.points[0].sets);
    EXPECT_EQ(layer_config(config, "model.layers.1.mlp.down_proj").format.weight_bits, 8);
    EXPECT_EQ(layer_config(config, "model.layers.1.mlp.up_proj").format.weight_bits, 5);
    EXPECT_EQ(resolved_yaml(config), sweep.points[0].config_yaml);
    EXPECT_EQ(
        error("base: base.yaml\naxes:\n  overrides[*].hardware.clock_mhz: [1]\n").substr(0, 91),
        "sweep.yaml:3:36: axes: overrides[*].hardware.clock_mhz: layers cannot differ in "
        "that (allow");
}

TEST_F(SweepTest, ASearchMakesItsPointsOneByOne) {
    const SweepFile file =
        read_sweep_file(write("base: base.yaml\n" + std::string(kGrid) +
                              "constraints: ['accumulator.inner_bits > 14']\n"
                              "strategy: pareto\nbudget: 7\nobjectives: [area, prefill_energy]\n"));
    ASSERT_TRUE(file.search);
    EXPECT_EQ(file.search->budget, 7);
    EXPECT_EQ(file.search->objectives, (Names{"area", "prefill_energy"}));
    const Sweep sweep = plan_sweep(file, {"hardware.clock_mhz=500"});
    EXPECT_TRUE(sweep.points.empty());
    const DesignSpace space(file, {"hardware.clock_mhz=500"});
    EXPECT_EQ(space.axis_sizes(), (std::vector<std::size_t>{2, 2}));
    EXPECT_FALSE(space.allows({0, 1}));
    EXPECT_TRUE(space.allows({1, 1}));
    const SweepPoint point = space.point({1, 1});
    EXPECT_EQ(point.name, "inner_bits=16,tile_size=monolithic");
    EXPECT_EQ(point.values, (Names{"16", "monolithic"}));
    EXPECT_EQ(point.resolved.at("hardware").at("clock_mhz"), 500);
    EXPECT_EQ(point.error, "");
}

TEST_F(SweepTest, ConstraintsPruneTheGridOnly) {
    const std::string text = std::string(kGrid) +
                             "constraints: ['accumulator.inner_bits > 14']\n"
                             "points: [{accumulator.inner_bits: 13}]\n";
    EXPECT_EQ(names(text), (Names{"inner_bits=16,tile_size=32",
                                  "inner_bits=16,tile_size=monolithic", "inner_bits=13"}));
    // Keys that the sweep does not change have their value in the base.
    EXPECT_EQ(names(std::string(kGrid) +
                    "constraints: [\"accumulator.inner_bits >= number_format.weight_bits + 10\"]\n")
                  .size(),
              2U);
}

TEST_F(SweepTest, RandomPointsAreDifferentOnesOfTheGrid) {
    const std::string axes =
        "axes:\n"
        "  hardware.array.rows: [1, 2, 4, 8, 16, 32, 64]\n"
        "  hardware.array.columns: [1, 2, 4, 8, 16, 32, 64]\n"
        "  hardware.clock_mhz: [100, 200, 300]\n";
    const auto draw = [&](const std::string& random) { return names(axes + random); };
    const Names all = draw("");
    ASSERT_EQ(all.size(), 147U);
    const Names some = draw("random: {samples: 20, seed: 3}\n");
    EXPECT_EQ(draw("random: {samples: 20, seed: 3}\n"), some);
    EXPECT_NE(draw("random: {samples: 20, seed: 4}\n"), some);
    EXPECT_EQ(std::set<std::string>(some.begin(), some.end()).size(), 20U);
    for (const std::string& name : some) {
        EXPECT_NE(std::find(all.begin(), all.end(), name), all.end()) << name;
    }
    // All that there are, in another order; and those that constraints leave.
    Names whole = draw("random: {samples: 147}\n"), sorted = all;
    EXPECT_NE(whole, all);
    std::sort(whole.begin(), whole.end());
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(whole, sorted);
    EXPECT_EQ(draw("random: {samples: 5}\nconstraints: [hardware.array.rows == 4 * "
                   "hardware.array.columns, hardware.clock_mhz < 200]\npoints: [{}]\n")
                  .size(),
              6U);
}

TEST_F(SweepTest, SetChangesTheBaseOfAllPoints) {
    const Sweep sweep = plan(kGrid, {"hardware.clock_mhz=500"});
    for (const SweepPoint& point : sweep.points) {
        EXPECT_EQ(point.sets.front(), "hardware.clock_mhz=500");
        EXPECT_EQ(point.resolved.at("hardware").at("clock_mhz"), 500);
    }
}

TEST_F(SweepTest, MistakesHaveAPlace) {
    const std::string base = "base: base.yaml\n";
    EXPECT_EQ(error(base), "sweep.yaml:1:1: there are neither axes nor points: nothing to run");
    EXPECT_EQ(error("axes: {seed: [1]}\n"),
              "sweep.yaml:1:7: base: is missing (allowed: the path of a config, relative to this "
              "file)");
    EXPECT_EQ(error(base + "axis: {}\n"),
              "sweep.yaml:2:7: axis: unknown key (allowed: base, axes, random, constraints, "
              "points, strategy, budget, seed, objectives, reference); did you mean axes?");
    EXPECT_EQ(error(base + "axes:\n  accumulator.iner_bits: [1]\n"),
              "sweep.yaml:3:26: axes: accumulator.iner_bits: unknown key; did you mean "
              "accumulator.inner_bits?");
    EXPECT_EQ(error(base + "axes:\n  accumulator.inner_bits: [14, 99]\n"),
              "sweep.yaml:3:32: accumulator.inner_bits: 99 is out of range (allowed: 2..48)");
    EXPECT_EQ(error(base + "axes:\n  seed: [1, 2, 1]\n"),
              "sweep.yaml:3:16: axes: seed: 1 stands twice");
    EXPECT_EQ(error(base + "axes:\n  seed: []\n"), "sweep.yaml:3:9: axes: seed: has no values");
    EXPECT_EQ(error(base + "axes:\n  hardware.array: [1]\n"),
              "sweep.yaml:3:19: axes: hardware.array: is a section; name whole keys (allowed: "
              "hardware.array.rows, hardware.array.columns, hardware.array.lanes, "
              "hardware.array.pipeline_depth)");
    EXPECT_EQ(error(base + "points:\n  - {seed: 1, seed: 2}\n"),
              "sweep.yaml:3:15: points: seed: is given twice");
    EXPECT_EQ(error(base + "points:\n  - {name: a, seed: 1}\n  - {name: a, seed: 2}\n"),
              "sweep.yaml:4:5: point a: another one has this name");
    EXPECT_EQ(error(base + "axes: {seed: [1, 2]}\nrandom: {seed: 1}\n"),
              "sweep.yaml:3:9: random: samples is missing");
    EXPECT_EQ(error(base + "axes: {seed: [1, 2]}\nrandom: {samples: 3}\n"),
              "sweep.yaml:3:9: random: only 2 combinations of the axes that meet the constraints "
              "were found (wanted: 3 samples)");
    EXPECT_EQ(error(base + "axes: {seed: [1, 2]}\nconstraints: [seed > 2]\n"),
              "sweep.yaml:2:7: no point meets the constraints");
    EXPECT_EQ(error(base + "points: [{}\n").substr(0, 34), "sweep.yaml:3:1: not valid YAML: en");
    EXPECT_EQ(error(base + "points: [{seed: 1}]\n", {"seed=4"}),
              "--set seed=4: seed: is what the sweep itself changes");
}

/// A config that is wrong only as a whole is found before anything runs.
TEST_F(SweepTest, EveryConfigIsChecked) {
    EXPECT_EQ(error("base: base.yaml\naxes:\n  accumulator.inner_bits: [12, 11]\n"),
              "sweep.yaml:3:3: point inner_bits=11: accumulator.inner_bits: 11 bits do not hold "
              "one product of 6-bit weights and 6-bit activations, which is -2016..1953 (allowed: "
              "12..48)");
}

bool holds(const std::string& text) {
    const std::map<std::string, Value> values{
        {"accumulator.inner_bits", 16},   {"accumulator.tile_size", "monolithic"},
        {"hardware.clock_mhz", 0.5},      {"hardware.array.rows", 8},
        {"hardware.dram", "lpddr5_6400"}, {"quantizer.step_search", true}};
    return Constraint(text, {"f", 1, 2}).holds([&](const std::string& key) -> const Value& {
        return values.at(key);
    });
}

TEST(Constraint, ComparesNumbers) {
    for (const char* text :
         {"accumulator.inner_bits == 16", "accumulator.inner_bits <= 16",
          "accumulator.inner_bits >= 16", "accumulator.inner_bits != 15",
          "accumulator.inner_bits > 15.5", "15 < accumulator.inner_bits",
          "hardware.clock_mhz * 4 == 2", "accumulator.inner_bits - hardware.array.rows - 1 == 7",
          "2 + 3 * hardware.array.rows == accumulator.inner_bits + 10",
          "1e1 * 2 - 2 * 2 * 2 == 12"}) {
        EXPECT_TRUE(holds(text)) << text;
    }
    for (const char* text : {"accumulator.inner_bits < 16", "accumulator.inner_bits > 16",
                             "accumulator.inner_bits != 16", "accumulator.inner_bits == 15",
                             "accumulator.inner_bits >= 17", "accumulator.inner_bits <= 15"}) {
        EXPECT_FALSE(holds(text)) << text;
    }
}

TEST(Constraint, ComparesWords) {
    EXPECT_TRUE(holds("accumulator.tile_size == monolithic"));
    EXPECT_TRUE(holds("accumulator.tile_size != 64"));
    EXPECT_FALSE(holds("hardware.dram != lpddr5_6400"));
    EXPECT_TRUE(holds("quantizer.step_search == true"));
}

TEST(Constraint, SaysWhatIsWrong) {
    const auto message = [](const std::string& text) -> std::string {
        try {
            holds(text);
        } catch (const UserError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(message("accumulator.tile_size < 64"),
              "f:1:2: constraints: \"accumulator.tile_size < 64\": accumulator.tile_size is "
              "monolithic, no number");
    EXPECT_NE(message("accumulator.iner_bits < 64").find("did you mean accumulator.inner_bits?"),
              std::string::npos);
    for (const char* text : {"", "a", "1 < 2 < 3", "1 <", "< 1", "1 2 < 3", "1 + < 3", "+ 1 < 3"}) {
        EXPECT_NE(message(text), "") << text;
    }
}

using Points = std::vector<std::size_t>;

TEST(Schedule, TheFirstToNeedSomethingMakesItForAll) {
    // 0, 1, 2 share a; 3 shares with nobody; 4, 5 share b.
    Schedule schedule({{"a"}, {"a"}, {"a"}, {"c"}, {"b"}, {"b"}});
    EXPECT_EQ(schedule.start(2), (Points{0, 3}));
    EXPECT_EQ(schedule.start(3), (Points{4}));
    EXPECT_EQ(schedule.start(3), (Points{}));
    schedule.finish(0, false);
    EXPECT_EQ(schedule.start(3), (Points{1, 2}));
    schedule.finish(4, true);  // nothing made: the next one tries
    EXPECT_EQ(schedule.start(3), (Points{5}));
    for (const std::size_t point : {1, 2, 3, 5}) schedule.finish(point, false);
    EXPECT_EQ(schedule.start(3), (Points{}));
}

TEST(Schedule, AllKeysOfAPointMustBeFree) {
    // Quantized alike, evaluated in two ways.
    Schedule schedule({{"q", "e"}, {"q", "f"}, {"q", "e"}, {"q", "f"}});
    EXPECT_EQ(schedule.start(4), (Points{0}));
    schedule.finish(0, false);
    EXPECT_EQ(schedule.start(4), (Points{1, 2}));
    schedule.finish(2, false);
    EXPECT_EQ(schedule.start(4), (Points{}));
    schedule.finish(1, false);
    EXPECT_EQ(schedule.start(4), (Points{3}));
}

TEST(Schedule, WhatIsDoneAlreadyIsThere) {
    Schedule schedule({{"a"}, {"a"}, {"a"}});
    schedule.skip(1);
    EXPECT_EQ(schedule.start(4), (Points{0, 2}));
}

PointLoad load(SharedKeys keys, double alone, double shared = 0, double bytes = 0) {
    return {.keys = std::move(keys), .alone = alone, .shared = shared, .bytes = bytes};
}

TEST(Makespan, PointsThatShareNothingFillTheJobs) {
    // Longest processing time is not looked for: 3, 1, 1, 4 in their order on two jobs.
    const std::vector<PointLoad> points{load({"a"}, 3, 0, 5), load({"b"}, 1, 0, 7),
                                        load({"c"}, 1, 0, 1), load({"d"}, 4, 0, 2)};
    const Makespan two = makespan_of(points, 2, 2, 1);
    EXPECT_DOUBLE_EQ(two.seconds, 6);  // 1 + 1 + 4 beside 3
    EXPECT_DOUBLE_EQ(two.most_bytes, 12);
    const Makespan one = makespan_of(points, 1, 1, 1);
    EXPECT_DOUBLE_EQ(one.seconds, 9);
    EXPECT_DOUBLE_EQ(one.most_bytes, 7);
    EXPECT_DOUBLE_EQ(makespan_of(points, 4, 4, 1).seconds, 4);
    EXPECT_DOUBLE_EQ(makespan_of({}, 2, 2, 1).seconds, 0);
}

TEST(Makespan, TheFirstOfThoseThatShareRunsAloneWithAllThreads) {
    const std::vector<PointLoad> points{load({"a"}, 1, 8, 9), load({"a"}, 2, 0, 1),
                                        load({"a"}, 2, 0, 1), load({"a"}, 2, 0, 1)};
    // Four cores for the first: 1 + 8 / 4; then two at a time.
    EXPECT_DOUBLE_EQ(makespan_of(points, 2, 4, 1).seconds, 3 + 4);
    // The same of rates that two threads showed, whose work is twice as much.
    EXPECT_DOUBLE_EQ(makespan_of(points, 2, 4, 2).seconds, 5 + 4);
    EXPECT_DOUBLE_EQ(makespan_of(points, 2, 4, 1).most_bytes, 9);
    std::vector<PointLoad> known = points;
    known[0].is_done = true;
    EXPECT_DOUBLE_EQ(makespan_of(known, 3, 4, 1).seconds, 2);
    EXPECT_DOUBLE_EQ(makespan_of(known, 3, 4, 1).most_bytes, 3);
}

const fs::path kSweeps = fs::path(AXESIM_SOURCE_DIR) / "configs" / "sweeps";

TEST(Sweeps, ThatComeWithAxesimLoadAndAskAQuestion) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(kSweeps)) {
        const SweepFile file = read_sweep_file(entry.path());
        const Sweep sweep = plan_sweep(file, {});
        EXPECT_GE(file.search ? file.search->budget : std::ssize(sweep.points), 5) << entry.path();
        const std::string text = read_text_file(entry.path());
        EXPECT_TRUE(text.starts_with("# ")) << entry.path();
        EXPECT_NE(text.substr(0, text.find("base:")).find('?'), std::string::npos) << entry.path();
        found.insert(entry.path().stem().string());
    }
    EXPECT_EQ(found,
              (std::set<std::string>{"accumulators", "array_shapes", "bit_lengths", "clusters",
                                     "dram", "hardware", "memory_interfaces", "pareto", "tiles"}));
}

}  // namespace
}  // namespace axesim::sim
