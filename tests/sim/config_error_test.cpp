// SPDX-License-Identifier: Apache-2.0
// Every way in which a config can be wrong: the place, the key, what is allowed, what was meant.
#include "common/error.h"
#include "config_test_support.h"

namespace axesim::sim {
namespace {

using testing_support::ConfigFile;
using testing_support::error_of;
using testing_support::kLeast;

/// One wrong config. `begins` is the exact beginning of the message; `parts` must all be in it.
struct Wrong {
    const char* name;
    std::string text;
    std::string begins;
    std::vector<std::string> parts;
    std::vector<std::string> overrides = {};
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class ConfigError : public testing::TestWithParam<Wrong> {};

TEST_P(ConfigError, NamesPlaceKeyAndRemedy) {
    const Wrong& wrong = GetParam();
    const std::string message = error_of(wrong.text, wrong.overrides);
    EXPECT_TRUE(message.starts_with(wrong.begins)) << message;
    for (const std::string& part : wrong.parts) {
        EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks " << part;
    }
    EXPECT_EQ(message.find('\n'), std::string::npos) << "one line: " << message;
}

std::string named(const testing::TestParamInfo<Wrong>& info) { return info.param.name; }

const std::string kFormat = "number_format: {weight_bits: 6, activation_bits: 6}\n";

INSTANTIATE_TEST_SUITE_P(
    Yaml, ConfigError,
    testing::Values(
        Wrong{"Syntax",
              "number_format: {weight_bits: 6\naccumulator: 3\n",
              "FILE:2:",
              {"not valid YAML"}},
        Wrong{"Indentation", "name: a\n seed: 3\n", "FILE:2:6: ", {"not valid YAML"}},
        Wrong{"Empty", "", "FILE:1:1: the config is empty", {"number_format", "accumulator"}},
        Wrong{"OnlyComments", "# nothing\n", "FILE:1:1: the config is empty", {}},
        Wrong{"TopIsList", "\n- a\n", "FILE:2:1: a config is a map", {"accumulator"}},
        Wrong{"TopIsScalar", "64", "FILE:1:1: a config is a map", {}},
        Wrong{"TwoDocuments", kLeast + "---\nname: b\n", "FILE:4:1: a second YAML document", {}},
        Wrong{"KeyIsMap", "? {a: 1}\n: 2\n", "FILE:1:3: a key must be a plain word", {}},
        Wrong{"Tag", "seed: !!int 3\n" + kLeast, "FILE:1:7: seed: YAML tags", {}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Keys, ConfigError,
    testing::Values(Wrong{"UnknownNearSibling",
                          kLeast + "quantizer:\n  algoritm: optq\n",
                          "FILE:4:3: quantizer.algoritm: unknown key",
                          {"allowed in quantizer: algorithm, ",
                           "; did you mean quantizer.algorithm?"}},
                    Wrong{"UnknownSection",
                          "quantiser: {algorithm: optq}\n" + kLeast,
                          "FILE:1:1: quantiser: unknown key",
                          {"allowed: name, seed", "; did you mean quantizer?"}},
                    Wrong{"Misplaced",
                          kLeast + "hardware: {lanes: 4}\n",
                          "FILE:3:12: hardware.lanes: ",
                          {"; did you mean hardware.array.lanes?"}},
                    Wrong{"MisplacedAtTop",
                          "weight_bits: 6\n" + kLeast,
                          "FILE:1:1: weight_bits: unknown key",
                          {"; did you mean number_format.weight_bits?"}},
                    Wrong{"MisplacedAmongSeveral",
                          kLeast + "workload: {text: a.txt}\n",
                          "FILE:3:12: workload.text: ",
                          {"; did you mean workload.evaluation.text?"}},
                    Wrong{"NameInAnotherTool",
                          kLeast + "quantizer: {max_accumulator_bit_width: 16}\n",
                          "FILE:3:13: quantizer.max_accumulator_bit_width: ",
                          {"; did you mean accumulator.inner_bits?"}},
                    Wrong{"NothingNear",
                          kLeast + "zzzzzzzzzzzz: 1\n",
                          "FILE:3:1: zzzzzzzzzzzz: unknown key",
                          {"workload, overrides)"}},
                    Wrong{"MergeKey",
                          kLeast + "hardware: {<<: {clock_mhz: 3}}\n",
                          "FILE:3:12: hardware.<<: ",
                          {"unknown key"}},
                    Wrong{"DottedInFile",
                          kFormat + "accumulator.inner_bits: 16\n",
                          "FILE:2:1: accumulator.inner_bits: a file nests its keys",
                          {"write accumulator: {inner_bits: ...}"}},
                    Wrong{"DuplicateKey",
                          kFormat + "accumulator:\n  inner_bits: 16\n  inner_bits: 18\n",
                          "FILE:4:3: accumulator.inner_bits: is given twice (first in line 3)",
                          {}},
                    Wrong{"DuplicateSection",
                          kLeast + "accumulator: {overflow: wrap}\n",
                          "FILE:3:1: accumulator: is given twice (first in line 2)",
                          {}},
                    Wrong{"SectionIsScalar",
                          kFormat + "accumulator: 16\n",
                          "FILE:2:14: accumulator: must be a map of keys",
                          {"inner_bits, tile_size, outer_bits, overflow"}},
                    Wrong{"SectionIsList",
                          kFormat + "accumulator: [16, 64]\n",
                          "FILE:2:14: accumulator: must be a map of keys",
                          {}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Required, ConfigError,
    testing::Values(
        Wrong{"KeyInSection",
              "# a comment\n" + kFormat + "accumulator:\n  tile_size: 64\n",
              "FILE:3:1: accumulator.inner_bits: is missing (allowed: 2..48)",
              {}},
        Wrong{"TileSize",
              kFormat + "accumulator: {inner_bits: 16}\n",
              "FILE:2:1: accumulator.tile_size: is missing (allowed: monolithic or at least 1)",
              {}},
        Wrong{"WholeSection",
              "\nname: x\naccumulator: {inner_bits: 16, tile_size: 64}\n",
              "FILE:2:1: number_format.weight_bits: is missing (allowed: 2..16)",
              {}},
        Wrong{"EmptySection",
              kFormat + "accumulator:\n",
              "FILE:2:1: accumulator.inner_bits: is missing",
              {}},
        Wrong{"ActivationBits",
              "number_format: {weight_bits: 6}\naccumulator: {inner_bits: 16, tile_size: 64}\n",
              "FILE:1:1: number_format.activation_bits: is missing (allowed: 2..16)",
              {}}),
    named);

Wrong value(const char* name, const std::string& line, const std::string& begins,
            std::vector<std::string> parts = {}) {
    return {name, kLeast + line + "\n", begins, std::move(parts)};
}

INSTANTIATE_TEST_SUITE_P(
    Values, ConfigError,
    testing::Values(
        value("MapForScalar", "seed: {a: 1}", "FILE:3:7: seed: must be an integer, not a map",
              {"allowed: at least 0"}),
        value("ListForScalar", "name: [a]", "FILE:3:7: name: must be text, not a list"),
        value("NoValue", "name:", "FILE:3:1: name: has no value"),
        value("Null", "name: ~", "FILE:3:", {"name: has no value"}),
        value("EmptyText", "name: ''", "FILE:3:7: name: is empty"),
        value("ControlCharacter", "name: \"a\\nb\"", "FILE:3:7: name: ", {"cannot be printed"}),
        value("FractionForInteger", "seed: 6.5", "FILE:3:7: seed: '6.5' is not an integer"),
        value("WholeFractionForInteger", "seed: 6.0", "FILE:3:7: seed: '6.0' is not an integer"),
        value("ExponentForInteger", "seed: 1e3", "FILE:3:7: seed: '1e3' is not an integer"),
        value("WordForInteger", "seed: six", "FILE:3:7: seed: 'six' is not an integer"),
        value("QuotedInteger", "seed: \"6\"", "FILE:3:7: seed: '6' in quotes is not an integer"),
        value("IntegerOverflow", "seed: 99999999999999999999",
              "FILE:3:7: seed: ", {"99999999999999999999 is too large", "at least 0"}),
        value("NegativeOverflow", "seed: -99999999999999999999",
              "FILE:3:7: seed: ", {"-99999999999999999999 is out of range"}),
        value("TextForNumber", "hardware: {clock_mhz: fast}",
              "FILE:3:23: hardware.clock_mhz: 'fast' is not a number (allowed: 1..10000)"),
        value("InfiniteNumber", "hardware: {clock_mhz: .inf}",
              "FILE:3:23: hardware.clock_mhz: '.inf' is not a number"),
        value("NumberOverflow", "hardware: {clock_mhz: 1e999}",
              "FILE:3:23: hardware.clock_mhz: 1e999 is out of range (allowed: 1..10000)"),
        value("NumberOutOfRange", "quantizer: {damping: -0.5}",
              "FILE:3:22: quantizer.damping: -0.5 is out of range (allowed: 0..1)"),
        value("YesForTrue", "quantizer: {step_search: yes}",
              "FILE:3:26: quantizer.step_search: 'yes' is not true or false",
              {"(allowed: true | false)", "; did you mean true?"}),
        value("OffForFalse", "quantizer: {step_search: Off}",
              "FILE:3:26: quantizer.step_search: 'Off' is not true or false",
              {"; did you mean false?"}),
        value("QuotedBoolean", "quantizer: {step_search: 'true'}",
              "FILE:3:26: quantizer.step_search: 'true' in quotes is not true or false"),
        value("MisspeltWord", "quantizer: {algorithm: optk}",
              "FILE:3:24: quantizer.algorithm: unknown word 'optk' (allowed: naive_floor | "
              "naive_round | gpfq | optq | qronos); did you mean optq?"),
        value("MisspeltWordForInteger", "accumulatr: 3", "FILE:3:1: accumulatr: unknown key",
              {"did you mean accumulator?"}),
        value("NumberNotInList", "hardware: {memory_interface: {word_bits: 96}}",
              "FILE:3:42: hardware.memory_interface.word_bits: 96 is not possible (allowed: 64 | "
              "128 | 256 | 512)"),
        value("ZeroRows", "hardware: {array: {rows: 0}}",
              "FILE:3:26: hardware.array.rows: 0 is out of range (allowed: 1..1024)"),
        value("AddressMapping", "hardware: {dram_address_mapping: chrobabgraco}",
              "FILE:3:34: hardware.dram_address_mapping: chrobabgraco must begin with the rows",
              {"allowed: ro, ra, ch, ba, bg, co once each", "rochrababgco"}),
        value("UnknownDram", "hardware: {dram: lpddr5_640}",
              "FILE:3:18: hardware.dram: ", {"lpddr5_640", "did you mean lpddr5_6400?"}),
        value("UnknownTechnology", "hardware: {technology: asap}",
              "FILE:3:24: hardware.technology: ", {"did you mean asap7?"}),
        value("UnknownProfile", "hardware: {cost_profile: 7nm_calibratd}",
              "FILE:3:26: hardware.cost_profile: ", {"7nm_calibratd"}),
        value("FloatGroups", "quantizer: {weight_groups: float}",
              "FILE:3:28: quantizer.weight_groups: unknown word 'float' (allowed: none | "
              "power_of_two | integer)"),
        value("TooFewStages", "hardware: {clock_mhz: 1500, array: {pipeline_depth: 1}}",
              "FILE:3:53: hardware.array.pipeline_depth: a unit takes ",
              {"needs 2 stages of 667 ps"}),
        value("ActivityOfATechnologyThatDoesNotKnow",
              "energy: {activity: measured}\nhardware: {technology: nangate45}",
              "FILE:3:20: energy.activity: measured: the technology nangate45 does not say"),
        value("ActivityWithoutValues",
              "energy: {activity: measured}\nworkload: {timing_only: true}",
              "FILE:3:20: energy.activity: measured needs values"),
        value("OneEvaluatedToken", "workload: {evaluation: {tokens: 1}}",
              "FILE:3:33: workload.evaluation.tokens: 1 token predicts nothing")),
    named);

Wrong arithmetic(const char* name, const std::string& format, const std::string& accumulator,
                 const std::string& begins, const std::string& rest = "") {
    return {name,
            "number_format: {" + format + "}\naccumulator: {" + accumulator + "}\n" + rest,
            begins,
            {}};
}

INSTANTIATE_TEST_SUITE_P(
    Arithmetic, ConfigError,
    testing::Values(
        arithmetic("WidthOne", "weight_bits: 1, activation_bits: 6", "inner_bits: 16, tile_size: 4",
                   "FILE:1:30: number_format.weight_bits: 1 is out of range (allowed: 2..16)"),
        arithmetic("WidthSeventeen", "weight_bits: 6, activation_bits: 17",
                   "inner_bits: 40, tile_size: 4",
                   "FILE:1:50: number_format.activation_bits: 17 is out of range (allowed: 2..16)"),
        arithmetic("InnerOne", "weight_bits: 2, activation_bits: 2", "inner_bits: 1, tile_size: 4",
                   "FILE:2:27: accumulator.inner_bits: 1 is out of range (allowed: 2..48)"),
        arithmetic("InnerFortyNine", "weight_bits: 2, activation_bits: 2",
                   "inner_bits: 49, tile_size: 4",
                   "FILE:2:27: accumulator.inner_bits: 49 is out of range (allowed: 2..48)"),
        arithmetic("TileZero", "weight_bits: 6, activation_bits: 6", "inner_bits: 16, tile_size: 0",
                   "FILE:2:42: accumulator.tile_size: 0 is out of range (allowed: monolithic or at "
                   "least 1)"),
        arithmetic("TileNegative", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 16, tile_size: -4",
                   "FILE:2:42: accumulator.tile_size: -4 is out of range"),
        arithmetic("TileMisspelt", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 16, tile_size: monolitic",
                   "FILE:2:42: accumulator.tile_size: 'monolitic' is not an integer (allowed: "
                   "monolithic or at least 1); did you mean monolithic?"),
        arithmetic("OuterOne", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 16, tile_size: 4, outer_bits: 1",
                   "FILE:2:57: accumulator.outer_bits: 1 is out of range (allowed: auto or 2..63)"),
        // -32 * 63 = -2016 needs 12 bits.
        arithmetic("ProductDoesNotFit", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 11, tile_size: 4",
                   "FILE:2:27: accumulator.inner_bits: 11 bits do not hold one product of 6-bit "
                   "weights and 6-bit activations, which is -2016..1953 (allowed: 12..48)"),
        // -2 * -2 = 4 needs 4 bits, although every other product fits 3.
        arithmetic("SymmetricExtreme", "weight_bits: 2, activation_bits: 2",
                   "inner_bits: 3, tile_size: 4",
                   "FILE:2:27: accumulator.inner_bits: 3 bits do not hold one product of 2-bit "
                   "weights and 2-bit activations, which is -2..4 (allowed: 4..48)",
                   "quantizer: {activations: {range: symmetric}}\n"),
        arithmetic("LanesDoNotDivide", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 16, tile_size: 64",
                   "FILE:3:27: hardware.array.lanes: 3 lanes do not divide accumulator.tile_size "
                   "64",
                   "hardware: {array: {lanes: 3}}\n"),
        arithmetic("AttentionProductDoesNotFit", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 13, tile_size: 4",
                   "FILE:3:19: attention.bits: accumulator.inner_bits: 13 bits do not hold one "
                   "product of 6-bit weights and 8-bit activations, which is -7905..7905",
                   "attention: {bits: 8}\n"),
        arithmetic("AttentionTilesWithoutOuterAccumulator", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 24, tile_size: monolithic",
                   "FILE:3:24: attention.tile_size: a monolithic accumulator",
                   "attention: {tile_size: 16}\n"),
        arithmetic("GroupsWithoutTiles", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 24, tile_size: monolithic",
                   "FILE:3:28: quantizer.weight_groups: a group is a tile, and "
                   "accumulator.tile_size is monolithic (allowed: none; or set "
                   "accumulator.tile_size to the size of a group)",
                   "quantizer: {weight_groups: power_of_two}\n"),
        arithmetic("ScaledInnerTooWide", "weight_bits: 6, activation_bits: 6",
                   "inner_bits: 42, tile_size: 4",
                   "FILE:2:27: accumulator.inner_bits: 42 bits times a scale of up to "
                   "128 for quantizer.weight_groups exceed 48 (allowed with these groups: at most "
                   "41)",
                   "quantizer: {weight_groups: power_of_two}\n")),
    named);

INSTANTIATE_TEST_SUITE_P(
    Overrides, ConfigError,
    testing::Values(
        Wrong{"UnknownKey",
              kLeast,
              "--set quantizer.algoritm=optq: quantizer.algoritm: unknown",
              {"; did you mean quantizer.algorithm?"},
              {"quantizer.algoritm=optq"}},
        Wrong{"Leaf",
              kLeast,
              "--set inner_bits=12: inner_bits: unknown key",
              {"; did you mean accumulator.inner_bits?"},
              {"inner_bits=12"}},
        Wrong{"BelowAKey",
              kLeast,
              "--set name.first=a: name.first: unknown key",
              {},
              {"name.first=a"}},
        Wrong{"OutOfRange",
              kLeast,
              "--set number_format.weight_bits=17: number_format.weight_bits: 17 is out of range "
              "(allowed: 2..16)",
              {},
              {"number_format.weight_bits=17"}},
        Wrong{"NoEquals",
              kLeast,
              "--set accumulator.inner_bits: must be key.path=value",
              {},
              {"accumulator.inner_bits"}},
        Wrong{"NoKey", kLeast, "--set =3: must be key.path=value", {}, {"=3"}},
        Wrong{"NoValue", kLeast, "--set seed=: seed: has no value", {}, {"seed="}},
        Wrong{"Syntax",
              kLeast,
              "--set hardware.array={rows: hardware.array: not valid YAML",
              {},
              {"hardware.array={rows"}},
        Wrong{"ScalarForSection",
              kLeast,
              "--set accumulator=3: accumulator: must be a map",
              {},
              {"accumulator=3"}},
        Wrong{"UnknownInFlowMap",
              kLeast,
              "--set hardware.array={row: 8}: hardware.array.row: unknown key",
              {"; did you mean hardware.array.rows?"},
              {"hardware.array={row: 8}"}},
        Wrong{"TwiceInFlowMap",
              kLeast,
              "--set hardware.array={rows: 8, rows: 9}: hardware.array.rows: is given twice",
              {},
              {"hardware.array={rows: 8, rows: 9}"}},
        Wrong{"TogetherWithFile",
              kLeast,
              "--set accumulator.inner_bits=8: accumulator.inner_bits: 8 bits do not hold",
              {"(allowed: 12..48)"},
              {"accumulator.inner_bits=8"}},
        Wrong{"FileStillChecked", kLeast + "seed: x\n", "FILE:3:7: seed: ", {}, {"seed=3"}},
        Wrong{"WrongWithRightAfterIt", kLeast, "--set seed=x: seed: ", {}, {"seed=x", "seed=3"}}),
    named);

TEST(ConfigFileError, MissingFileSuggestsADesignPoint) {
    try {
        load_config("configs/int6_ac16.yaml", {});
        FAIL() << "must throw";
    } catch (const UserError& error) {
        const std::string message = error.what();
        EXPECT_TRUE(message.starts_with("configs/int6_ac16.yaml: no such config file")) << message;
        EXPECT_NE(message.find("int6_acc16.yaml?"), std::string::npos) << message;
    }
}

TEST(ConfigFileError, FolderIsNoFile) {
    try {
        load_config(std::string(AXESIM_SOURCE_DIR) + "/configs", {});
        FAIL() << "must throw";
    } catch (const UserError& error) {
        EXPECT_NE(std::string(error.what()).find("is a folder"), std::string::npos) << error.what();
    }
}

TEST(ConfigFileError, BinaryFileIsAUserError) {
    const std::string binary("\x80\x03PNG\0\0\xff\xfe{{[", 13);
    EXPECT_TRUE(error_of(binary).starts_with("FILE")) << error_of(binary);
}

}  // namespace
}  // namespace axesim::sim
