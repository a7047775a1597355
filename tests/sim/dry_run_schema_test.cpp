// SPDX-License-Identifier: Apache-2.0
// The JSON of dry runs against the schemas in reports/.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/files.h"
#include "sim/estimate/dry_run.h"
#include "sim/sweep/sweep_estimate.h"
#include "tests/reports/schema_check.h"
#include "tests/sim/config_test_support.h"
#include "tests/temporary_directory.h"

namespace axesim::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRun = AXESIM_SOURCE_DIR "/reports/dry_run.schema.json";
constexpr const char* kSweep = AXESIM_SOURCE_DIR "/reports/sweep_dry_run.schema.json";

Json schema_at(const char* path) { return Json::parse(read_text_file(path)); }

void expect_valid(const Json& json, const char* path) {
    const Json written = Json::parse(json.dump());
    for (const std::string& problem : reports::schema_problems(written, schema_at(path))) {
        ADD_FAILURE() << problem;
    }
    if (std::system("python3 -c 'import jsonschema' 2>/dev/null") != 0) return;
    const testing::TemporaryDirectory folder;  // tests run at the same time
    const std::filesystem::path file = folder / "dry_run.json";
    std::ofstream(file) << written.dump();
    const std::string command =
        "python3 -c \"import json, jsonschema, sys; "
        "jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))"
        ".validate(json.load(open(sys.argv[2])))\" " +
        std::string(path) + " " + file.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
}

/// A dry run of random weights of a published model's sizes.
Json dry_run_of(const std::vector<std::string>& sets) {
    const testing_support::ConfigFile config{testing_support::kLeast, "base.yaml"};
    std::vector<std::string> all{"workload.model=llama-3.2-1b"};
    all.insert(all.end(), sets.begin(), sets.end());
    return dry_run_json(dry_run(load_config(config.path(), all), {}));
}

TEST(DryRunSchema, DescribesARunWithValues) {
    expect_valid(dry_run_of({"workload.phases.decode_tokens=0"}), kRun);
}

TEST(DryRunSchema, DescribesARunOfTimeAlone) {
    const Json told = dry_run_of({"workload.timing_only=true"});
    expect_valid(told, kRun);
    Json wrong = told;
    wrong["parts"][0]["macs"] = "many";
    wrong["stage_seconds"].erase("load");
    wrong["seconds_per"]["mac"] = -1;
    wrong["more"] = 1;
    EXPECT_EQ(reports::schema_problems(wrong, schema_at(kRun)).size(), 4U);
}

TEST(DryRunSchema, DescribesASweep) {
    SweepEstimate sweep;
    sweep.points.resize(3);
    sweep.points[0].state = PointEstimate::State::finished;
    sweep.points[1].quantizes = true;
    sweep.points[1].times = {{"load", 1, 2}};
    sweep.points[2].state = PointEstimate::State::fails;
    sweep.points[2].error = "too many bits";
    const Json told = sweep_estimate_json(sweep);
    expect_valid(told, kSweep);
    EXPECT_EQ(told["points"][1]["seconds"], 3);
    EXPECT_EQ(told["points"][2]["state"], "fails");
    EXPECT_EQ(told["quantizations"], 1);
    Json wrong = told;
    wrong["points"][0]["state"] = "done";
    wrong.erase("jobs");
    EXPECT_EQ(reports::schema_problems(wrong, schema_at(kSweep)).size(), 2U);
}

TEST(DryRunSchema, EveryFieldIsDescribed) {
    for (const char* path : {kRun, kSweep}) {
        for (const std::string& pointer : reports::undescribed(schema_at(path))) {
            ADD_FAILURE() << path << pointer;
        }
    }
}

}  // namespace
}  // namespace axesim::sim
