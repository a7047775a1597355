// SPDX-License-Identifier: Apache-2.0
// From YAML to the typed Config and back: every key reaches its field, the resolved config is
// complete and loads to the same config.
#include "config_test_support.h"
#include "sim/config/schema.h"

namespace axesim::sim {
namespace {

using testing_support::config_of;
using testing_support::ConfigFile;
using testing_support::error_of;
using testing_support::kLeast;

/// Every key with a value that is not its default.
const std::string kEverything = R"(
name: everything
seed: 0x10
number_format: {weight_bits: 5, activation_bits: 7, output_format: bfloat16}
accumulator: {inner_bits: 15, tile_size: 48, outer_bits: 21, overflow: trap}
quantizer:
  algorithm: gpfq
  accumulator_aware: ep_init
  equalization: none
  weight_range: narrow
  weight_groups: power_of_two
  activations: {granularity: per_token, range: symmetric, rounding: floor}
  order: natural
  error_feedback: post
  damping: 0.05
  soft_threshold: false
  pad_short_tile_with_zeros: true
  step_search: true
  calibration: {text: a.txt, sequences: 3, length: 17, first_token: 5}
hardware:
  clock_mhz: 812.5
  dataflow: weight_stationary
  array: {rows: 4, columns: 6, lanes: 8, pipeline_depth: 3}
  buffers: {weights_kib: 11, activations_kib: 12, outputs_kib: 13, double_buffered: false,
            banks: 5, ports: 1, weights_word_bits: 72, activations_word_bits: 48,
            outputs_word_bits: 100}
  mapping: {tokens: 16, outputs: 12, depth: 96, outer_loop: weights}
  memory_interface:
    {layout: aligned_fields, word_bits: 128, bus_bits: 512, burst_beats: 2, batch_bursts: 9}
  dram: hbm2_2400
  dram_channels: 4
  dram_address_mapping: rochrababgco
  dram_page_policy: closed
  dram_scheduling: fr_fcfs
  technology: nangate45
  cost_profile: default
workload:
  model: some/model.gguf
  phases: {prefill_tokens: 21, decode_tokens: 0, batch: 3}
  evaluation: {text: b.npy, tokens: 77, context: 33, first_token: 9}
)";

TEST(ConfigValues, NumbersAndAccumulatorReachTheirFields) {
    const Config c = config_of(kEverything);
    EXPECT_EQ(c.name, "everything");
    EXPECT_EQ(c.seed, 16u);
    EXPECT_EQ(c.hardware.weight_bits, 5);
    EXPECT_TRUE(c.hardware.weights_narrow);
    EXPECT_EQ(c.hardware.weight_codes(), (IntegerRange{-15, 15}));
    EXPECT_EQ(c.hardware.activations.bits, 7);
    EXPECT_EQ(c.hardware.activations.codes(), (IntegerRange{-64, 63}));
    EXPECT_EQ(c.hardware.activations.rounding, models::Rounding::floor);
    EXPECT_EQ(c.hardware.output_format, models::OutputFormat::bfloat16);
    EXPECT_EQ(c.hardware.accumulator.inner_bits, 15);
    EXPECT_EQ(c.hardware.accumulator.tile_size, 48);
    EXPECT_EQ(c.hardware.accumulator.outer_bits, 21);
    EXPECT_EQ(c.hardware.accumulator.overflow, OverflowMode::trap);
    EXPECT_EQ(c.hardware.accumulator.lanes, 8);
    EXPECT_EQ(c.hardware.accumulator.groups, WeightGroups::power_of_two);
}

TEST(ConfigValues, QuantizerReachesItsFields) {
    const quant::QuantizerConfig q = config_of(kEverything).quantizer;
    EXPECT_EQ(q.algorithm, quant::Algorithm::gpfq);
    EXPECT_EQ(q.accumulator_aware, quant::AccumulatorAware::ep_init);
    EXPECT_EQ(q.weight_range, quant::WeightRange::narrow);
    EXPECT_EQ(q.order, quant::ColumnOrder::natural);
    EXPECT_EQ(q.error_feedback, quant::ErrorFeedback::post);
    EXPECT_EQ(q.damping, 0.05);
    EXPECT_FALSE(q.soft_threshold);
    EXPECT_TRUE(q.pad_short_tile_with_zeros);
    EXPECT_TRUE(q.step_search);
    EXPECT_EQ(q.calibration.text, "a.txt");
    EXPECT_EQ(q.calibration.sequences, 3);
    EXPECT_EQ(q.calibration.length, 17);
    EXPECT_EQ(q.calibration.first_token, 5);
}

TEST(ConfigValues, HardwareReachesItsFields) {
    const Config c = config_of(kEverything);
    EXPECT_EQ(c.hardware.clock_mhz, 812.5);
    EXPECT_EQ(c.hardware.array.rows, 4);
    EXPECT_EQ(c.hardware.array.columns, 6);
    EXPECT_EQ(c.hardware.array.pipeline_depth, 3);
    EXPECT_EQ(c.hardware.dataflow, models::Dataflow::weight_stationary);
    EXPECT_EQ(c.hardware.mapping.tokens, 16);
    EXPECT_EQ(c.hardware.mapping.outputs, 12);
    EXPECT_EQ(c.hardware.mapping.depth, 96);
    EXPECT_EQ(c.hardware.mapping.outer_loop, models::OuterLoop::weights);
    EXPECT_EQ(c.hardware.buffers.weights_kib, 11);
    EXPECT_EQ(c.hardware.buffers.activations_kib, 12);
    EXPECT_EQ(c.hardware.buffers.outputs_kib, 13);
    EXPECT_FALSE(c.hardware.buffers.double_buffered);
    EXPECT_EQ(c.hardware.buffers.banks, 5);
    EXPECT_EQ(c.hardware.buffers.ports, 1);
    EXPECT_EQ(c.hardware.buffers.weights_word_bits, 72);
    EXPECT_EQ(c.hardware.buffers.activations_word_bits, 48);
    EXPECT_EQ(c.hardware.buffers.outputs_word_bits, 100);
    EXPECT_EQ(c.hardware.memory_interface.layout, models::Layout::aligned_fields);
    EXPECT_EQ(c.hardware.memory_interface.word_bits, 128);
    EXPECT_EQ(c.hardware.memory_interface.bus_bits, 512);
    EXPECT_EQ(c.hardware.memory_interface.burst_beats, 2);
    EXPECT_EQ(c.hardware.memory_interface.batch_bursts, 9);
    EXPECT_EQ(c.dram, "hbm2_2400");
    EXPECT_EQ(c.hardware.dram.channels, 4);
    EXPECT_EQ(c.hardware.dram.policy.address_mapping, "rochrababgco");
    EXPECT_EQ(c.hardware.dram.policy.page, models::DramPagePolicy::closed);
    EXPECT_EQ(c.hardware.dram.policy.scheduling, models::DramScheduling::fr_fcfs);
    EXPECT_GT(c.hardware.dram.t_cl_ps, 0) << "the table of the DRAM was loaded";
    EXPECT_EQ(c.technology, "nangate45");
    EXPECT_EQ(c.technology_table.name, "nangate45");
}

TEST(ConfigValues, WorkloadReachesItsFields) {
    const WorkloadConfig w = config_of(kEverything).workload;
    EXPECT_EQ(w.model, "some/model.gguf");
    EXPECT_EQ(w.phases.prefill_tokens, 21);
    EXPECT_EQ(w.phases.decode_tokens, 0);
    EXPECT_EQ(w.phases.batch, 3);
    EXPECT_EQ(w.evaluation.text, "b.npy");
    EXPECT_EQ(w.evaluation.tokens, 77);
    EXPECT_EQ(w.evaluation.context, 33);
    EXPECT_EQ(w.evaluation.first_token, 9);
}

/// The schema's defaults and those of the structs are written in two places; they must agree.
TEST(ConfigValues, DefaultsAreThoseOfTheStructs) {
    const Config c = config_of(kLeast);
    const Config plain;
    EXPECT_EQ(c.name, "design") << "the file's stem";
    EXPECT_EQ(c.seed, plain.seed);
    EXPECT_EQ(c.hardware.clock_mhz, plain.hardware.clock_mhz);
    EXPECT_EQ(c.hardware.output_format, plain.hardware.output_format);
    EXPECT_EQ(c.hardware.weights_narrow, plain.hardware.weights_narrow);
    EXPECT_EQ(c.hardware.activations.range, plain.hardware.activations.range);
    EXPECT_EQ(c.hardware.activations.rounding, plain.hardware.activations.rounding);
    EXPECT_EQ(c.hardware.accumulator.outer_bits, plain.hardware.accumulator.outer_bits);
    EXPECT_EQ(c.hardware.accumulator.overflow, plain.hardware.accumulator.overflow);
    EXPECT_EQ(c.hardware.accumulator.lanes, plain.hardware.accumulator.lanes);
    EXPECT_EQ(c.hardware.array.rows, plain.hardware.array.rows);
    EXPECT_EQ(c.hardware.array.columns, plain.hardware.array.columns);
    EXPECT_EQ(c.hardware.array.pipeline_depth, plain.hardware.array.pipeline_depth);
    EXPECT_EQ(c.hardware.dataflow, plain.hardware.dataflow);
    EXPECT_EQ(c.hardware.buffers.outputs_kib, plain.hardware.buffers.outputs_kib);
    EXPECT_EQ(c.hardware.buffers.banks, plain.hardware.buffers.banks);
    EXPECT_EQ(c.hardware.buffers.ports, plain.hardware.buffers.ports);
    EXPECT_EQ(c.hardware.buffers.outputs_word_bits, plain.hardware.buffers.outputs_word_bits);
    EXPECT_EQ(c.hardware.mapping.depth, plain.hardware.mapping.depth);
    EXPECT_EQ(c.hardware.mapping.outer_loop, plain.hardware.mapping.outer_loop);
    EXPECT_EQ(c.hardware.memory_interface.layout, plain.hardware.memory_interface.layout);
    EXPECT_EQ(c.hardware.memory_interface.burst_bits(),
              plain.hardware.memory_interface.burst_bits());
    EXPECT_EQ(c.quantizer.algorithm, plain.quantizer.algorithm);
    EXPECT_EQ(c.quantizer.accumulator_aware, plain.quantizer.accumulator_aware);
    EXPECT_EQ(c.quantizer.damping, plain.quantizer.damping);
    EXPECT_EQ(c.quantizer.order, plain.quantizer.order);
    EXPECT_EQ(c.quantizer.soft_threshold, plain.quantizer.soft_threshold);
    EXPECT_EQ(c.quantizer.step_search, plain.quantizer.step_search);
    EXPECT_EQ(c.quantizer.calibration.sequences, plain.quantizer.calibration.sequences);
    EXPECT_EQ(c.workload.model, plain.workload.model);
    EXPECT_EQ(c.workload.phases.prefill_tokens, plain.workload.phases.prefill_tokens);
    EXPECT_EQ(c.workload.evaluation.tokens, plain.workload.evaluation.tokens);
    EXPECT_EQ(c.technology, plain.technology);
    EXPECT_EQ(c.cost_profile, plain.cost_profile);
    EXPECT_EQ(c.dram, plain.dram);
}

TEST(ConfigValues, ActivityReachesItsField) {
    EXPECT_FALSE(config_of(kLeast).energy.is_measured());
    EXPECT_TRUE(config_of(kLeast + "energy: {activity: measured}\n").energy.is_measured());
}

TEST(ConfigValues, EveryScalarFormOfYaml12) {
    EXPECT_EQ(config_of(kLeast + "seed: +7\n").seed, 7u);
    EXPECT_EQ(config_of(kLeast + "seed: 0o17\n").seed, 15u);
    EXPECT_EQ(config_of(kLeast + "seed: 007\n").seed, 7u);
    EXPECT_TRUE(config_of(kLeast + "quantizer: {step_search: TRUE}\n").quantizer.step_search);
    EXPECT_EQ(config_of(kLeast + "quantizer: {damping: .5}\n").quantizer.damping, 0.5);
    EXPECT_EQ(config_of(kLeast + "quantizer: {damping: +5e-1}\n").quantizer.damping, 0.5);
    EXPECT_EQ(config_of(kLeast + "hardware: {clock_mhz: 500}\n").hardware.clock_mhz, 500.0);
    EXPECT_EQ(config_of(kLeast + "name: 'yes'\n").name, "yes");
    EXPECT_EQ(config_of(kLeast + "name: 45\n").name, "45");
    EXPECT_EQ(config_of(kLeast + "quantizer: {algorithm: 'gpfq'}\n").quantizer.algorithm,
              quant::Algorithm::gpfq);
}

TEST(ConfigValues, WordsStandForNumbers) {
    const std::string format = "number_format: {weight_bits: 8, activation_bits: 8}\n";
    const Config c = config_of(
        format + "accumulator: {inner_bits: 32, tile_size: monolithic, outer_bits: auto}\n" +
        "hardware: {array: {lanes: 7}}\n");  // any number of lanes divides a monolithic tile
    EXPECT_EQ(c.hardware.accumulator.tile_size, 0);
    EXPECT_EQ(c.hardware.accumulator.outer_bits, 0);
    EXPECT_EQ(c.resolved["accumulator"]["tile_size"], "monolithic");
    EXPECT_EQ(c.resolved["accumulator"]["outer_bits"], "auto");
}

TEST(ConfigValues, AnEmptySectionTakesDefaults) {
    EXPECT_EQ(config_of(kLeast + "quantizer:\n").quantizer.algorithm, quant::Algorithm::optq);
}

TEST(ConfigValues, TheLeastInnerWidthIsAccepted) {
    const std::string text = "number_format: {weight_bits: 6, activation_bits: 6}\n";
    EXPECT_EQ(error_of(text + "accumulator: {inner_bits: 12, tile_size: 16}\n"), "");
}

TEST(ConfigOverrides, BeatTheFileAndEachOther) {
    const Config c = config_of(kLeast, {"accumulator.inner_bits=14", "number_format.weight_bits=5",
                                        "accumulator.inner_bits=13"});
    EXPECT_EQ(c.hardware.accumulator.inner_bits, 13);
    EXPECT_EQ(c.hardware.weight_bits, 5);
    EXPECT_EQ(c.resolved["accumulator"]["inner_bits"], 13);
}

TEST(ConfigOverrides, GiveWhatTheFileLacks) {
    const Config c = config_of(
        "accumulator: {tile_size: 64}\n",
        {"number_format={weight_bits: 4, activation_bits: 4}", "accumulator.inner_bits=16"});
    EXPECT_EQ(c.hardware.weight_bits, 4);
}

TEST(ConfigOverrides, FlowMapsChangeOnlyTheirKeys) {
    const Config c = config_of(kLeast + "hardware: {array: {rows: 4, columns: 6}}\n",
                               {"hardware.array={rows: 8}"});
    EXPECT_EQ(c.hardware.array.rows, 8);
    EXPECT_EQ(c.hardware.array.columns, 6);
}

TEST(ConfigOverrides, ValuesMayHoldEqualsSigns) {
    EXPECT_EQ(config_of(kLeast, {"name=a=b"}).name, "a=b");
}

TEST(ResolvedConfig, HoldsEveryKeyInSchemaOrder) {
    const Config c = config_of(kLeast);
    for (const Key& key : schema()) {
        nlohmann::ordered_json node = c.resolved;
        std::string rest = key.path;
        for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
            ASSERT_TRUE(node.contains(rest.substr(0, dot))) << key.path;
            node = nlohmann::ordered_json(node[rest.substr(0, dot)]);
            rest = rest.substr(dot + 1);
        }
        EXPECT_TRUE(node.contains(rest) && !node[rest].is_null()) << key.path;
    }
    EXPECT_EQ(c.resolved.begin().key(), "name");
    EXPECT_EQ(std::prev(c.resolved.end()).key(), "workload");
}

TEST(ResolvedConfig, ReloadsToTheSameConfig) {
    for (const std::string& text : {kLeast, kEverything}) {
        const Config first = config_of(text);
        const ConfigFile file(resolved_yaml(first), "other_name.yaml");
        const Config second = load_config(file.path(), {});
        EXPECT_EQ(first.resolved, second.resolved);
        EXPECT_EQ(resolved_yaml(first), resolved_yaml(second));
    }
}

TEST(ResolvedConfig, SurvivesAwkwardTextAndNumbers) {
    for (const std::string name :
         {"yes",   "true", "null", "~",          "64",          "6.5",    "0x1f",
          "a: b",  "# a",  "- a",  "\"quoted\"", "back\\slash", "ümlaut", "a'b",
          " lead", "...",  "{",    "*x",         "!t",          "1e3"}) {
        Config c = config_of(kLeast);
        c.resolved["name"] = name;
        c.resolved["quantizer"]["damping"] = 0.1 + 0.2;
        const ConfigFile file(resolved_yaml(c));
        const Config again = load_config(file.path(), {});
        EXPECT_EQ(again.name, name);
        EXPECT_EQ(again.quantizer.damping, 0.1 + 0.2);
    }
}

TEST(ResolvedConfig, KeepsPathsAsWritten) {
    const Config c = config_of(kLeast, {"workload.model=../models/x.gguf"});
    EXPECT_EQ(c.workload.model, "../models/x.gguf");
    EXPECT_EQ(c.resolved["workload"]["model"], "../models/x.gguf");
}

}  // namespace
}  // namespace axesim::sim
