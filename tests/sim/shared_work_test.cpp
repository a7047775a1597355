// SPDX-License-Identifier: Apache-2.0
// What is shared comes back as it was, and only to those who compute the same.
#include "sim/shared_work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "common/files.h"
#include "config_test_support.h"
#include "sim/config/schema.h"
#include "tests/temporary_directory.h"

namespace axesim::sim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing_support::config_of;
using testing_support::kLeast;

const OperationId kOne{0, Operation::q_proj};
const OperationId kOther{1, Operation::attention_scores};
const workloads::LinearId kLinear{3, workloads::LinearKind::up_proj};
const workloads::LinearId kLmHead{30, workloads::LinearKind::lm_head};

Evaluation some_evaluation() {
    Evaluation evaluation;
    evaluation.accuracy = {.perplexity_float = 1.0 / 3,
                           .perplexity_quantized = 0.1,
                           .kl_divergence = 1e-300,
                           .top1_agreement = 0.7,
                           .tokens = 511};
    LayerRecord& record = evaluation.layers[kOne];
    record.observed.inner_events = 5'000'000'000'000'000'000ULL;
    record.observed.first_overflow = models::OverflowPlace{
        .token = 1, .channel = 2, .k = 3, .stage = models::AccumulatorStage::outer};
    record.observed.inner_seen = {-7, 8};
    record.shape = {4, 5, 6};
    record.error_sum = 0.2;
    record.reference_sum = 1e18 / 3;
    record.compared_values = 99;
    evaluation.layers[kOther].observed.outer_events = 4;
    evaluation.proofs[kLinear].certificate = {.certified = true,
                                              .inner = {-70, 80},
                                              .outer = {-900, 1000},
                                              .largest_tile_l1 = 33,
                                              .inner_bits = 12,
                                              .outer_bits = 17,
                                              .violation = {}};
    evaluation.proofs[kLmHead].certificate.violation = {5, -1, {-1'000'000'000'000, 3}};
    evaluation.proofs[kLmHead].fallback = "rounded to nearest";
    return evaluation;
}

Json key_of(const std::string& value = "a") {
    return {{"model_sha256", value},
            {"config", {{"seed", 0}, {"workload", {{"evaluation", {{"tokens", 512}}}}}}}};
}

class SharedWorkTest : public ::testing::Test {
protected:
    void SetUp() override { SharedWork::make_folders(folder_.path()); }

    testing::TemporaryDirectory folder_;
};

TEST_F(SharedWorkTest, GivesBackWhatWasStored) {
    const Evaluation stored = some_evaluation();
    const Matrix<float> hidden = Matrix<float>::Constant(3, 2, 0.1F);
    SharedWork first(folder_.path(), key_of());
    EXPECT_FALSE(first.evaluation());
    EXPECT_FALSE(first.float_hidden(3, 2));
    EXPECT_TRUE(first.reused().empty());
    first.store(stored);
    first.store_float_hidden(hidden);

    SharedWork second(folder_.path(), key_of());
    const auto found_hidden = second.float_hidden(3, 2);
    ASSERT_TRUE(found_hidden);
    EXPECT_EQ(*found_hidden, hidden);
    const auto found = second.evaluation();
    ASSERT_TRUE(found);
    EXPECT_EQ(second.reused(), (std::vector<std::string>{"float_reference", "evaluation"}));
    EXPECT_EQ(found->accuracy.perplexity_float, stored.accuracy.perplexity_float);
    EXPECT_EQ(found->accuracy.perplexity_quantized, stored.accuracy.perplexity_quantized);
    EXPECT_EQ(found->accuracy.kl_divergence, stored.accuracy.kl_divergence);
    EXPECT_EQ(found->accuracy.top1_agreement, stored.accuracy.top1_agreement);
    EXPECT_EQ(found->accuracy.tokens, stored.accuracy.tokens);
    ASSERT_EQ(found->layers.size(), stored.layers.size());
    for (const auto& [id, record] : stored.layers) {
        EXPECT_EQ(found->layers.at(id).observed, record.observed);
        EXPECT_EQ(found->layers.at(id).shape, record.shape);
        EXPECT_EQ(found->layers.at(id).error_sum, record.error_sum);
        EXPECT_EQ(found->layers.at(id).reference_sum, record.reference_sum);
        EXPECT_EQ(found->layers.at(id).compared_values, record.compared_values);
    }
    ASSERT_EQ(found->proofs.size(), stored.proofs.size());
    for (const auto& [id, proof] : stored.proofs) {
        EXPECT_EQ(found->proofs.at(id).fallback, proof.fallback);
        const quant::Certificate &a = found->proofs.at(id).certificate, &b = proof.certificate;
        EXPECT_EQ(a.certified, b.certified);
        EXPECT_EQ(a.inner, b.inner);
        EXPECT_EQ(a.outer, b.outer);
        EXPECT_EQ(a.largest_tile_l1, b.largest_tile_l1);
        EXPECT_EQ(a.inner_bits, b.inner_bits);
        EXPECT_EQ(a.outer_bits, b.outer_bits);
        ASSERT_EQ(a.violation.has_value(), b.violation.has_value());
        if (!b.violation) continue;
        EXPECT_EQ(a.violation->channel, b.violation->channel);
        EXPECT_EQ(a.violation->tile, b.violation->tile);
        EXPECT_EQ(a.violation->range, b.violation->range);
    }
}

TEST_F(SharedWorkTest, IsNotGivenToOthers) {
    SharedWork first(folder_.path(), key_of());
    first.store(some_evaluation());
    first.store_float_hidden(Matrix<float>::Zero(3, 2));
    SharedWork other_model(folder_.path(), key_of("b"));
    EXPECT_FALSE(other_model.evaluation());
    EXPECT_FALSE(other_model.float_hidden(3, 2));
    Json key = key_of();
    key["config"]["seed"] = 1;
    SharedWork other_integers(folder_.path(), key);
    EXPECT_FALSE(other_integers.evaluation());
    EXPECT_TRUE(other_integers.float_hidden(3, 2));  // the float model has no integers
    key["config"]["workload"]["evaluation"]["tokens"] = 1024;
    EXPECT_FALSE(SharedWork(folder_.path(), key).float_hidden(3, 2));
    EXPECT_FALSE(first.float_hidden(2, 3));  // another shape
}

TEST_F(SharedWorkTest, EveryBitCounts) {
    SharedWork work(folder_.path(), key_of());
    work.store(some_evaluation());
    const fs::path file = fs::directory_iterator(folder_ / "evaluation")->path();
    const std::string whole = read_text_file(file);
    for (std::size_t i = 0; i < whole.size(); i += 3) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
        EXPECT_FALSE(work.evaluation()) << "byte " << i;
    }
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole;
    EXPECT_TRUE(work.evaluation());
}

TEST(SharedWork, WithoutAFolderKeepsNothing) {
    SharedWork none;
    none.store(some_evaluation());
    none.store_float_hidden(Matrix<float>::Zero(1, 1));
    EXPECT_FALSE(none.evaluation());
    EXPECT_FALSE(none.float_hidden(1, 1));
}

Json values_of(const std::vector<std::string>& sets) {
    return values_config(config_of(kLeast, sets).resolved);
}

/// Keys that change nothing but time, energy and area, each in another value than its default.
const std::vector<std::string> kIndifferent = {
    "name=other",
    "hardware.clock_mhz=500",
    "hardware.dataflow=weight_stationary",
    "hardware.array.columns=64",
    "hardware.array.pipeline_depth=4",
    "hardware.buffers.weights_kib=64",
    "hardware.buffers.activations_kib=64",
    "hardware.buffers.outputs_kib=64",
    "hardware.buffers.double_buffered=false",
    "hardware.buffers.banks=4",
    "hardware.buffers.ports=1",
    "hardware.buffers.weights_word_bits=256",
    "hardware.buffers.activations_word_bits=256",
    "hardware.buffers.outputs_word_bits=256",
    "hardware.mapping.tokens=16",
    "hardware.mapping.outputs=32",
    "hardware.mapping.depth=64",
    "hardware.mapping.outer_loop=weights",
    "hardware.vector_unit.lanes=8",
    "hardware.memory_interface.layout=padded_byte",
    "hardware.memory_interface.word_bits=128",
    "hardware.memory_interface.bus_bits=128",
    "hardware.memory_interface.burst_beats=4",
    "hardware.memory_interface.batch_bursts=8",
    "hardware.memory_interface.transfers=coalesced",
    "hardware.memory_interface.prefetch_tiles=2",
    "hardware.clusters=4",
    "hardware.cluster_split=tokens",
    "hardware.interconnect.bits_per_cycle=256",
    "hardware.interconnect.latency_cycles=20",
    "hardware.dram=ddr4_3200",
    "hardware.dram_channels=2",
    "hardware.dram_address_mapping=rochrababgco",
    "hardware.dram_page_policy=closed",
    "hardware.dram_scheduling=fr_fcfs",
    "hardware.technology=nangate45",
    "hardware.cost_profile=asap7_raw",
    "energy.activity=measured",
    "workload.phases.prefill_tokens=64",
    "workload.phases.decode_tokens=4",
    "workload.phases.batch=2",
};
/// Keys, and sections with all that may come to them, that decide values.
const std::vector<std::string> kDecisive = {
    "seed",           "number_format",       "accumulator",          "attention",
    "lm_head",        "quantizer",           "hardware.array.rows",  "hardware.array.lanes",
    "workload.model", "workload.evaluation", "workload.timing_only",
};

TEST(ValuesConfig, IsThatOfADesignWithOtherTimesAndCosts) {
    const Json base = values_of({});
    for (const std::string& set : kIndifferent) {
        EXPECT_NE(config_of(kLeast, {set}).resolved, config_of(kLeast).resolved) << set;
        EXPECT_EQ(values_of({set}), base) << set;
    }
}

TEST(ValuesConfig, IsNotThatOfADesignWithOtherValues) {
    const Json base = values_of({});
    for (const std::string set :
         {"seed=1", "number_format.weight_bits=5", "number_format.output_format=float32",
          "accumulator.inner_bits=17", "accumulator.tile_size=32", "accumulator.overflow=wrap",
          "attention.bits=8", "attention.kv_cache_bits=8", "attention.tile_size=2",
          "attention.rotation=false", "lm_head.bits=8", "quantizer.algorithm=gpfq",
          "quantizer.activations.rounding=floor", "quantizer.calibration.sequences=8",
          "hardware.array.rows=16", "hardware.array.lanes=2", "workload.model=other.gguf",
          "workload.evaluation.tokens=512"}) {
        EXPECT_NE(values_of({set}), base) << set;
    }
    const std::string overridden =
        kLeast + "overrides: [{layers: '*.o_proj', accumulator.inner_bits: 17}]\n";
    EXPECT_NE(values_config(config_of(overridden).resolved), base);
}

/// A key that is new must be put into one of the lists by someone who has thought about it.
TEST(ValuesConfig, EveryKeyWasThoughtAbout) {
    const Json base = values_of({});
    for (const Key& key : schema()) {
        const auto names = [&](const std::string& entry) {
            return key.path == entry || key.path.starts_with(entry + ".");
        };
        const bool indifferent = std::ranges::any_of(kIndifferent, [&](const std::string& set) {
            return key.path == set.substr(0, set.find('='));
        });
        EXPECT_NE(indifferent, std::ranges::any_of(kDecisive, names)) << key.path;
        std::string pointer = "/" + key.path;
        std::ranges::replace(pointer, '.', '/');
        EXPECT_NE(base.contains(Json::json_pointer(pointer)), indifferent) << key.path;
    }
}

TEST(ArithmeticKey, HasFilesByTheirContents) {
    std::string model = "m", calibration = "";
    workloads::Text text;
    text.tokens = {1, 2, 3};
    const auto key = [&](const std::vector<std::string>& sets) {
        return arithmetic_key(config_of(kLeast, sets), model, calibration, text);
    };
    const Json base = key({});
    EXPECT_EQ(key({"workload.model=elsewhere.gguf", "workload.evaluation.text=a.txt",
                   "quantizer.calibration.text=b.txt", "hardware.clock_mhz=10"}),
              base);
    EXPECT_NE(key({"workload.evaluation.context=256"}), base);
    text.tokens.push_back(4);
    EXPECT_NE(key({}), base);
    text.tokens.pop_back();
    model = "n";
    EXPECT_NE(key({}), base);
    model = "m";
    calibration = "c";
    EXPECT_NE(key({}), base);
}

}  // namespace
}  // namespace axesim::sim
