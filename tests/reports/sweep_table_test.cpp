// SPDX-License-Identifier: Apache-2.0
// sweep.csv: the figures of result.json under names with units.
#include "reports/sweep_table.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "reports/json_report.h"
#include "tests/reports/example_result.h"

namespace axesim::reports {
namespace {

/// No field of the example has a comma in it.
std::vector<std::string> cells(const std::string& line) {
    std::vector<std::string> found;
    std::istringstream rest(line.substr(0, line.size() - 1));
    for (std::string cell; std::getline(rest, cell, ',');) found.push_back(cell);
    if (line.ends_with(",\n")) found.emplace_back();
    return found;
}

std::map<std::string, std::string> row(const nlohmann::ordered_json& result,
                                       const std::string& error = "") {
    const std::vector<std::string> names = cells(sweep_header({"accumulator.inner_bits"}));
    const std::vector<std::string> values = cells(sweep_line("p", {"16"}, result, error));
    EXPECT_EQ(names.size(), values.size());
    std::map<std::string, std::string> by_name;
    for (std::size_t i = 0; i < names.size(); ++i) by_name[names[i]] = values.at(i);
    return by_name;
}

TEST(SweepTable, HasTheFiguresOfTheResult) {
    const auto found = row(to_json(example_result()));
    EXPECT_EQ(found.at("point"), "p");
    EXPECT_EQ(found.at("accumulator.inner_bits"), "16");
    EXPECT_EQ(found.at("perplexity_quantized"), "30.1");
    EXPECT_EQ(found.at("certified"), "true");
    EXPECT_EQ(found.at("inner_overflow_events"), "0");
    EXPECT_EQ(found.at("prefill_cycles"), "61200000");
    EXPECT_EQ(found.at("prefill_seconds"), "0.0612");
    EXPECT_EQ(found.at("decode_cycles_per_token"), "8100000.0");  // 64.8 M of 8 tokens
    EXPECT_DOUBLE_EQ(std::stod(found.at("decode_energy_joules_per_token")), 0.61e-3);
    EXPECT_DOUBLE_EQ(std::stod(found.at("area_mm2")), 2.31);
    EXPECT_EQ(found.at("error"), "");
    // Only what was not measured is empty.
    for (const auto& [name, value] : found) {
        EXPECT_EQ(value.empty(), name == "error") << name;
    }
}

TEST(SweepTable, LeavesOutWhatWasNotMeasured) {
    Result result = example_result();
    result.accuracy.reset();
    result.decode.reset();
    const auto found = row(to_json(result));
    EXPECT_EQ(found.at("perplexity_quantized"), "");
    EXPECT_EQ(found.at("decode_tokens_per_second"), "");
    EXPECT_EQ(found.at("prefill_cycles"), "61200000");
}

TEST(SweepTable, APointThatFailedIsALineWithItsError) {
    const auto found = row(nullptr, "no memory");
    for (const auto& [name, value] : found) {
        const bool said = name == "point" || name == "accumulator.inner_bits" || name == "error";
        EXPECT_EQ(value.empty(), !said) << name;
    }
    EXPECT_EQ(found.at("error"), "no memory");
    EXPECT_EQ(sweep_line("a,b", {"\"c\""}, nullptr, "d\ne").substr(0, 15),
              "\"a,b\",\"\"\"c\"\"\",,");
    EXPECT_TRUE(sweep_line("", {}, nullptr, "d\ne").ends_with(",\"d\ne\"\n"));
}

}  // namespace
}  // namespace axesim::reports
