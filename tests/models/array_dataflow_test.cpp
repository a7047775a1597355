// SPDX-License-Identifier: Apache-2.0
// What the array does in either dataflow: against SCALE-Sim's closed forms, and against a walk
// through the array product by product.
#include "models/compute/array_dataflow.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace axesim::models {
namespace {

HardwareConfig hardware(Dataflow dataflow) {
    HardwareConfig config;
    config.dataflow = dataflow;
    config.accumulator.tile_size = 64;
    return config;
}

std::uint64_t cycles(const ArrayWork& work) { return work.busy + work.fill_drain; }

TEST(ArrayDataflow, OutputStationaryCyclesAreScaleSims) {
    // ceil(M/32) ceil(N/32) (K + 62), SCALE-Sim's figure plus the cycle that it takes off once.
    const HardwareConfig config = hardware(Dataflow::output_stationary);
    EXPECT_EQ(cycles(array_cycles(512, 576, 576, config)), 16U * 18U * (576U + 62U));
    EXPECT_EQ(cycles(array_cycles(1, 33, 100, config)), 2U * (100U + 62U));
}

TEST(ArrayDataflow, WeightStationaryCyclesAreScaleSims) {
    // ceil(K/32) ceil(N/32) (M + 94), for every tile size that divides 32 or is a multiple of it.
    HardwareConfig config = hardware(Dataflow::weight_stationary);
    for (const std::int64_t tile : {0, 1, 4, 16, 32, 64, 96, 4096}) {
        config.accumulator.tile_size = tile;
        EXPECT_EQ(cycles(array_cycles(512, 576, 1536, config)), 48U * 18U * (512U + 94U)) << tile;
        EXPECT_EQ(cycles(array_cycles(1, 33, 100, config)), 4U * 2U * (1U + 94U)) << tile;
    }
    // Tiles that neither divide a column nor are a multiple of it leave rows idle: five tiles of 6
    // in 30 of 32 rows; two folds for each tile of 48.
    config.accumulator.tile_size = 6;
    EXPECT_EQ(array_cycles(10, 32, 60, config).folds, 2U);
    EXPECT_EQ(array_cycles(10, 32, 61, config).folds, 3U);
    config.accumulator.tile_size = 48;
    EXPECT_EQ(array_cycles(10, 32, 96, config).folds, 4U);
}

TEST(ArrayDataflow, LanesStepThroughTilesSeparately) {
    for (const Dataflow dataflow : {Dataflow::output_stationary, Dataflow::weight_stationary}) {
        HardwareConfig config = hardware(dataflow);
        config.accumulator.tile_size = 20;
        config.accumulator.lanes = 10;
        // 45 = 20 + 20 + 5: 2 + 2 + 1 steps.
        EXPECT_EQ(array_cycles(1, 1, 45, config).steps, 5U);
    }
}

TEST(ArrayDataflow, PipelineStagesAddToEveryFill) {
    for (const Dataflow dataflow : {Dataflow::output_stationary, Dataflow::weight_stationary}) {
        HardwareConfig config = hardware(dataflow);
        const ArrayWork one = array_cycles(70, 70, 130, config);
        config.array.pipeline_depth = 4;
        const ArrayWork four = array_cycles(70, 70, 130, config);
        EXPECT_EQ(four.busy, one.busy);
        EXPECT_EQ(four.fill_drain, one.fill_drain + 3 * one.folds);
    }
}

/// A column of held weights, filled product by product.
struct Column {
    std::vector<Index> rows_of_folds;
    Index outer_moves = 0;  ///< of one token's outer sum between ends of tiles, over all folds
};
Column walk(Index k, Index tile, const HardwareConfig& config) {
    const Index rows = config.array.rows, lanes = config.accumulator.lanes;
    Column column;
    Index used = rows * lanes;  // products in the fold, idle ones included; full: begin a new one
    Index ends = 0;
    for (Index at = 0; at < k; ++at) {
        const bool starts_tile = at % tile == 0;
        if (starts_tile) used = (used + lanes - 1) / lanes * lanes;
        const bool rest_too_short = starts_tile && used > 0 && used + tile > rows * lanes;
        if (used >= rows * lanes || rest_too_short) {
            column.rows_of_folds.push_back(0);
            used = ends = 0;
        }
        // An outer sum that is in this column passes the rows between two ends of tiles.
        if (starts_tile && used > 0) ++ends;
        if (starts_tile && ends > 0) column.outer_moves += (tile + lanes - 1) / lanes - 1;
        ++used;
        column.rows_of_folds.back() = (used + lanes - 1) / lanes;
    }
    return column;
}

TEST(ArrayDataflow, WeightStationaryWorkIsThatOfAWalkThroughTheColumns) {
    std::mt19937 random(5);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 3000; ++trial) {
        HardwareConfig config = hardware(Dataflow::weight_stationary);
        config.array = {pick(1, 12), pick(1, 9), pick(1, 3)};
        config.accumulator.lanes = 1 << pick(0, 2);
        config.accumulator.tile_size =
            pick(0, 5) == 0 ? 0 : Index{config.accumulator.lanes} * pick(1, 20);
        const Index m = pick(1, 40), n = pick(1, 40), k = pick(1, 300);
        const Column column = walk(k, config.accumulator.tile_length(k), config);
        const ArrayWork work = array_cycles(m, n, k, config);
        const auto across = static_cast<std::uint64_t>((n - 1) / config.array.columns + 1);
        const auto folds = static_cast<std::uint64_t>(column.rows_of_folds.size());
        const auto tokens = static_cast<std::uint64_t>(m);
        const auto channels = static_cast<std::uint64_t>(n);
        std::uint64_t rows = 0, shifts = 0;
        for (const Index used : column.rows_of_folds) {
            for (Index row = 1; row <= used; ++row) shifts += static_cast<std::uint64_t>(row);
            rows += static_cast<std::uint64_t>(used);
        }
        ASSERT_EQ(work.folds, folds * across);
        ASSERT_EQ(work.steps, rows);
        ASSERT_EQ(work.busy, folds * across * tokens);
        ASSERT_EQ(work.weight_reads, rows * across);
        ASSERT_EQ(work.activation_reads, work.busy);
        ASSERT_EQ(work.partial_reads, (folds - 1) * across * tokens);
        ASSERT_EQ(work.partial_writes, work.partial_reads);
        ASSERT_EQ(work.weight_shifts,
                  shifts * channels * static_cast<std::uint64_t>(config.accumulator.lanes));
        ASSERT_EQ(work.outer_shifts,
                  static_cast<std::uint64_t>(column.outer_moves) * channels * tokens);
        ASSERT_EQ(work.until_last_fold, (folds - 1) * (cycles(work) / work.folds));
    }
}

TEST(ArrayDataflow, ChunksOfDepthAddUpToTheWhole) {
    std::mt19937 random(6);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 2000; ++trial) {
        HardwareConfig config = hardware(Dataflow::weight_stationary);
        config.array = {pick(1, 12), pick(1, 9), pick(1, 3)};
        config.accumulator.tile_size = pick(0, 40);
        const Index m = pick(1, 20), n = pick(1, 20), k = pick(2, 400);
        const Index chunk = depth_unit(config) * pick(1, 3);
        ArrayWork sum;
        for (Index at = 0; at < k; at += chunk) {
            const Index length = std::min(chunk, k - at);
            const ArrayWork part = array_work({m, n, length, k, at == 0, at + length == k}, config);
            sum.busy += part.busy;
            sum.fill_drain += part.fill_drain;
            sum.steps += part.steps;
            sum.partial_reads += part.partial_reads;
            sum.partial_writes += part.partial_writes;
        }
        const ArrayWork whole = array_cycles(m, n, k, config);
        ASSERT_EQ(sum.busy, whole.busy);
        ASSERT_EQ(sum.fill_drain, whole.fill_drain);
        ASSERT_EQ(sum.steps, whole.steps);
        ASSERT_EQ(sum.partial_reads, whole.partial_reads);
        ASSERT_EQ(sum.partial_writes, whole.partial_writes);
    }
}

TEST(ArrayDataflow, OuterAccumulatorsStandWhereTilesEnd) {
    HardwareConfig config = hardware(Dataflow::weight_stationary);
    config.array = {8, 3};
    const auto expect = [&](std::int64_t tile, Index accumulators, Index registers, int bits) {
        config.accumulator = {.inner_bits = 12, .tile_size = tile};
        EXPECT_EQ(outer_accumulators(config), accumulators) << tile;
        EXPECT_EQ(outer_registers(config), registers) << tile;
        EXPECT_EQ(partial_sum_bits(config, 17), bits) << tile;
    };
    expect(0, 0, 0, 12);   // monolithic: the inner sum goes round
    expect(16, 3, 0, 29);  // a tile takes two folds: its inner sum waits beside the outer one
    expect(8, 3, 0, 17);
    expect(4, 6, 3 * 3, 17);  // two tiles a column, three registers between their ends
    expect(3, 6, 3 * 2, 17);  // two tiles, two rows idle
    expect(1, 24, 0, 17);
    config.dataflow = Dataflow::output_stationary;
    config.accumulator.tile_size = 4;
    EXPECT_EQ(outer_accumulators(config), 24);
    EXPECT_EQ(outer_registers(config), 0);
}

TEST(ArrayDataflow, PortsStallByHand) {
    // 5 tokens, one column, 4 + 4 products in two folds of 4 rows.
    HardwareConfig config = hardware(Dataflow::weight_stationary);
    config.array = {4, 1};
    config.accumulator.tile_size = 4;
    const ArrayWork work = array_cycles(5, 1, 8, config);
    EXPECT_EQ(port_stalls(work, {}, config), 0U);
    // One port: the second fold's tokens read a record and write one: 5 cycles more.
    config.buffers.ports = 1;
    EXPECT_EQ(port_stalls(work, {}, config), 5U);
    // Three words of activations take two banks two turns: one cycle more for all 10 tokens.
    config.buffers.double_buffered = false;
    config.buffers.banks = 2;
    EXPECT_EQ(port_stalls(work, {.activations = 3}, config), 10U);
    // Weights of two words shift in at half the speed where one bank is left: 8 rows.
    config.buffers.double_buffered = true;
    EXPECT_EQ(port_stalls(work, {.weights = 2}, config), 8U + 5U);

    HardwareConfig still = hardware(Dataflow::output_stationary);
    still.buffers.ports = 1;
    const ArrayWork steps = array_cycles(32, 32, 100, still);
    EXPECT_EQ(port_stalls(steps, {}, still), 0U);
    EXPECT_EQ(port_stalls(steps, {.weights = 2, .activations = 3}, still), 200U);
    still.buffers.banks = 2;
    still.buffers.ports = 2;
    EXPECT_EQ(port_stalls(steps, {.weights = 2, .activations = 3}, still), 100U);
}

}  // namespace
}  // namespace axesim::models
