// SPDX-License-Identifier: Apache-2.0
#include "models/mapping.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/error.h"
#include "common/rounding.h"
#include "models/compute/array_dataflow.h"

namespace axesim::models {
namespace {

HardwareConfig hardware() {
    HardwareConfig config;
    config.dram.atom_bits = 256;
    config.dram.t_burst_ps = 2500;
    config.accumulator.tile_size = 64;
    return config;
}

/// Every output is computed exactly once over its whole depth, and every tile fits its slot, beside
/// partial sums: room goes by the bits in the buffers, not by those in memory.
void check(const GemmShape& shape, const OperandBits& bits, const HardwareConfig& config) {
    const Mapping mapping = choose_mapping(shape, {2, 2, 16}, bits, config);
    const auto fits = [](Index elements, int width, std::size_t slots, std::int64_t kib) {
        return elements * width * static_cast<Index>(slots) <= kib * 8192;
    };
    EXPECT_TRUE(fits(mapping.n_tile * mapping.k_chunk, bits.weight, mapping.weight_slots,
                     config.buffers.weights_kib));
    EXPECT_TRUE(fits(mapping.m_tile * mapping.k_chunk, bits.activation, mapping.activation_slots,
                     config.buffers.activations_kib));
    Index partials = 0;
    if (array_cycles(1, 1, shape.k, config).partial_writes > 0) {
        const bool whole = mapping.k_chunk == shape.k;
        partials =
            mapping.m_tile *
            (whole ? std::min<Index>(mapping.n_tile, config.array.columns) : mapping.n_tile) *
            partial_sum_bits(config, config.accumulator.outer_bits_for(shape.k));
    }
    EXPECT_TRUE(fits(
        mapping.m_tile * mapping.n_tile * static_cast<Index>(mapping.output_slots) * bits.output +
            partials,
        1, 1, config.buffers.outputs_kib));
    EXPECT_TRUE(mapping.k_chunk == shape.k || mapping.k_chunk % depth_unit(config) == 0);
    Matrix<int> depth = Matrix<int>::Zero(shape.m, shape.n);
    Matrix<int> finished = Matrix<int>::Zero(shape.m, shape.n);
    Visit before{.first_m = -1, .first_n = -1, .first_k = -1};
    for (const Visit& visit : Visits(shape, mapping)) {
        const bool other_depth = visit.first_k != before.first_k;
        EXPECT_EQ(visit.loads_weights, other_depth || visit.first_n != before.first_n);
        EXPECT_EQ(visit.loads_activations, other_depth || visit.first_m != before.first_m);
        EXPECT_EQ(visit.first_chunk, visit.first_k == 0);
        before = visit;
        auto tile = depth.block(visit.first_m, visit.first_n, visit.m, visit.n);
        EXPECT_TRUE((tile.array() == static_cast<int>(visit.first_k)).all());
        tile.array() += static_cast<int>(visit.k);
        if (visit.last_chunk) {
            finished.block(visit.first_m, visit.first_n, visit.m, visit.n).array() += 1;
        }
    }
    EXPECT_TRUE((depth.array() == static_cast<int>(shape.k)).all());
    EXPECT_TRUE((finished.array() == 1).all());
    EXPECT_EQ(Visits(shape, mapping).tiles(),
              divide_up(shape.m, mapping.m_tile) * divide_up(shape.n, mapping.n_tile));
}

TEST(Mapping, CoversEveryOutputOnceAndFitsTheBuffers) {
    std::mt19937 random(7);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 600; ++trial) {
        HardwareConfig config = hardware();
        if (trial % 2 == 0) config.dataflow = Dataflow::weight_stationary;
        config.array.rows = 1 << pick(0, 5);
        config.array.columns = 1 << pick(0, 5);
        config.accumulator.tile_size = pick(1, 64);
        config.buffers = {pick(8, 64), pick(8, 64), pick(16, 64), pick(0, 1) == 1};
        check({pick(1, 200), pick(1, 200), pick(1, 900)}, {pick(2, 16), pick(2, 16), 16}, config);
    }
}

TEST(Mapping, KeepsAnOperandThatFitsAndStreamsTheOtherOnce) {
    const GemmShape shape{512, 1536, 576};
    const Mapping mapping = choose_mapping(shape, {6, 6, 16}, {6, 6, 16}, hardware());
    // 512 x 576 six-bit activations are 216 KiB of a 256 KiB buffer: both operands come once.
    Index weights = 0, activations = 0;
    for (const Visit& visit : Visits(shape, mapping)) {
        weights += visit.loads_weights ? visit.n : 0;
        activations += visit.loads_activations ? visit.m : 0;
    }
    EXPECT_EQ(weights, 1536);
    EXPECT_EQ(activations, 512);
}

TEST(Mapping, AWeightStationaryArrayKeepsAllTokensWhereTheirSumsFit) {
    // 36 bits of partial sums and 16 of results for each of 512 x 32 outputs: 104 of 128 KiB.
    HardwareConfig config = hardware();
    config.dataflow = Dataflow::weight_stationary;
    config.accumulator.inner_bits = 16;
    const Mapping mapping = choose_mapping({512, 576, 576}, {6, 6, 16}, {6, 6, 16}, config);
    EXPECT_EQ(mapping.m_tile, 512);
    config.buffers.outputs_kib = 103;
    EXPECT_LT(choose_mapping({512, 576, 576}, {6, 6, 16}, {6, 6, 16}, config).m_tile, 512);
}

TEST(Mapping, KeepsWhatTheUserSays) {
    HardwareConfig config = hardware();
    config.mapping = {.tokens = 48, .outputs = 96, .outer_loop = OuterLoop::weights};
    const Mapping mapping = choose_mapping({512, 64, 576}, {6, 6, 16}, {6, 6, 16}, config);
    EXPECT_EQ(mapping.m_tile, 48);
    EXPECT_EQ(mapping.n_tile, 64);  // there are no more
    EXPECT_EQ(mapping.k_chunk, 576);
    EXPECT_TRUE(mapping.weights_outer);
    EXPECT_EQ(mapping.describe({512, 64, 576}),
              "tiles 48 x 64 x 576, loops outputs, tokens, depth, each weight tile stays while "
              "activations stream, weights fetched 1x, activations 1x");
    config.mapping = {.tokens = 32, .outputs = 32, .depth = 192};
    EXPECT_EQ(choose_mapping({512, 64, 576}, {6, 6, 16}, {6, 6, 16}, config).k_chunk, 192);
}

/// The key that a choice which cannot be kept is blamed on.
std::string blamed(const MappingConfig& given) {
    HardwareConfig config = hardware();
    config.mapping = given;
    try {
        choose_mapping({512, 576, 5760}, {6, 6, 16}, {6, 6, 16}, config);
    } catch (const KeyError& error) {
        return error.key();
    }
    return "";
}

TEST(Mapping, NamesTheKeyOfAChoiceThatDoesNotFit) {
    EXPECT_EQ(blamed({}), "");
    EXPECT_EQ(blamed({.tokens = 512}), "hardware.mapping.tokens");
    EXPECT_EQ(blamed({.outputs = 576}), "hardware.mapping.outputs");
    // No whole tiles of 64; more sums than the array keeps while depth comes in chunks.
    EXPECT_EQ(blamed({.depth = 100}), "hardware.mapping.depth");
    EXPECT_EQ(blamed({.tokens = 64, .depth = 64}), "hardware.mapping.tokens");
}

TEST(Mapping, RejectsBuffersThatHoldNoPass) {
    HardwareConfig config = hardware();
    config.buffers = {1, 1, 1, true};
    config.accumulator.tile_size = 4096;
    EXPECT_THROW(choose_mapping({64, 64, 8192}, {16, 16, 16}, {16, 16, 16}, config), KeyError);
}

}  // namespace
}  // namespace axesim::models
