// SPDX-License-Identifier: Apache-2.0
// Overrides on the layers of a model: refused where the model cannot have them, and each layer of
// a mixed model the same as in a model that has the layer's config everywhere.
#include "sim/layer_configs.h"

#include <algorithm>

#include "common/error.h"
#include "sim/calibrate.h"
#include "tests/sim/config_test_support.h"
#include "tests/sim/tiny_model.h"

namespace axesim::sim {
namespace {

using testing_support::ConfigFile;
using testing_support::kLeast;
using workloads::LinearId;
using workloads::LinearKind;

bool all_certified(const QuantizedModel& model) {
    return std::ranges::all_of(
        model.layers, [](const auto& entry) { return entry.second.certificate.certified; });
}

std::string error_of_entry(const std::string& entry) {
    const ConfigFile file(kLeast + "overrides:\n  - " + entry + "\n");
    workloads::LlamaShape shape;
    shape.blocks = 2;
    try {
        layer_configs(load_config(file.path(), {}), shape);
    } catch (const UserError& error) {
        std::string message = error.what();
        return message.replace(0, file.path().string().size(), "FILE");
    }
    return "";
}

TEST(LayerConfigs, RefuseWhatTheModelCannotHave) {
    EXPECT_EQ(error_of_entry("{layers: \"*.layers.2.*\", number_format.weight_bits: 5}"),
              "FILE:4:14: overrides: layers: \"*.layers.2.*\" matches no layer of the model (its "
              "layers are named as in model.layers.1.mlp.down_proj)");
    EXPECT_EQ(error_of_entry("{layers: \"*.1.*.v_proj\", number_format.activation_bits: 5}"),
              "FILE:4:61: overrides: number_format.activation_bits: "
              "model.layers.1.self_attn.q_proj has 6 bits and model.layers.1.self_attn.v_proj has "
              "5, but they share one input, which is quantized once (allowed: the same for both)");
    EXPECT_EQ(error_of_entry("{layers: \"*.gate_proj\", number_format.activation_bits: 5}"),
              "FILE:4:60: overrides: number_format.activation_bits: model.layers.0.mlp.gate_proj "
              "has 5 bits and model.layers.0.mlp.up_proj has 6, but they share one input, which is "
              "quantized once (allowed: the same for both)");
    EXPECT_EQ(error_of_entry("{layers: \"*.0.*o_proj\", accumulator.inner_bits: 11}"),
              "FILE:4:53: overrides: model.layers.0.self_attn.o_proj: accumulator.inner_bits: 11 "
              "bits do not hold one product of 6-bit weights and 6-bit activations, which is "
              "-2016..1953 (allowed: 12..48)");
    for (const char* fine :
         {"{layers: \"*.?_proj\", number_format.activation_bits: 5}",  // o_proj, too
          "{layers: \"*.mlp.*\", number_format.activation_bits: 5}",
          "{layers: \"*.q_proj\", number_format.weight_bits: 5}"}) {
        EXPECT_EQ(error_of_entry(fine), "");
    }
}

/// The tiny model quantized as a config of 6 x 6 bits and these lines asks for.
QuantizedModel quantized(const Tiny& tiny, const std::string& lines) {
    const ConfigFile file(
        "number_format: {weight_bits: 6, activation_bits: 6}\n"
        "accumulator: {inner_bits: 14, tile_size: 8}\n" +
        lines);
    Config config = load_config(file.path(), {});
    config.quantizer.calibration = {.text = "default", .sequences = 4, .length = 24};
    Progress progress(Progress::Style::none);
    return quantize_model(tiny.model, config, progress);
}

void expect_same(const QuantizedLayer& a, const QuantizedLayer& b, const LinearId& id) {
    EXPECT_EQ(a.linear.codes, b.linear.codes) << workloads::layer_name(id);
    EXPECT_EQ(a.linear.step, b.linear.step);
    EXPECT_EQ(a.format, b.format);
    EXPECT_EQ(a.certificate.inner, b.certificate.inner);
    EXPECT_EQ(a.certificate.certified, b.certificate.certified);
}

/// Rounding within the accumulators looks at weights alone, so every layer must be found again.
TEST(MixedModel, RoundsEachLayerAsAModelOfItsWidthsDoes) {
    const Tiny tiny({});
    const std::string quantizer = "quantizer: {algorithm: naive_round, accumulator_aware: axe}\n";
    const QuantizedModel narrow = quantized(tiny, quantizer);
    const ConfigFile wide_file(
        "number_format: {weight_bits: 8, activation_bits: 7}\n"
        "accumulator: {inner_bits: 16, tile_size: 8}\n" +
        quantizer);
    Progress progress(Progress::Style::none);
    const QuantizedModel wide =
        quantize_model(tiny.model, load_config(wide_file.path(), {}), progress);
    const QuantizedModel mixed = quantized(
        tiny, quantizer +
                  "overrides:\n  - layers: \"*.down_proj\"\n    number_format: "
                  "{weight_bits: 8, activation_bits: 7}\n    accumulator.inner_bits: 16\n");
    ASSERT_EQ(mixed.layers.size(), 15u);
    for (const auto& [id, layer] : mixed.layers) {
        const QuantizedModel& alike = id.kind == LinearKind::down_proj ? wide : narrow;
        expect_same(layer, alike.layers.at(id), id);
    }
    // More bits and more room are no accident of the test.
    const LinearId down{0, LinearKind::down_proj};
    EXPECT_NE(mixed.layers.at(down).linear.codes, narrow.layers.at(down).linear.codes);
    EXPECT_GT(signed_bits_for(mixed.layers.at(down).certificate.inner), 14);
    EXPECT_TRUE(all_certified(mixed));
}

TEST(MixedModel, HardwareIsBuiltForTheWidestOfItsLayers) {
    const Tiny tiny({});
    const std::string none = "quantizer: {algorithm: naive_round, accumulator_aware: none}\n";
    const QuantizedModel model =
        quantized(tiny, none +
                            "overrides:\n"
                            "  - {layers: \"*\", number_format.weight_bits: 4}\n"
                            "  - {layers: \"*.down_proj\", number_format.weight_bits: 5}\n"
                            "  - {layers: \"*.0.*.o_proj\", number_format.activation_bits: 9, "
                            "accumulator.inner_bits: 20}\n");
    Config config;
    config.hardware.weight_bits = 6;  // that no layer has
    config.attention.bits = kFloatBits;
    const models::HardwareConfig hardware = built_hardware(config, model);
    EXPECT_EQ(hardware.weight_bits, 5);
    EXPECT_EQ(hardware.activations.bits, 9);
    EXPECT_EQ(hardware.accumulator.inner_bits, 20);
    EXPECT_EQ(hardware.accumulator.tile_size, 8);
    EXPECT_EQ(hardware.array.rows, config.hardware.array.rows);

    // Attention counts as a layer: its keys and values are as wide as the design's weights.
    config.attention.bits = 10;
    const models::HardwareConfig with_attention = built_hardware(config, model);
    EXPECT_EQ(with_attention.weight_bits, 6);
    EXPECT_EQ(with_attention.activations.bits, 10);
    EXPECT_EQ(with_attention.accumulator.inner_bits, config.hardware.accumulator.inner_bits);
}

/// The first group's input is the same whatever the algorithms are, so a layer of it must not
/// notice that others need the float network's activations, too.
TEST(MixedModel, AlgorithmsWithOneAndTwoStreamsDoNotDisturbEachOther) {
    const Tiny tiny({});
    const auto with = [&](const std::string& algorithm, const std::string& overrides = "") {
        return quantized(tiny, "quantizer: {algorithm: " + algorithm +
                                   ", step_search: false, refine_sweeps: 2}\n" + overrides);
    };
    const QuantizedModel mixed =
        with("optq",
             "overrides:\n"
             "  - {layers: \"*.q_proj\", quantizer.algorithm: gpfq}\n"
             "  - {layers: \"*.v_proj\", quantizer.algorithm: qronos}\n"
             "  - layers: \"*.up_proj\"\n"
             "    quantizer: {algorithm: naive_round, refine_sweeps: 0}\n");
    const std::pair<LinearKind, const char*> expected[] = {
        {LinearKind::q_proj, "gpfq"}, {LinearKind::k_proj, "optq"}, {LinearKind::v_proj, "qronos"}};
    for (const auto& [kind, algorithm] : expected) {
        const LinearId id{0, kind};
        expect_same(mixed.layers.at(id), with(algorithm).layers.at(id), id);
    }
    const QuantizedModel rounded = quantized(tiny, "quantizer: {algorithm: naive_round}\n");
    for (const int block : {0, 1}) {
        const LinearId up{block, LinearKind::up_proj};
        expect_same(mixed.layers.at(up), rounded.layers.at(up), up);
    }
    EXPECT_TRUE(all_certified(mixed));
}

}  // namespace
}  // namespace axesim::sim
