// SPDX-License-Identifier: Apache-2.0
#include "reports/json_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "common/files.h"
#include "tests/reports/example_result.h"
#include "tests/reports/schema_check.h"

namespace axesim::reports {
namespace {

using Json = nlohmann::ordered_json;

Json schema() {
    return Json::parse(read_text_file(AXESIM_SOURCE_DIR "/reports/result.schema.json"));
}

double at(const Json& json, const std::string& pointer) {
    return json.at(Json::json_pointer(pointer)).get<double>();
}

/// A result with everything absent that can be absent, and one with everything there.
std::vector<Result> variants() {
    Result sparse = example_result();
    sparse.accuracy.reset();
    sparse.accuracy_not_measured = "workload.evaluation.tokens is 0";
    sparse.decode.reset();
    sparse.layers.push_back(example_layer("model.layers.0.self_attn.softmax", 1e-6));
    sparse.layers.back().k = 0;  // the vector unit's
    sparse.area_range.reset();
    sparse.prefill.energy_range.reset();
    sparse.overflow->inner.seen = {};
    sparse.overflow->outer.seen = {};
    for (LayerResult& layer : sparse.layers) layer.rmse.reset();
    sparse.prefill.counts = {};
    sparse.prefill.seconds = 0;
    Result timing_only = sparse;
    timing_only.overflow.reset();
    for (LayerResult& layer : timing_only.layers) layer.has_values = false;
    Result overflowing = example_result();
    overflowing.overflow->certified = false;
    overflowing.overflow->outer_events = 3;
    overflowing.overflow->first_layer = "model.layers.0.q_proj";
    overflowing.overflow->first_place =
        models::OverflowPlace{1, 2, 64, models::AccumulatorStage::outer};
    overflowing.layers[0].sqnr_db = 31.5;
    overflowing.layers[0].activity_factor = 0.95;
    overflowing.prefill.activity_factor = 0.875;
    overflowing.layers[0].fallback = "the Cholesky factorization failed";
    overflowing.accuracy->perplexity_quantized = std::numeric_limits<double>::infinity();
    return {example_result(), sparse, timing_only, overflowing};
}

TEST(JsonReport, FollowsTheSchema) {
    for (const Result& result : variants()) {
        const Json written = Json::parse(to_json(result).dump());
        for (const std::string& problem : schema_problems(written, schema())) {
            ADD_FAILURE() << problem;
        }
    }
}

TEST(JsonReport, TheSchemaCheckFindsWhatIsWrong) {
    Json json = to_json(example_result());
    json["energy"]["total"] = 1;
    json["area"].erase("total_mm2");
    json["timing"]["prefill"]["cycles"] = "many";
    json["memory"]["decode"]["bus_efficiency"] = 1.5;
    json["schema"] = "axesim.result/0";
    const std::vector<std::string> problems = schema_problems(json, schema());
    EXPECT_EQ(problems.size(), 5u);
}

TEST(JsonReport, TheSchemaDescribesEveryField) {
    for (const std::string& pointer : undescribed(schema())) ADD_FAILURE() << pointer;
}

TEST(JsonReport, AnIndependentValidatorAgrees) {
    if (std::system("python3 -c 'import jsonschema' 2>/dev/null") != 0) {
        GTEST_SKIP() << "python3 with jsonschema is not installed";
    }
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / "validated_result.json";
    for (const Result& result : variants()) {
        write_json(path, result);
        const std::string command =
            "python3 -c \"import json, jsonschema, sys; "
            "jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))"
            ".validate(json.load(open(sys.argv[2])))\" " AXESIM_SOURCE_DIR
            "/reports/result.schema.json " +
            path.string();
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
    std::filesystem::remove(path);
}

TEST(JsonReport, HasThePathsOfTheDesignWithTheirValues) {
    const Json json = to_json(example_result());
    EXPECT_EQ(json.at("schema"), "axesim.result/1");
    EXPECT_EQ(json.at("/provenance/model_sha256"_json_pointer), "aa");
    EXPECT_EQ(json.at("/provenance/seed"_json_pointer), 7);
    EXPECT_NEAR(at(json, "/accuracy/retained"), 27.85 / 30.10, 1e-12);
    EXPECT_EQ(json.at("/accuracy/values_from"_json_pointer), "simulated_hardware");
    EXPECT_EQ(at(json, "/overflow/inner_events"), 0);
    EXPECT_TRUE(json.at("/overflow/certified"_json_pointer).get<bool>());
    // log2(32768 + 1) - log2(5000 + 1) and log2(300001 + 1) - log2(20000 + 1).
    EXPECT_NEAR(at(json, "/overflow/headroom_bits/inner"), std::log2(32769.0 / 5001), 1e-9);
    EXPECT_NEAR(at(json, "/overflow/headroom_bits/outer"), std::log2(300002.0 / 20001), 1e-9);
    EXPECT_EQ(at(json, "/timing/prefill/cycles"), 61'200'000);
    EXPECT_NEAR(at(json, "/timing/prefill/utilization"), 50e9 / (61.2e6 * 1024), 1e-12);
    EXPECT_EQ(at(json, "/timing/prefill/stall_cycles/dram"), 6'732'000);
    EXPECT_EQ(at(json, "/timing/decode/cycles_per_token"), 8'100'000);
    EXPECT_NEAR(at(json, "/timing/decode/tokens_per_second"), 8 / 64.8e-3, 1e-9);
    EXPECT_EQ(at(json, "/memory/payload_bits"), 980);
    EXPECT_NEAR(at(json, "/memory/bus_efficiency"), 980.0 / 1100, 1e-12);
    EXPECT_EQ(at(json, "/memory/dram_bytes/weights"), 256);
    EXPECT_TRUE(json.at("/memory/dram_bytes/kv_cache"_json_pointer).is_null());
    EXPECT_EQ(at(json, "/memory/decode/row_hits"), 97);
    EXPECT_NEAR(at(json, "/energy/total_j"), 9.8e-3, 1e-15);
    EXPECT_NEAR(at(json, "/energy/per_token_j"), 9.8e-3 / 512, 1e-15);
    EXPECT_NEAR(at(json, "/energy/decode/per_token_j"), 4.88e-3 / 8, 1e-15);
    EXPECT_EQ(at(json, "/energy/range/max_j"), 12.9e-3);
    EXPECT_TRUE(json.at("/energy/activity_factor"_json_pointer).is_null());
    EXPECT_EQ(at(to_json(variants().back()), "/energy/activity_factor"), 0.875);
    EXPECT_EQ(at(to_json(variants().back()), "/layers/0/activity_factor"), 0.95);
    EXPECT_NEAR(at(json, "/area/total_mm2"), 2.31, 1e-12);
    EXPECT_FALSE(json.at("/area/by_part"_json_pointer).contains("dram"));
    EXPECT_EQ(at(json, "/layers/3/bound/inner_max"), 32767);
    EXPECT_EQ(at(json, "/layers/3/observed/outer_min"), -20000);
    EXPECT_NEAR(at(json, "/layers/3/headroom_bits/inner"), std::log2(32768.0 / 5002), 1e-9);
    EXPECT_NEAR(at(json, "/layers/3/headroom_bits/outer"), std::log2(300002.0 / 20002), 1e-9);
    EXPECT_TRUE(json.at("/layers/3/sqnr_db"_json_pointer).is_null());
    EXPECT_EQ(at(json, "/host/wall_seconds"), 12.5);
}

TEST(JsonReport, HasRooflines) {
    const Json json = to_json(example_result());
    EXPECT_EQ(at(json, "/peak/macs_per_cycle"), 1024);
    EXPECT_EQ(at(json, "/peak/memory_interface_bits_per_cycle"), 256);
    // 256 bits every 2.5 ns at 1 GHz.
    EXPECT_NEAR(at(json, "/peak/dram_bits_per_cycle"), 102.4, 1e-9);
    EXPECT_NEAR(at(json, "/timing/prefill/roofline/compute_cycles"), 50e9 / 1024, 1e-3);
    EXPECT_NEAR(at(json, "/timing/prefill/roofline/dram_cycles"), 2816 / 102.4, 1e-9);
    EXPECT_EQ(json.at("/timing/prefill/roofline/bound_by"_json_pointer), "compute");
    EXPECT_NEAR(at(json, "/timing/prefill/roofline/share_of_roof"), 50e9 / 1024 / 61.2e6, 1e-12);
    EXPECT_NEAR(at(json, "/timing/prefill/roofline/macs_per_dram_byte"), 50e9 / (2816 / 8), 1);
    EXPECT_EQ(json.at("/layers/3/roofline/bound_by"_json_pointer), "dram");
    EXPECT_EQ(at(json, "/layers/3/roofline/buffer_cycles"), 400);
}

TEST(JsonReport, TotalsAreTheSumsOfTheirParts) {
    const Json json = to_json(example_result());
    const auto sum = [&](const std::string& pointer) {
        double total = 0;
        for (const auto& [name, value] : json.at(Json::json_pointer(pointer)).items()) {
            total += value.get<double>();
        }
        return total;
    };
    EXPECT_NEAR(sum("/energy/by_part"), at(json, "/energy/total_j"), 1e-15);
    EXPECT_NEAR(sum("/energy/decode/by_part"), at(json, "/energy/decode/total_j"), 1e-15);
    EXPECT_NEAR(sum("/area/by_part"), at(json, "/area/total_mm2"), 1e-12);
    for (const std::string phase : {"/timing/prefill", "/timing/decode"}) {
        EXPECT_EQ(sum(phase + "/stall_cycles") + at(json, phase + "/busy_cycles"),
                  at(json, phase + "/cycles"));
    }
    for (const std::string name : {"payload_bits", "metadata_bits", "padding_bits",
                                   "burst_tail_bits", "transferred_bits", "bursts"}) {
        double streams = 0;
        for (const std::string stream : {"weights", "activations", "outputs", "kv_cache"}) {
            streams += at(json, "/memory/by_stream/" + stream + "/" + name);
        }
        EXPECT_EQ(streams, at(json, "/memory/" + name)) << name;
    }
}

TEST(JsonReport, WhatWasNotMeasuredIsNull) {
    const Json json = to_json(variants()[1]);
    for (const char* pointer :
         {"/accuracy", "/timing/decode", "/memory/decode", "/energy/decode", "/energy/range",
          "/area/range", "/overflow/headroom_bits/inner", "/overflow/inner/seen", "/overflow/first",
          "/memory/bus_efficiency", "/timing/prefill/utilization", "/layers/0/rmse"}) {
        EXPECT_TRUE(json.at(Json::json_pointer(pointer)).is_null()) << pointer;
    }
}

TEST(JsonReport, NamesTheFirstOverflow) {
    const Json first = to_json(variants().back()).at("/overflow/first"_json_pointer);
    EXPECT_EQ(first, Json({{"layer", "model.layers.0.q_proj"},
                           {"token", 1},
                           {"channel", 2},
                           {"k", 64},
                           {"stage", "outer"}}));
}

TEST(JsonReport, OnlyTheHostDiffersBetweenTwoRuns) {
    Result other = example_result();
    other.host = {99, 1, 2, 3, {}, {}, {}};
    Json a = to_json(example_result());
    Json b = to_json(other);
    EXPECT_NE(a.dump(), b.dump());
    a.erase("host");
    b.erase("host");
    EXPECT_EQ(a.dump(), b.dump());
}

TEST(JsonReport, NumbersSurviveTheFile) {
    Result result = example_result();
    result.prefill.energy.dram = 0.1 + 0.2;
    result.prefill.energy.leakage = 1.0 / 3;
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / "numbers_result.json";
    write_json(path, result);
    const Json json = Json::parse(read_text_file(path));
    EXPECT_EQ(at(json, "/energy/by_part/dram"), 0.1 + 0.2);
    EXPECT_EQ(at(json, "/energy/by_part/leakage"), 1.0 / 3);
    EXPECT_EQ(json.dump(), to_json(result).dump());
    std::filesystem::remove(path);
}

TEST(JsonReport, AGemmHasFiveSections) {
    const Json gemm = gemm_json(example_result());
    const Json whole = to_json(example_result());
    std::vector<std::string> names;
    for (const auto& [name, value] : gemm.items()) {
        names.push_back(name);
        EXPECT_EQ(value, whole.at(name));
    }
    EXPECT_EQ(names, (std::vector<std::string>{"overflow", "timing", "memory", "energy", "area"}));
}

}  // namespace
}  // namespace axesim::reports
