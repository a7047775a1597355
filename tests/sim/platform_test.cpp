// SPDX-License-Identifier: Apache-2.0
// The joined hardware against the definition of its arithmetic, and its own books: bits, cycles.
#include "sim/platform.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "models/compute/gemm.h"
#include "tests/common/any_tile_scale.h"
#include "tests/sim/small_hardware.h"

namespace axesim::sim {
namespace {

using models::HardwareConfig;
using models::LayerFormat;
using models::Stream;

template <class T>
Matrix<T> random_codes(Index rows, Index columns, const IntegerRange& range, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::int64_t> pick(range.min, range.max);
    return Matrix<T>::NullaryExpr(rows, columns, [&] { return static_cast<T>(pick(random)); });
}

TileScales random_tile_scales(const HardwareConfig& config, Index channels, Index depth) {
    if (config.accumulator.groups == WeightGroups::none) return {};
    return random_codes<std::int16_t>(channels, config.accumulator.tile_count(depth),
                                      {0, kTileScaleChoices - 1}, 3)
        .unaryExpr(
            [&](std::int16_t choice) { return any_tile_scale(config.accumulator.groups, choice); });
}

struct Outcome {
    GemmReport report;
    Matrix<std::int64_t> outputs;
    models::Counts counts;
};

/// A layer of this format on hardware that may be wider.
Outcome simulate(const HardwareConfig& config, const LayerFormat& format,
                 const Matrix<std::int32_t>& x, const Matrix<std::int16_t>& w,
                 const TileScales& tile_scales = {}) {
    models::set_simulation_resolution();
    Platform platform(
        "platform", config,
        {Platform::weight_bytes(w.rows(), w.cols(), format, config), x.rows(), x.cols(), w.rows()});
    Outcome outcome;
    platform.run([&] {
        const auto weights = platform.store_weights(
            w, std::vector<double>(static_cast<std::size_t>(w.rows()), 1.0), format, tile_scales);
        outcome.report = platform.multiply_raw(weights, platform.store_activations(x, format),
                                               format, outcome.outputs);
    });
    outcome.counts = platform.counts();
    return outcome;
}

void expect_reference_and_conservation(const HardwareConfig& config, Index m, Index n, Index k) {
    const auto x = random_codes<std::int32_t>(m, k, config.activations.codes(), 1);
    const auto w = random_codes<std::int16_t>(n, k, config.weight_codes(), 2);
    const TileScales tile_scales = random_tile_scales(config, n, k);
    const Outcome outcome = simulate(config, config, x, w, tile_scales);

    Matrix<std::int64_t> expected;
    const auto observed = models::gemm_reference(
        x, w, {config.weight_codes(), config.activations.codes(), config.accumulator}, expected,
        tile_scales);
    EXPECT_EQ(outcome.outputs, expected);
    EXPECT_EQ(outcome.report.observed, observed);

    const models::CycleCounts& cycles = outcome.report.cycles;
    EXPECT_EQ(cycles.cycles, cycles.busy + cycles.fill_drain + cycles.stall_dram +
                                 cycles.stall_buffer + cycles.stall_vector + cycles.stall_clusters);
    const models::TrafficCounts traffic = outcome.counts.total_traffic();
    EXPECT_EQ(traffic.transferred_bits, traffic.payload_bits + traffic.metadata_bits +
                                            traffic.padding_bits + traffic.burst_tail_bits);
    EXPECT_EQ(traffic.transferred_bits,
              outcome.counts.dram.read_bits + outcome.counts.dram.written_bits);
    EXPECT_EQ(outcome.counts.dram.read_bits / 256 + outcome.counts.dram.written_bits / 256,
              outcome.counts.dram.row_hits + outcome.counts.dram.row_misses);
    EXPECT_EQ(outcome.counts.compute.macs, static_cast<std::uint64_t>(m * n * k));
    // Never faster than the array or than the DRAM's peak.
    const auto& shape = outcome.report.shape;
    const auto array = models::array_cycles(shape.m, shape.n, shape.k, config);
    EXPECT_GE(cycles.cycles * static_cast<std::uint64_t>(config.clusters), array.busy);
    EXPECT_GE(static_cast<double>(cycles.cycles) / (config.clock_mhz * 1e6),
              static_cast<double>(traffic.transferred_bits) / config.dram.peak_bits_per_second());
}

TEST(Platform, EqualsTheReferenceOnARaggedShape) {
    expect_reference_and_conservation(small_hardware(), 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceWhenDepthComesInChunks) {
    HardwareConfig config = small_hardware();
    config.buffers = {1, 1, 1, true};
    expect_reference_and_conservation(config, 9, 10, 1500);
}

TEST(Platform, EqualsTheReferenceSingleBuffered) {
    HardwareConfig config = small_hardware();
    config.buffers.double_buffered = false;
    expect_reference_and_conservation(config, 19, 40, 100);
}

TEST(Platform, EqualsTheReferenceOnClustersThatShareChannels) {
    HardwareConfig config = small_hardware();
    config.clusters = 4;
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceOnClustersThatShareTokensWhereWeightsStay) {
    HardwareConfig config = small_hardware();
    config.dataflow = models::Dataflow::weight_stationary;
    config.buffers = {2, 2, 4, true};
    config.clusters = 25;  // more than there are tokens
    config.cluster_split = models::ClusterSplit::tokens;
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceWhereWeightsStay) {
    HardwareConfig config = small_hardware();
    config.dataflow = models::Dataflow::weight_stationary;  // 16 products a tile, 4 rows
    config.buffers = {2, 2, 4, true};
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceWhereWeightsStayForAPartOfTheDepth) {
    HardwareConfig config = small_hardware();
    config.dataflow = models::Dataflow::weight_stationary;
    config.buffers = {1, 1, 2, true};
    config.accumulator.groups = WeightGroups::power_of_two;
    expect_reference_and_conservation(config, 9, 10, 1500);
}

TEST(Platform, EqualsTheReferenceInEveryLayout) {
    // One platform a process; the layouts that are not the default get a test each.
    HardwareConfig config = small_hardware();
    config.memory_interface.layout = models::Layout::aligned_fields;
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferencePadded) {
    HardwareConfig config = small_hardware();
    config.memory_interface.layout = models::Layout::padded_byte;
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceWithLanesAndSaturation) {
    HardwareConfig config = small_hardware();
    config.accumulator.lanes = 4;
    config.accumulator.overflow = OverflowMode::saturate;
    config.activations.range = models::ActivationRange::symmetric;
    expect_reference_and_conservation(config, 8, 24, 130);
}

TEST(Platform, EqualsTheReferenceWithTwoChannelsAndAnOddClock) {
    HardwareConfig config = small_hardware();
    config.dram.channels = 2;
    config.clock_mhz = 1050;
    expect_reference_and_conservation(config, 19, 21, 77);
}

/// Wider hardware changes no value and no cycle of the array; a layer travels at its own widths.
TEST(Platform, ANarrowLayerOnWideHardwareKeepsItsAccumulatorsAndItsBits) {
    const LayerFormat layer = small_hardware();  // 6 x 5 bits on 12 bits that wrap
    HardwareConfig wide = small_hardware();
    wide.weight_bits = 11;
    wide.activations.bits = 9;
    wide.accumulator.inner_bits = 24;
    const Index m = 12, n = 24, k = 77;
    const auto x = random_codes<std::int32_t>(m, k, layer.activations.codes(), 1);
    const auto w = random_codes<std::int16_t>(n, k, layer.weight_codes(), 2);
    const Outcome outcome = simulate(wide, layer, x, w);

    Matrix<std::int64_t> expected;
    const auto observed = models::gemm_reference(x, w, layer.gemm(), expected);
    EXPECT_GT(observed.inner_events, 0U) << "nothing overflows, so the test shows nothing";
    EXPECT_EQ(outcome.outputs, expected);
    EXPECT_EQ(outcome.report.observed, observed);
    EXPECT_EQ(outcome.report.cycles.busy, models::array_cycles(m, n, k, small_hardware()).busy);

    // Buffers hold elements in slots of the hardware's widths: words of 8 columns, of 4 rows.
    ASSERT_EQ(outcome.report.mapping.k_chunk, k);
    std::uint64_t weights = 0, weight_words = 0, activations = 0, activation_words = 0;
    for (const auto& visit : models::Visits(outcome.report.shape, outcome.report.mapping)) {
        const auto loaded_weights =
            static_cast<std::uint64_t>(visit.loads_weights ? visit.n * k : 0);
        const auto loaded = static_cast<std::uint64_t>(visit.loads_activations ? visit.m * k : 0);
        weights += loaded_weights;
        weight_words += (loaded_weights + 7) / 8;
        activations += loaded;
        activation_words += (loaded + 3) / 4;
    }
    const auto payload = [&](Stream stream) {
        return outcome.counts.traffic[static_cast<std::size_t>(stream)].payload_bits;
    };
    EXPECT_EQ(payload(Stream::weights), 6 * weights);
    EXPECT_EQ(payload(Stream::activations), 5 * activations);
    EXPECT_EQ(outcome.counts.weights_buffer.writes, weight_words);
    EXPECT_EQ(outcome.counts.activations_buffer.writes, activation_words);
}

TEST(Platform, EqualsTheReferenceWithGroups) {
    HardwareConfig config = small_hardware();
    config.accumulator.groups = WeightGroups::power_of_two;
    config.accumulator.outer_bits = 20;  // overflows
    expect_reference_and_conservation(config, 19, 21, 77);
}

TEST(Platform, EqualsTheReferenceWithGroupsWhenDepthComesInChunks) {
    HardwareConfig config = small_hardware();
    config.buffers = {1, 1, 1, true};
    config.accumulator.groups = WeightGroups::integer;
    expect_reference_and_conservation(config, 9, 10, 1500);
}

// Real inputs and weights through every module against the product of what their codes stand for.
TEST(Platform, GroupsScaleBackToTheProductOfDequantizedOperands) {
    HardwareConfig config = small_hardware();
    config.accumulator = {.inner_bits = 24, .tile_size = 16};
    config.accumulator.groups = WeightGroups::power_of_two;
    config.output_format = models::OutputFormat::float32;
    config.buffers = {16, 16, 16, true};
    constexpr Index kTokens = 7, kChannels = 21, kDepth = 77;
    std::mt19937 random(4);
    std::normal_distribution<float> pick(0.3F);
    const auto input =
        Matrix<float>::NullaryExpr(kTokens, kDepth, [&] { return pick(random); }).eval();
    const auto w = random_codes<std::int16_t>(kChannels, kDepth, config.weight_codes(), 2);
    const TileScales tile_scales = random_tile_scales(config, kChannels, kDepth);
    std::vector<double> step;
    for (Index c = 0; c < kChannels; ++c) step.push_back(0.25F * static_cast<float>(c + 1));
    models::set_simulation_resolution();
    Platform platform(
        "platform", config,
        {Platform::weight_bytes(kChannels, kDepth, config, config), kTokens, kDepth, kChannels});
    Matrix<float> outputs;
    platform.run([&] {
        const auto weights = platform.store_weights(w, step, config, tile_scales);
        platform.multiply(weights, platform.quantize(input, nullptr, {}, config), config, outputs);
    });
    const Matrix<float> x =
        models::dequantize(models::quantize_per_token(input, config.activations));
    for (Index token = 0; token < kTokens; ++token) {
        for (Index c = 0; c < kChannels; ++c) {
            double sum = 0, magnitude = 0;
            for (Index k = 0; k < kDepth; ++k) {
                const double product = x(token, k) * step[static_cast<std::size_t>(c)] * w(c, k) *
                                       tile_scales(c, k / 16);
                sum += product;
                magnitude += std::abs(product);
            }
            EXPECT_NEAR(outputs(token, c), sum, 1e-6 * magnitude);
        }
    }
    // Three bits a channel and tile beside two words a channel, which cross the bus once each.
    const auto metadata =
        platform.counts().traffic[static_cast<std::size_t>(Stream::weights)].metadata_bits;
    EXPECT_EQ(metadata, static_cast<std::uint64_t>(kChannels * (2 * 32 + 3 * 5)));
}

// Small integers, steps of 1 and biases of a few binary digits: every value is exact.
TEST(Platform, ABiasIsAddedToEachOutputAndPaidFor) {
    HardwareConfig config = small_hardware();
    config.accumulator = {.inner_bits = 24, .tile_size = 16};
    config.output_format = models::OutputFormat::float32;
    constexpr Index kTokens = 5, kChannels = 11, kDepth = 40;
    const auto x = random_codes<std::int32_t>(kTokens, kDepth, config.activations.codes(), 1);
    const auto w = random_codes<std::int16_t>(kChannels, kDepth, config.weight_codes(), 2);
    std::vector<double> bias;
    for (Index c = 0; c < kChannels; ++c) bias.push_back(0.375 * static_cast<double>(c - 4));
    models::set_simulation_resolution();
    Platform platform("platform", config,
                      {Platform::weight_bytes(kChannels, kDepth, config, config, true), kTokens,
                       kDepth, kChannels});
    Matrix<float> outputs;
    platform.run([&] {
        const auto weights = platform.store_weights(
            w, std::vector<double>(static_cast<std::size_t>(kChannels), 1.0), config, {}, bias);
        platform.multiply(weights, platform.store_activations(x, config), config, outputs);
    });
    const Matrix<double> exact = x.cast<double>() * w.cast<double>().transpose();
    for (Index c = 0; c < kChannels; ++c) {
        EXPECT_EQ(outputs.col(c).cast<double>(),
                  (exact.col(c).array() + bias[static_cast<std::size_t>(c)]).matrix());
    }
    const models::Counts counts = platform.counts();
    EXPECT_EQ(counts.compute.bias_adds, static_cast<std::uint64_t>(kTokens * kChannels));
    EXPECT_EQ(counts.traffic[static_cast<std::size_t>(Stream::weights)].metadata_bits,
              static_cast<std::uint64_t>(kChannels * 3 * 32));
}

TEST(Platform, WeightsInDramArePackedBits) {
    HardwareConfig config = small_hardware();
    // 64 x 100 six-bit weights: 4,800 bytes, and one pair of 32-bit words a channel.
    EXPECT_EQ(Platform::weight_bytes(64, 100, config, config), 4800U + 512U);
    HardwareConfig grouped = config;
    grouped.accumulator.groups = WeightGroups::power_of_two;
    // Seven tiles a channel: 1,344 bits in whole bursts of 32 bytes.
    EXPECT_EQ(Platform::weight_bytes(64, 100, grouped, grouped), 4800U + 512U + 192U);
    // The same without groups on hardware for wider weights.
    const LayerFormat layer = config;
    config.weight_bits = 9;
    EXPECT_EQ(Platform::weight_bytes(64, 100, layer, config), 4800U + 512U);
}

}  // namespace
}  // namespace axesim::sim
