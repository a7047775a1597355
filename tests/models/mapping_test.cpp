// SPDX-License-Identifier: Apache-2.0
#include "models/mapping.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/error.h"

namespace axesim::models {
namespace {

HardwareConfig hardware() {
    HardwareConfig config;
    config.dram.atom_bits = 256;
    config.dram.t_burst_ps = 2500;
    config.accumulator.tile_size = 64;
    return config;
}

TEST(ArrayCycles, EqualTheClosedFormOfOutputStationaryArrays) {
    // ceil(M/32) ceil(N/32) (K + 62), SCALE-Sim's output-stationary figure plus its final cycle.
    const ArrayCycles cycles = array_cycles(512, 576, 576, hardware());
    EXPECT_EQ(cycles.busy + cycles.fill_drain, 16U * 18U * (576U + 62U));
    const ArrayCycles edge = array_cycles(1, 33, 100, hardware());
    EXPECT_EQ(edge.busy + edge.fill_drain, 2U * (100U + 62U));
}

TEST(ArrayCycles, LanesStepThroughTilesSeparately) {
    HardwareConfig config = hardware();
    config.accumulator.tile_size = 20;
    config.accumulator.lanes = 10;
    // 45 = 20 + 20 + 5: 2 + 2 + 1 steps.
    EXPECT_EQ(array_cycles(1, 1, 45, config).steps, 5U);
}

/// Every output is computed exactly once over its whole depth, and every tile fits its slot: room
/// goes by the bits in the buffers, not by those in memory.
void check(const GemmShape& shape, const OperandBits& bits, const HardwareConfig& config) {
    const Mapping mapping = choose_mapping(shape, {2, 2, 16}, bits, config);
    const auto fits = [](Index elements, int width, std::size_t slots, std::int64_t kib) {
        return elements * width * static_cast<Index>(slots) <= kib * 8192;
    };
    EXPECT_TRUE(fits(mapping.n_tile * mapping.k_chunk, bits.weight, mapping.weight_slots,
                     config.buffers.weights_kib));
    EXPECT_TRUE(fits(mapping.m_tile * mapping.k_chunk, bits.activation, mapping.activation_slots,
                     config.buffers.activations_kib));
    EXPECT_TRUE(fits(mapping.m_tile * mapping.n_tile, bits.output, mapping.output_slots,
                     config.buffers.outputs_kib));
    Matrix<int> depth = Matrix<int>::Zero(shape.m, shape.n);
    Matrix<int> finished = Matrix<int>::Zero(shape.m, shape.n);
    for (const Visit& visit : schedule(shape, mapping)) {
        auto tile = depth.block(visit.first_m, visit.first_n, visit.m, visit.n);
        EXPECT_TRUE((tile.array() == static_cast<int>(visit.first_k)).all());
        tile.array() += static_cast<int>(visit.k);
        if (visit.last_chunk) {
            finished.block(visit.first_m, visit.first_n, visit.m, visit.n).array() += 1;
        }
    }
    EXPECT_TRUE((depth.array() == static_cast<int>(shape.k)).all());
    EXPECT_TRUE((finished.array() == 1).all());
}

TEST(Mapping, CoversEveryOutputOnceAndFitsTheBuffers) {
    std::mt19937 random(7);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 300; ++trial) {
        HardwareConfig config = hardware();
        config.array.rows = 1 << pick(0, 5);
        config.array.columns = 1 << pick(0, 5);
        config.accumulator.tile_size = pick(1, 64);
        config.buffers = {pick(4, 64), pick(4, 64), pick(8, 64), pick(0, 1) == 1};
        check({pick(1, 200), pick(1, 200), pick(1, 900)}, {pick(2, 16), pick(2, 16), 16}, config);
    }
}

TEST(Mapping, KeepsAnOperandThatFitsAndStreamsTheOtherOnce) {
    const GemmShape shape{512, 1536, 576};
    const Mapping mapping = choose_mapping(shape, {6, 6, 16}, {6, 6, 16}, hardware());
    // 512 x 576 six-bit activations are 216 KiB of a 256 KiB buffer: both operands come once.
    Index weights = 0, activations = 0;
    for (const Visit& visit : schedule(shape, mapping)) {
        weights += visit.loads_weights ? visit.n : 0;
        activations += visit.loads_activations ? visit.m : 0;
    }
    EXPECT_EQ(weights, 1536);
    EXPECT_EQ(activations, 512);
}

TEST(Mapping, RejectsBuffersThatHoldNoPass) {
    HardwareConfig config = hardware();
    config.buffers = {1, 1, 1, true};
    config.accumulator.tile_size = 4096;
    EXPECT_THROW(choose_mapping({64, 64, 8192}, {16, 16, 16}, {16, 16, 16}, config), UserError);
}

}  // namespace
}  // namespace axesim::models
