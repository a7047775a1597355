// SPDX-License-Identifier: Apache-2.0
// layers.csv, the summary line and the comparison of two results.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "common/files.h"
#include "reports/json_report.h"
#include "reports/layers_csv.h"
#include "reports/summary.h"
#include "reports/terminal_report.h"
#include "tests/reports/example_result.h"

namespace axesim::reports {
namespace {

TEST(LayersCsv, HasOneQuotedLineALayer) {
    Result result = example_result();
    result.layers.resize(1);
    result.layers[0].sqnr_db.reset();
    result.layers[0].activity_factor = 0.75;
    const std::string expected =
        "name,kind,count,m,n,k,macs,cycles,energy_j,activity_factor,rmse,sqnr_db,overflow_events,"
        "certified,weight_bits,activation_bits,inner_bits,outer_bits,"
        "bound_inner_min,bound_inner_max,bound_outer_min,bound_outer_max,"
        "observed_inner_min,observed_inner_max,observed_outer_min,observed_outer_max,"
        "compute_cycles,vector_unit_cycles,buffer_cycles,memory_interface_cycles,"
        "interconnect_cycles,dram_cycles,"
        "macs_per_dram_byte,bound_by,share_of_roof,"
        "mapping,fallback\n"
        "model.layers.0.q_proj,q_proj,1,512,576,576,8192000,12345,0.001,0.75,0.125,,0,true,6,6,16,"
        "20,"
        "-30000,32767,-300000,300001,-5000,5001,-20000,20001,8000,18,400,2000,0,9876,"
        "2048,dram,0.8,\"32 x 32, \"\"n\"\" then m\",\n";
    EXPECT_EQ(layers_csv(result), expected);
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "layers.csv";
    write_layers_csv(path, result);
    EXPECT_EQ(read_text_file(path), expected);
    std::filesystem::remove(path);
}

TEST(LayersCsv, HasEmptyFieldsWhereNothingIsMultiplied) {
    Result result = example_result();
    result.layers = {example_layer("softmax", 1e-3)};
    result.layers[0].k = 0;
    result.layers[0].macs = 0;
    result.layers[0].rmse.reset();
    result.layers[0].mapping = "";
    const std::string text = layers_csv(result);
    const std::string header = text.substr(0, text.find('\n'));
    const std::string line = text.substr(header.size() + 1);
    EXPECT_EQ(line.rfind("softmax,q_proj,1,512,576,0,0,12345,0.001,,,,0,,,", 0), 0U) << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), ','),
              std::count(header.begin(), header.end(), ','));
}

TEST(Summary, SaysEverythingInOneLine) {
    EXPECT_EQ(summary_line(to_json(example_result())),
              "int6_acc16: perplexity 27.85 -> 30.10, 0 overflow events (certified), prefill "
              "61.2 ms, decode 123 tokens/s, 610 uJ a token, 2.31 mm2");
    Result prefill_only = example_result();
    prefill_only.accuracy.reset();
    prefill_only.decode.reset();
    prefill_only.overflow->certified = false;
    prefill_only.overflow->inner_events = 1200;
    EXPECT_EQ(summary_line(to_json(prefill_only)),
              "int6_acc16: 1,200 overflow events, prefill 61.2 ms, 9.80 mJ, 2.31 mm2");
}

using Lines = std::vector<std::string>;

TEST(Summary, ComparesTwoResults) {
    Result baseline = example_result();
    baseline.name = "int8_acc32";
    baseline.accuracy->perplexity_quantized = 29.2;
    baseline.decode->energy = {.dram = 9.76e-3};
    baseline.decode->seconds *= 1.25;
    baseline.prefill.seconds *= 0.8;
    baseline.area.sram += 2.31;
    const std::vector<std::string> changes =
        changes_against(to_json(example_result()), to_json(baseline));
    EXPECT_EQ(changes, (Lines{"int8_acc32: energy -50 %", "area -50 %", "prefill -20 %",
                              "decode +25 %", "perplexity +0.90"}));
    EXPECT_NE(terminal_report(example_result(), 120, false, changes)
                  .find("\nagainst     int8_acc32: energy -50 %   area -50 %   prefill -20 %   "
                        "decode +25 %   perplexity +0.90\n"),
              std::string::npos);
}

TEST(Summary, SetsUnpackingAgainstTheBitsThatItSaves) {
    Result packed = example_result(), padded = example_result();
    packed.config["hardware"]["memory_interface"]["layout"] = "packed";
    padded.config["hardware"]["memory_interface"]["layout"] = "padded_byte";
    const double tokens = 8;
    packed.decode->energy = {.dram = tokens * 3e-3, .memory_interface = tokens * 5e-6};
    padded.decode->energy = {.dram = tokens * 4e-3, .memory_interface = tokens * 2e-6};
    const std::vector<std::string> changes = changes_against(to_json(packed), to_json(padded));
    EXPECT_NE(std::ranges::find(changes, "a token: interface +3.00 uJ, DRAM -1.00 mJ"),
              changes.end())
        << changes.back();
    EXPECT_EQ(changes_against(to_json(packed), to_json(packed)).size(), changes.size() - 1);
}

TEST(Summary, ComparesOnlyWhatBothHave) {
    Result baseline = example_result();
    baseline.accuracy.reset();
    baseline.decode.reset();
    EXPECT_EQ(changes_against(to_json(example_result()), to_json(baseline)),
              (Lines{"int6_acc16: energy +0 %", "area +0 %", "prefill +0 %"}));
    EXPECT_EQ(changes_against(to_json(example_result()), {{"name", "empty"}}),
              (Lines{"empty: nothing in common"}));
}

}  // namespace
}  // namespace axesim::reports
