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
    EXPECT_NE(text.find("    value     3.382"), std::string::npos) << text;
    EXPECT_NE(text.find("    unit      fJ, times M N"), std::string::npos) << text;
    EXPECT_NE(text.find("    source    "), std::string::npos) << text;
    EXPECT_NE(text.find("configs/technology/asap7.yaml"), std::string::npos) << text;
    EXPECT_NE(text.find("configs/technology/nangate45.yaml"), std::string::npos) << text;
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
