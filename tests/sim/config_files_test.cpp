// SPDX-License-Identifier: Apache-2.0
// The design points that come with axesim, and the table in their README.
#include <set>

#include "common/files.h"
#include "config_test_support.h"
#include "sim/config/schema.h"

namespace axesim::sim {
namespace {

using testing_support::ConfigFile;

const std::filesystem::path kConfigs = std::filesystem::path(AXESIM_SOURCE_DIR) / "configs";

std::vector<std::filesystem::path> design_points() {
    std::set<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(kConfigs)) {
        if (entry.path().extension() == ".yaml") paths.insert(entry.path());
    }
    return {paths.begin(), paths.end()};
}

TEST(DesignPoints, AllLoadAndRoundTrip) {
    ASSERT_GE(design_points().size(), 12u);
    for (const auto& path : design_points()) {
        const Config config = load_config(path, {});
        EXPECT_EQ(config.name, path.stem().string());
        const ConfigFile resolved(resolved_yaml(config));
        EXPECT_EQ(load_config(resolved.path(), {}).resolved, config.resolved) << path;
    }
}

TEST(DesignPoints, SayWhatTheyAnswerInTwoLines) {
    for (const auto& path : design_points()) {
        const std::string text = read_text_file(path);
        EXPECT_TRUE(text.starts_with("# ")) << path;
        EXPECT_EQ(text.find("\n# "), text.find('\n')) << path;
    }
}

TEST(DesignPoints, TwinsDifferOnlyInWhatTheyCompare) {
    const auto differing = [](const char* a, const char* b) {
        const auto flat_a = load_config(kConfigs / a, {}).resolved.flatten();
        const auto flat_b = load_config(kConfigs / b, {}).resolved.flatten();
        std::set<std::string> keys;
        for (const auto& [key, value] : flat_a.items()) {
            if (flat_b.at(key) != value) keys.insert(key);
        }
        return keys;
    };
    using Keys = std::set<std::string>;
    EXPECT_EQ(differing("int6_acc16.yaml", "int6_acc16_padded.yaml"),
              (Keys{"/name", "/hardware/memory_interface/layout"}));
    EXPECT_EQ(differing("int5_acc16.yaml", "int5_acc16_padded.yaml"),
              (Keys{"/name", "/hardware/memory_interface/layout"}));
    EXPECT_EQ(differing("w4a8_acc16.yaml", "w4a8_acc20.yaml"),
              (Keys{"/name", "/accumulator/inner_bits"}));
    EXPECT_EQ(differing("w4a8_acc16.yaml", "int4_acc16.yaml"),
              (Keys{"/name", "/number_format/activation_bits"}));
    const Keys quantizer{"/name",
                         "/quantizer/algorithm",
                         "/quantizer/accumulator_aware",
                         "/quantizer/equalization",
                         "/quantizer/refine_sweeps",
                         "/quantizer/step_search"};
    EXPECT_EQ(differing("int6_acc16.yaml", "int6_acc16_naive.yaml"), quantizer);
    EXPECT_EQ(differing("int6_acc12.yaml", "int6_acc12_naive.yaml"), quantizer);
}

/// W4A8 on 20 bits per 128 is the reference without a constraint: T * 2^(M-1) * (2^N - 1) fits.
TEST(DesignPoints, ReferencesCannotOverflow) {
    for (const char* name : {"w4a8_acc20.yaml", "int4_acc16.yaml", "int8_acc32.yaml"}) {
        const models::HardwareConfig hardware = load_config(kConfigs / name, {}).hardware;
        constexpr std::int64_t kDeepestLayer = 1536;
        const std::int64_t tile = hardware.accumulator.tile_length(kDeepestLayer);
        const std::int64_t most = tile * (std::int64_t{1} << (hardware.weight_bits - 1)) *
                                  ((std::int64_t{1} << hardware.activations.bits) - 1);
        EXPECT_LE(most, (std::int64_t{1} << (hardware.accumulator.inner_bits - 1)) - 1) << name;
    }
}

TEST(DesignPoints, TheAnnotatedOneShowsTheWholeConfig) {
    const std::string text = read_text_file(kConfigs / "int6_acc16.yaml");
    for (const Key& key : schema()) {
        if (key.path == "seed" || leaf_of(key.path) == "word_bits" ||
            leaf_of(key.path) == "soft_threshold" ||
            leaf_of(key.path) == "pad_short_tile_with_zeros") {
            continue;  // matters in special cases only
        }
        EXPECT_NE(text.find(leaf_of(key.path) + ": "), std::string::npos) << key.path;
    }
}

TEST(ConfigsReadme, TableOfKeysIsCurrent) {
    const std::string readme = read_text_file(kConfigs / "README.md");
    const std::string table = explain("--all-markdown");
    EXPECT_NE(readme.find(table), std::string::npos)
        << "put this between the markers: axesim explain --all-markdown\n"
        << table;
}

TEST(ConfigsReadme, NamesEveryDesignPoint) {
    const std::string readme = read_text_file(kConfigs / "README.md");
    for (const auto& path : design_points()) {
        EXPECT_NE(readme.find("`" + path.stem().string() + "`"), std::string::npos) << path;
    }
}

}  // namespace
}  // namespace axesim::sim
