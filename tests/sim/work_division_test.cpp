// SPDX-License-Identifier: Apache-2.0
#include "models/work_division.h"

#include <gtest/gtest.h>

#include <random>

namespace axesim::models {
namespace {

TEST(WorkDivision, SharesCoverEverythingOnceAndDifferByOne) {
    for (Index total = 0; total <= 40; ++total) {
        for (int parts = 1; parts <= 9; ++parts) {
            Index next = 0;
            for (int part = 0; part < parts; ++part) {
                const Share share = share_of(total, parts, part);
                EXPECT_EQ(share.first, next);
                EXPECT_GE(share.count, total / parts);
                EXPECT_LE(share.count, (total + parts - 1) / parts);
                next += share.count;
            }
            EXPECT_EQ(next, total);
            EXPECT_EQ(share_of(total, parts, 0).count, (total + parts - 1) / parts);
        }
    }
}

TensorRun elements(std::int64_t first, std::int64_t count, bool for_all_rows) {
    TensorRun run;
    run.first_element = first;
    run.elements = count;
    run.for_all_rows = for_all_rows;
    return run;
}

Quantization quantization(const Matrix<float>& input, Index first_row) {
    Quantization all;
    all.input = &input;
    all.rows = input.rows();
    all.columns = input.cols();
    all.first_row = first_row;
    return all;
}

TEST(WorkDivision, PartsOfAPassAddUpToIt) {
    Matrix<float> queries(21, 4), keys(7, 4);
    const std::vector<StaticRange> ranges(21);
    VectorCommand whole;
    whole.rows = 7;
    whole.reads = {elements(5, 100, false), elements(0, 30, true)};
    whole.work = {.adds = 1001, .multiplies = 7, .steps = 999'999'999'999};
    whole.quantizations = {quantization(queries, 40), quantization(keys, 9)};
    whole.quantizations[0].rows_a_pass_row = 3;
    whole.quantizations[0].ranges = ranges;
    whole.writes = {{.address = 64, .elements = 28, .words = {}}};
    for (int i = 0; i < 28; ++i) whole.writes[0].words.push_back(i);
    for (const int clusters : {1, 2, 3, 5, 7, 9}) {
        VectorWork work;
        Index rows = 0, query_rows = 0, key_rows = 0;
        std::int64_t read = 5;
        std::vector<std::int32_t> words;
        for (int cluster = 0; cluster < clusters; ++cluster) {
            const auto part = part_of(whole, clusters, cluster);
            ASSERT_EQ(part.has_value(), cluster < 7);
            if (!part) continue;
            rows += part->rows;
            work += part->work;
            EXPECT_EQ(part->reads[0].first_element, read);
            read += part->reads[0].elements;
            EXPECT_EQ(part->reads[1].first_element, 0);
            EXPECT_EQ(part->reads[1].elements, 30);
            ASSERT_EQ(part->quantizations.size(), 2U);
            const Quantization& query = part->quantizations[0];
            EXPECT_EQ(query.input_row, query_rows);
            EXPECT_EQ(query.first_row, 40 + query_rows);
            EXPECT_EQ(query.rows, 3 * part->rows);
            EXPECT_EQ(query.ranges.data(), ranges.data() + query_rows);
            EXPECT_EQ(query.ranges.size(), static_cast<std::size_t>(query.rows));
            query_rows += query.rows;
            const Quantization& key = part->quantizations[1];
            EXPECT_EQ(key.input_row, key_rows);
            EXPECT_EQ(key.first_row, 9 + key_rows);
            EXPECT_EQ(key.rows, part->rows);
            key_rows += key.rows;
            EXPECT_EQ(part->writes[0].first_element, static_cast<std::int64_t>(words.size()));
            EXPECT_EQ(part->writes[0].elements,
                      static_cast<std::int64_t>(part->writes[0].words.size()));
            words.insert(words.end(), part->writes[0].words.begin(), part->writes[0].words.end());
        }
        EXPECT_EQ(rows, 7);
        EXPECT_EQ(read, 105);
        EXPECT_EQ(query_rows, 21);
        EXPECT_EQ(key_rows, 7);
        EXPECT_EQ(work.adds, 1001U);
        EXPECT_EQ(work.multiplies, 7U);
        EXPECT_EQ(work.steps, 999'999'999'999U);
        EXPECT_EQ(words, whole.writes[0].words);
    }
}

/// A head's keys are quantized where its rows of the pass are.
TEST(WorkDivision, AQuantizationOfSomeRowsGoesToTheirClusters) {
    Matrix<float> input(4, 2);
    VectorCommand whole;
    whole.rows = 12;
    whole.quantizations = {quantization(input, 0)};
    whole.quantizations[0].first_pass_row = 4;
    std::vector<Index> rows;
    for (int cluster = 0; cluster < 4; ++cluster) {  // 3 rows each
        const auto part = part_of(whole, 4, cluster);
        ASSERT_TRUE(part);
        rows.push_back(part->quantizations.empty() ? 0 : part->quantizations[0].rows);
    }
    EXPECT_EQ(rows, (std::vector<Index>{0, 2, 2, 0}));
}

TEST(WorkDivision, ColumnsOfWeightsThatLieDepthFirstStayWhole) {
    GemmCommand whole;
    whole.weights.rows = 64;
    whole.weights.columns = whole.activations.columns = 10;
    whole.weights.depth_first = true;
    whole.activations.first_row = 3;
    whole.activations.rows = 5;
    const auto last = part_of(whole, ClusterSplit::output_channels, 4, 3);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->weights.rows, 64);
    EXPECT_EQ(last->activations.rows, 1);
    EXPECT_EQ(last->activations.first_row, 7);
    EXPECT_EQ(last->first_output, 4 * 64);
    EXPECT_FALSE(part_of(whole, ClusterSplit::output_channels, 6, 5));
}

TEST(WorkDivision, MeansOfCausesAddUpToTheCycles) {
    std::mt19937 random(5);
    for (int trial = 0; trial < 1000; ++trial) {
        const int clusters = std::uniform_int_distribution<int>(1, 64)(random);
        const auto count = static_cast<std::uint64_t>(clusters);
        const auto pick = [&] {
            return std::uniform_int_distribution<std::uint64_t>(0, 99)(random);
        };
        CycleCounts sum{.busy = pick(),
                        .fill_drain = pick(),
                        .stall_dram = pick(),
                        .stall_buffer = pick(),
                        .stall_vector = pick()};
        const std::uint64_t others =
            sum.busy + sum.fill_drain + sum.stall_dram + sum.stall_buffer + sum.stall_vector;
        sum.cycles = (others / count + 1) * count;
        sum.stall_clusters = sum.cycles - others;
        const CycleCounts mean = mean_over_clusters(sum, clusters);
        EXPECT_EQ(mean.cycles * count, sum.cycles);
        EXPECT_EQ(mean.cycles, mean.busy + mean.fill_drain + mean.stall_dram + mean.stall_buffer +
                                   mean.stall_vector + mean.stall_clusters);
        EXPECT_LE(mean.busy, sum.busy / count + 1);
        EXPECT_GE(mean.stall_clusters + 1, sum.stall_clusters / count);
    }
}

}  // namespace
}  // namespace axesim::models
