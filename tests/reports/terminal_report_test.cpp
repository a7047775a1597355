// SPDX-License-Identifier: Apache-2.0
#include "reports/terminal_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "reports/figures.h"
#include "reports/format.h"
#include "tests/reports/example_result.h"

namespace axesim::reports {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

TEST(TerminalReport, IsTheScreenOfTheDesign) {
    const std::string expected =
        R"(int6_acc16   SmolLM2-135M   W6 A6   inner 16 bits per 64   outer 20   OPTQ + AXE   32x32 FMA @ 1.00 GHz   LPDDR5-6400 rorabacobgch   7nm_calibrated
accuracy    perplexity 27.85 float -> 30.10 (92.5 % kept)   KL 0.070   top-1 93.1 %   2,044 tokens, values from the simulated hardware
overflow    certified, 0 events   inner: 16 bits, proven 16.00, seen 13.29   outer: 20 bits, proven 19.19, seen 15.29
prefill     512 tokens: 61.2 M cycles = 61.2 ms   array busy 80 %   stalled: DRAM 11 %, fill and drain 6 %, buffers 2 %, vector unit 1 %
            useful bits on the bus 89.1 %   row hits 97 %
decode      8.10 M cycles a token = 123 tokens/s, bound by DRAM   array busy 5 %   stalled: DRAM 94 %, fill and drain 1 %
            useful bits on the bus 89.1 %   row hits 97 %
roofline    prefill at 80 % of the compute roof, 1.42e+08 MACs a DRAM byte   decode at 1 % of the compute roof, 2.27e+06 MACs a DRAM byte
energy      prefill 9.80 mJ (7.10 mJ .. 12.9 mJ)   decode 610 uJ a token (450 uJ .. 800 uJ)   (range: uncertain costs)
            prefill: DRAM 71 %   buffers 12 %   multiplier 8 %   inner acc. 4 %   interface 2 %   vector unit 2 %   outer acc. 1 %   leakage <1 %
            decode: DRAM 82 %   buffers 16 %   leakage 2 %
area        2.31 mm2 (1.90 .. 3.00)   buffers 64 %   multiplier 17 %   inner acc. 11 %   outer acc. 4 %   vector unit 3 %   interface 1 %
layers      4.00 mJ   40.0 %   512x576x576   model.layers.3.q_proj
            1.00 mJ   10.0 %   512x576x576   model.layers.0.q_proj
            1.00 mJ   10.0 %   512x576x576   model.layers.1.q_proj
            1.00 mJ   10.0 %   512x576x576   model.layers.2.q_proj
            1.00 mJ   10.0 %   512x576x576   model.layers.4.q_proj
            by kind: q_proj 100 %
costs       asap7 / 7nm_calibrated: kappa 0.51: scaled to published 7 nm operation energies
not counted attention products, softmax, norms, KV cache
)";
    EXPECT_EQ(terminal_report(example_result(), 150, false), expected);
}

TEST(TerminalReport, FitsTheWidthOfTheTerminal) {
    for (const int width : {60, 80, 100, 120}) {
        for (const std::string& line : lines_of(terminal_report(example_result(), width, false))) {
            // One item alone may be longer than a narrow terminal; two are broken apart.
            const bool one_item = line.substr(12).find("   ") == std::string::npos;
            EXPECT_TRUE(line.size() <= static_cast<std::size_t>(width) || one_item)
                << width << ": " << line;
        }
    }
    const auto words = [](const std::string& text) {
        std::istringstream stream(text);
        return std::vector<std::string>(std::istream_iterator<std::string>(stream), {});
    };
    EXPECT_EQ(words(terminal_report(example_result(), 60, false)),
              words(terminal_report(example_result(), 200, false)));
}

TEST(TerminalReport, ColorsAddNothingButEscapes) {
    const std::string plain = terminal_report(example_result(), 120, false);
    const std::string colored = terminal_report(example_result(), 120, true);
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    EXPECT_NE(colored.find('\x1b'), std::string::npos);
    EXPECT_EQ(std::regex_replace(colored, std::regex("\x1b\\[[0-9;]*m"), ""), plain);
}

TEST(TerminalReport, ShowsOverflowsAndTheFirstPlace) {
    Result result = example_result();
    result.overflow->certified = false;
    result.overflow->inner_events = 1234567;
    result.overflow->outer_events = 1;
    result.overflow->first_layer = "model.layers.9.down_proj";
    result.overflow->first_place =
        models::OverflowPlace{17, 3, 128, models::AccumulatorStage::inner};
    const std::string text = terminal_report(result, 150, false);
    EXPECT_NE(text.find("not certified, 1,234,567 inner and 1 outer events"), std::string::npos);
    EXPECT_NE(text.find("first: model.layers.9.down_proj, token 17, channel 3, k 128, inner "
                        "accumulator"),
              std::string::npos);
}

TEST(TerminalReport, ShowsWhatTheOperandsDoToTheEnergy) {
    Result result = example_result();
    const char* words =
        "products with this run's operands: prefill 0.875 of nominal   decode 1.021";
    EXPECT_EQ(terminal_report(result, 150, false).find(words), std::string::npos);
    result.prefill.activity_factor = 0.8752;
    result.decode->activity_factor = 1.0208;
    EXPECT_NE(terminal_report(result, 150, false).find(words), std::string::npos);
}

TEST(TerminalReport, SumsLayersByKindAndNamesTheNoisiest) {
    Result result = example_result();
    result.layers[3].kind = "down_proj";  // 4 of 10 mJ
    result.layers[3].sqnr_db = 12.34;
    result.layers[5].sqnr_db = 7.5;
    result.layers[6].sqnr_db = 20.0;
    result.layers[0].sqnr_db = 30.0;
    const std::string text = terminal_report(result, 150, false);
    EXPECT_NE(text.find("by kind: q_proj 60 %   down_proj 40 %\n"), std::string::npos) << text;
    EXPECT_NE(text.find("noisiest    signal to error: 7.5 dB model.layers.5.q_proj   12.3 dB "
                        "model.layers.3.q_proj   20.0 dB model.layers.6.q_proj\n"),
              std::string::npos)
        << text;
}

TEST(TerminalReport, ShowsTheWidthsOfLayersThatDiffer) {
    Result result = example_result();
    result.layers[1].weight_bits = 4;
    result.layers[2].inner_bits = 13;
    const std::string text = terminal_report(result, 150, false);
    EXPECT_NE(text.find("W4..6 A6   inner 13..16 bits per 64"), std::string::npos) << text;
}

TEST(TerminalReport, CountsALayerThatStandsForSeveral) {
    Result result = example_result();
    result.layers = {example_layer("model.layers.0.q_proj", 1e-3),
                     example_layer("model.layers.0.k_proj", 6e-3)};
    result.layers[0].count = 4;
    result.layers[1].kind = "k_proj";
    const std::string text = terminal_report(result, 150, false);
    EXPECT_NE(text.find("layers      6.00 mJ   60.0 %"), std::string::npos) << text;
    EXPECT_NE(text.find("4.00 mJ   40.0 %   512x576x576   model.layers.0.q_proj, for 4 blocks\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("by kind: k_proj 60 %   q_proj 40 %"), std::string::npos) << text;
}

TEST(TerminalReport, LeavesOutWhatWasNotMeasured) {
    Result result = example_result();
    result.accuracy.reset();
    result.accuracy_not_measured = "nobody asked";
    result.decode.reset();
    result.hardware.accumulator.tile_size = 0;
    result.layers.clear();
    const std::string text = terminal_report(result, 150, false);
    EXPECT_NE(text.find("accuracy    not measured: nobody asked\n"), std::string::npos);
    EXPECT_EQ(text.find("decode"), std::string::npos);
    EXPECT_EQ(text.find("layers"), std::string::npos);
    EXPECT_EQ(text.find("outer:"), std::string::npos);
    EXPECT_NE(text.find("accumulator 16 bits"), std::string::npos);
}

TEST(Figures, WholePercentagesSumToOneHundred) {
    const std::vector<NamedParts> cases{
        {{"a", 1}, {"b", 1}, {"c", 1}},
        {{"a", 0.005}, {"b", 0.005}, {"c", 99.99}},
        {{"a", 2}, {"b", 0}, {"c", 5}, {"d", 1e-9}},
        {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}, {"f", 1}, {"g", 1}},
        energy_parts(example_prefill().energy),
        cycle_parts(example_prefill().counts.cycles)};
    for (const NamedParts& parts : cases) {
        const std::vector<int> percentages = whole_percentages(parts);
        double total = 0;
        for (const auto& [name, value] : parts) total += value;
        int sum = 0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            sum += percentages[i];
            EXPECT_LT(std::abs(percentages[i] - 100 * parts[i].second / total), 1);
        }
        EXPECT_EQ(sum, 100);
    }
    EXPECT_EQ(whole_percentages({{"a", 0}, {"b", 0}}), (std::vector<int>{0, 0}));
}

TEST(Format, NumbersHaveThreeSignificantDigits) {
    EXPECT_EQ(with_prefix(0.0612, "s"), "61.2 ms");
    EXPECT_EQ(with_prefix(9.8e-3, "J"), "9.80 mJ");
    EXPECT_EQ(with_prefix(0.99951e-3, "J"), "1.00 mJ");
    EXPECT_EQ(with_prefix(999.4e-6, "J"), "999 uJ");
    EXPECT_EQ(with_prefix(9.996, "J"), "10.0 J");
    EXPECT_EQ(with_prefix(99.96, "J"), "100 J");
    EXPECT_EQ(with_prefix(1e9, "Hz"), "1.00 GHz");
    EXPECT_EQ(with_prefix(-2.5e-12, "J"), "-2.50 pJ");
    EXPECT_EQ(with_prefix(0, "J"), "0 J");
    EXPECT_EQ(short_count(2.0347), "2.03");
    EXPECT_EQ(short_count(61), "61");
    EXPECT_EQ(short_count(123.45), "123");
    EXPECT_EQ(short_count(9999), "9,999");
    EXPECT_EQ(short_count(61.2e6), "61.2 M");
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(123456789), "123,456,789");
    EXPECT_EQ(percent_of_whole(0, 1e-9), "<1 %");
    EXPECT_EQ(percent_of_whole(0, 0), "0 %");
}

}  // namespace
}  // namespace axesim::reports
