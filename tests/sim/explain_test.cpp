// SPDX-License-Identifier: Apache-2.0
// The schema itself, and what `axesim explain` makes of it.
#include <set>

#include "common/error.h"
#include "config_test_support.h"
#include "sim/config/explain_costs.h"
#include "sim/config/schema.h"

namespace axesim::sim {
namespace {

using testing_support::config_of;
using testing_support::kLeast;

TEST(Explain, CoversEveryKey) {
    for (const Key& key : schema()) {
        const std::string text = explain(key.path);
        EXPECT_TRUE(text.starts_with(key.path + "\n")) << text;
        EXPECT_NE(text.find("    default   "), std::string::npos) << text;
        EXPECT_NE(text.find("    allowed   " + key.allowed()), std::string::npos) << text;
        EXPECT_NE(text.find(key.unit), std::string::npos) << text;
        EXPECT_TRUE(key.meaning.ends_with(".") && key.meaning.size() >= 15) << key.path;
        EXPECT_FALSE(key.allowed().empty()) << key.path;
    }
}

/// What explain shows as an example is a config that loads.
TEST(Explain, ExamplesLoad) {
    for (const Key& key : schema()) {
        const std::string text = explain(key.path);
        const std::string marker = "    example   ";
        const std::size_t at = text.find(marker);
        ASSERT_NE(at, std::string::npos) << text;
        std::string example = text.substr(at + marker.size());
        example.pop_back();
        std::string override = example;
        override.replace(override.find(": "), 2, "=");
        EXPECT_NO_THROW(config_of(kLeast, {override})) << example;
    }
}

TEST(Explain, DefaultsAreAllowed) {
    for (const Key& key : schema()) {
        if (key.default_value.is_null()) continue;
        EXPECT_NO_THROW(config_of(kLeast, {key.path + "=" + scalar_text(key.default_value)}))
            << key.path;
    }
}

TEST(Explain, SectionsListTheirKeys) {
    for (const Section& section : sections()) {
        const std::string text = explain(section.path);
        EXPECT_NE(text.find(section.path), std::string::npos);
        for (const Key& key : schema()) {
            if (!key.path.starts_with(section.path + ".")) continue;
            EXPECT_NE(text.find("  " + leaf_of(key.path) + " "), std::string::npos) << text;
            EXPECT_NE(text.find(key.default_text()), std::string::npos) << text;
        }
    }
    const std::string all = explain("");
    for (const Key& key : schema()) EXPECT_NE(all.find(leaf_of(key.path)), std::string::npos);
}

TEST(Explain, KeysStandBelowTheHeadingOfTheirSection) {
    const std::string text = explain("hardware");
    const std::size_t first_subsection = text.find("\nhardware.array: ");
    ASSERT_NE(first_subsection, std::string::npos) << text;
    EXPECT_LT(text.find("\n  dram "), first_subsection) << text;
    EXPECT_LT(text.find("\n  cost_profile "), first_subsection) << text;
    EXPECT_GT(text.find("\n  rows "), first_subsection) << text;
}

TEST(Explain, AcceptsLastNamesAndSymbols) {
    EXPECT_EQ(explain("inner_bits"), explain("accumulator.inner_bits"));
    EXPECT_EQ(explain("P_I"), explain("accumulator.inner_bits"));
    EXPECT_EQ(explain("max_accumulator_tile_size"), explain("accumulator.tile_size"));
}

std::string explain_error(const std::string& key) {
    try {
        return explain(key) + "(no error)";
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(Explain, UnknownNamesGetTheNearest) {
    EXPECT_NE(explain_error("accumulator.iner_bits").find("did you mean accumulator.inner_bits?"),
              std::string::npos);
    EXPECT_NE(explain_error("mac_enrgy_fj_mn").find("did you mean mac_energy_fj_mn?"),
              std::string::npos);
    EXPECT_NE(explain_error("text").find("quantizer.calibration.text | workload.evaluation.text"),
              std::string::npos);
    EXPECT_NE(explain_error("qqqqqqqqqqqqqq").find("neither a key, a section nor a cost"),
              std::string::npos);
}

TEST(Explain, CostsHaveValueUnitSourceAndFile) {
    const std::string text = explain("mac_energy_fj_mn");
    EXPECT_NE(text.find("    value     "), std::string::npos) << text;
    EXPECT_NE(text.find("    rows      mac_12x12_p32_wrap: area_um2 "), std::string::npos) << text;
    EXPECT_NE(text.find("    unit      fJ, times M N"), std::string::npos) << text;
    EXPECT_NE(text.find("    source    "), std::string::npos) << text;
    EXPECT_NE(text.find("configs/technology/asap7.yaml"), std::string::npos) << text;
    EXPECT_NE(text.find("configs/technology/nangate45.yaml"), std::string::npos) << text;
}

/// From a part of a report to its unit costs, to a coefficient, to a synthesized design.
TEST(Explain, TracesAFigureOfAReportToASynthesizedDesign) {
    const auto has = [](const std::string& key, const std::string& part) {
        const std::string text = explain(key);
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    has("energy.by_part.multiplier", "multiplier.product");
    has("multiplier.product", "mac_energy_fj_mn");
    has("mac_energy_fj_mn", "mac_6x6_p16_wrap: ");
    has("mac_6x6_p16_wrap", "gaussian_fj ");
    has("mac_6x6_p16_wrap", "liberty_sha256");
    has("area.by_part.memory_interface", "unpack_area_um2_per_lane");
    has("unpack_area_um2_per_lane", "unpacker_6: ");
    has("interconnect.bit", "hardware.clusters=4");
    for (const char* part : {"dram", "interconnect", "memory_interface", "sram", "multiplier",
                             "inner_accumulator", "outer_accumulator", "vector_unit", "leakage"}) {
        EXPECT_NO_THROW(explain(std::string("energy.by_part.") + part)) << part;
        if (std::string(part) == "dram" || std::string(part) == "leakage") continue;
        EXPECT_NO_THROW(explain(std::string("area.by_part.") + part)) << part;
    }
    EXPECT_THROW(explain("energy.by_part.nothing"), UserError);
}

TEST(Explain, EveryCostIsExplained) {
    const std::vector<std::string> names = cost_names();
    EXPECT_GT(names.size(), 40u);
    for (const std::string& name : names) {
        const std::string text = explain_cost(name);
        EXPECT_TRUE(text.starts_with(name + "\n")) << name;
        EXPECT_EQ(text.find("    source    \n"), std::string::npos) << text;
        EXPECT_EQ(find_key(name), nullptr) << "a cost hides a key";
    }
}

TEST(Schema, PathsAreUniqueAndInASection) {
    std::set<std::string> seen;
    for (const Key& key : schema()) {
        EXPECT_TRUE(seen.insert(key.path).second) << key.path;
        const std::string section = parent_of(key.path);
        EXPECT_TRUE(section.empty() || find_section(section)) << key.path;
    }
    for (const Section& section : sections()) {
        EXPECT_TRUE(seen.insert(section.path).second) << section.path;
        // `overrides` has the keys of other sections.
        EXPECT_EQ(children(section.path).empty(), section.path == kOverridesSection);
    }
}

}  // namespace
}  // namespace axesim::sim
