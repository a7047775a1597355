// SPDX-License-Identifier: Apache-2.0
// `overrides` of a config: what they say, which layers they reach, how they can be wrong.
#include "common/error.h"
#include "config_test_support.h"
#include "sim/config/schema.h"

namespace axesim::sim {
namespace {

using testing_support::config_of;
using testing_support::ConfigFile;
using testing_support::error_of;
using testing_support::kLeast;

const std::string kTwoOverrides = kLeast +
                                  "overrides:\n"
                                  "  - layers: \"*.mlp.down_proj\"\n"
                                  "    number_format.weight_bits: 8\n"
                                  "    number_format: {activation_bits: 7}\n"
                                  "    accumulator.inner_bits: 18\n"
                                  "  - layers: \"*.layers.0.*\"\n"
                                  "    number_format.weight_bits: 5\n"
                                  "    quantizer: {algorithm: gpfq, weight_range: narrow}\n";

TEST(Overrides, ReachTheLayersThatMatchAndTheLastOneCounts) {
    const Config config = config_of(kTwoOverrides);
    const LayerConfig plain = layer_config(config, "model.layers.3.mlp.up_proj");
    EXPECT_EQ(plain.format, static_cast<const models::LayerFormat&>(config.hardware));
    EXPECT_EQ(plain.format.weight_bits, 6);
    EXPECT_EQ(plain.quantizer.algorithm, quant::Algorithm::optq);

    const LayerConfig down = layer_config(config, "model.layers.3.mlp.down_proj");
    EXPECT_EQ(down.format.weight_bits, 8);
    EXPECT_EQ(down.format.activations.bits, 7);
    EXPECT_EQ(down.format.accumulator.inner_bits, 18);
    EXPECT_EQ(down.format.accumulator.tile_size, 64);
    EXPECT_EQ(down.format.weight_codes(), (IntegerRange{-128, 127}));
    EXPECT_EQ(down.quantizer.algorithm, quant::Algorithm::optq);

    // Both entries, key by key.
    const LayerConfig both = layer_config(config, "model.layers.0.mlp.down_proj");
    EXPECT_EQ(both.format.weight_bits, 5);
    EXPECT_EQ(both.format.activations.bits, 7);
    EXPECT_EQ(both.format.accumulator.inner_bits, 18);
    EXPECT_EQ(both.format.weight_codes(), (IntegerRange{-15, 15}));
    EXPECT_EQ(both.quantizer.algorithm, quant::Algorithm::gpfq);
}

TEST(Overrides, AreInTheResolvedConfigAndOnlyThere) {
    const Config config = config_of(kTwoOverrides);
    const Config again = load_config(ConfigFile(resolved_yaml(config)).path(), {});
    EXPECT_EQ(again.resolved, config.resolved);
    EXPECT_EQ(resolved_yaml(again), resolved_yaml(config));
    ASSERT_EQ(config.resolved.at("overrides").size(), 2u);
    EXPECT_EQ(config.resolved.at("overrides").at(0).dump(),
              R"({"layers":"*.mlp.down_proj","number_format":{"weight_bits":8,)"
              R"("activation_bits":7},"accumulator":{"inner_bits":18}})");
    EXPECT_FALSE(config_of(kLeast).resolved.contains("overrides"));
    EXPECT_FALSE(config_of(kLeast + "overrides:\n").resolved.contains("overrides"));
}

TEST(Overrides, EveryKeyThatMayDifferCanBeWrittenBothWays) {
    for (const Key& key : schema()) {
        const std::string value =
            key.example.empty() ? scalar_text(key.default_value) : key.example;
        const std::string entry = kLeast + "overrides:\n  - layers: \"*\"\n    ";
        const std::string dotted = entry + key.path + ": " + value + "\n";
        const std::string nested =
            entry + parent_of(key.path) + ": {" + leaf_of(key.path) + ": " + value + "}\n";
        EXPECT_EQ(error_of(dotted).empty(), key.per_layer) << error_of(dotted);
        if (!key.per_layer) continue;
        EXPECT_EQ(config_of(dotted).resolved, config_of(nested).resolved);
    }
}

TEST(Patterns, StarIsAnyRunAndQuestionMarkAnyOneCharacter) {
    const std::string name = "model.layers.12.mlp.down_proj";
    for (const char* pattern :
         {"*", "model.layers.12.mlp.down_proj", "model.layers.*.mlp.down_proj", "*.layers.1*",
          "*down*", "model.layers.??.mlp.*", "**mlp**", "model*.mlp*proj", "*proj"}) {
        EXPECT_TRUE(matches_pattern(name, pattern)) << pattern;
    }
    for (const char* pattern : {"", "model", "*.layers.1.*", "*.layers.?.*", "mlp", "*mlp",
                                "*.up_proj", "model.layers.12.mlp.down_proj?", "?"}) {
        EXPECT_FALSE(matches_pattern(name, pattern)) << pattern;
    }
    EXPECT_TRUE(matches_pattern("aXaXab", "*aXab"));  // the first X is not the last
    EXPECT_TRUE(matches_pattern("", "*"));
    EXPECT_FALSE(matches_pattern("", "?"));
}

std::string error_in_entry(const std::string& line) {
    return error_of(kLeast + "overrides:\n  - layers: \"*\"\n    " + line + "\n");
}

TEST(OverrideErrors, NamePlaceKeyAndWhatMayBeOverridden) {
    const auto expect = [](const std::string& message, const std::string& begin,
                           const std::string& part = "") {
        EXPECT_TRUE(message.starts_with(begin)) << message;
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    };
    const std::string keys =
        "(may be overridden: number_format.weight_bits, number_format.activation_bits, "
        "accumulator.inner_bits, quantizer.algorithm, ";
    expect(error_in_entry("hardware.clock_mhz: 3"),
           "FILE:5:5: overrides: hardware.clock_mhz: is the same for all layers", keys);
    expect(error_in_entry("accumulator: {tile_size: 3}"),
           "FILE:5:19: overrides: accumulator.tile_size: is the same for all layers", keys);
    expect(error_in_entry("number_format.weight_bit: 3"),
           "FILE:5:5: overrides: number_format.weight_bit: unknown key " + keys,
           "; did you mean number_format.weight_bits?");
    expect(error_in_entry("number_format.weight_bits: 17"),
           "FILE:5:32: number_format.weight_bits: 17 is out of range (allowed: 2..16)");
    expect(error_in_entry("number_format.weight_bits: 7\n    number_format: {weight_bits: 8}"),
           "FILE:6:34: overrides: number_format.weight_bits: is given twice (first in line 5)");
    expect(error_in_entry("quantizer.accumulator_aware: bit_width"),
           "FILE:5:34: overrides: cannot be combined", "none | axe | ep_init");
    expect(error_in_entry("overrides: []"), "FILE:5:5: overrides: overrides: is the same");
    expect(error_of(kLeast + "overrides:\n  - layers: \"*\"\n"),
           "FILE:4:5: overrides: an entry that changes no key", keys);
    expect(error_of(kLeast + "overrides:\n  - number_format.weight_bits: 7\n"),
           "FILE:4:5: overrides: an entry without `layers`", "down_proj");
    expect(error_of(kLeast + "overrides: {layers: a}\n"),
           "FILE:3:12: overrides: must be a list of entries");
    expect(error_of(kLeast + "overrides: [a]\n"), "FILE:3:13: overrides: an entry must be a map");
    expect(error_of(kLeast + "quantizer: {accumulator_aware: bit_width}\n"
                             "overrides:\n  - {layers: a, quantizer.damping: 0.1}\n"),
           "FILE:5:14: overrides: cannot be combined");
    for (const char* set : {"overrides=[]", "overrides.layers=a"}) {
        expect(error_of(kLeast, {set}), std::string("--set ") + set + ": overrides: stand in");
    }
}

TEST(Overrides, AreExplained) {
    const std::string text = explain("overrides");
    for (const char* word : {"pattern", "widest layer", "accumulator.inner_bits"}) {
        EXPECT_NE(text.find(word), std::string::npos) << text;
    }
    EXPECT_NE(explain("P_I").find("may differ, see overrides"), std::string::npos);
    EXPECT_EQ(explain("accumulator.tile_size").find("see overrides"), std::string::npos);
}

}  // namespace
}  // namespace axesim::sim
