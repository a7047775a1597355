// SPDX-License-Identifier: Apache-2.0
// PreparedWeights against gemm_reference: same values, same counts, same observation, for every
// instruction set of this machine and every way of summing a tile.
#include <gtest/gtest.h>
#include <omp.h>

#include <map>
#include <stdexcept>

#include "models/compute/weight_panels.h"
#include "tests/models/gemm_cases.h"
#include "tests/models/highway_targets.h"

namespace axesim::models {
namespace {

struct Result {
    Matrix<std::int64_t> outputs;
    AccumulatorObservation seen;
};

Result reference(const GemmCase& c) {
    Result result;
    result.seen = gemm_reference(c.activations, c.weights, c.format, result.outputs, c.tile_scales);
    return result;
}

void expect_same(const GemmCase& c) {
    SCOPED_TRACE(describe(c));
    const Result expected = reference(c);
    const PreparedWeights prepared(c.weights, c.format, c.tile_scales);
    Result fast;
    fast.seen = prepared.multiply(c.activations, fast.outputs);
    EXPECT_EQ(fast.outputs, expected.outputs);
    EXPECT_EQ(fast.seen.inner_events, expected.seen.inner_events);
    EXPECT_EQ(fast.seen.outer_events, expected.seen.outer_events);
    EXPECT_EQ(fast.seen.inner_seen, expected.seen.inner_seen);
    EXPECT_EQ(fast.seen.outer_seen, expected.seen.outer_seen);
    EXPECT_EQ(fast.seen.first_overflow, expected.seen.first_overflow);
    if (prepared.overflow_free()) {
        EXPECT_EQ(expected.seen.inner_events + expected.seen.outer_events, 0u);
    }
}

/// Adds up how often each method is planned.
void count_methods(const GemmCase& c, std::map<TileMethod, int>& counts) {
    const WeightPanels panels(c.weights, c.format);
    for (Index panel = 0; panel < panels.panels(); ++panel) {
        for (Index t = 0; t < static_cast<Index>(panels.tiles().size()); ++t) {
            ++counts[panels.plan(panel, t).method];
        }
    }
}

class GemmFast : public OnEveryTarget {
protected:
    void SetUp() override {
        OnEveryTarget::SetUp();
        omp_set_num_threads(1);
    }
    void TearDown() override {
        OnEveryTarget::TearDown();
        omp_set_num_threads(omp_get_num_procs());
    }
};

TEST_P(GemmFast, RandomSmallCases) {
    CaseGenerator generator(3);
    std::map<TileMethod, int> methods;
    for (int i = 0; i < 2000 && !HasFailure(); ++i) {
        const GemmCase c = generator.draw(19, 70, 48);
        count_methods(c, methods);
        expect_same(c);
    }
    for (const TileMethod method :
         {TileMethod::any_order_int16, TileMethod::any_order, TileMethod::step,
          TileMethod::wide_any_order, TileMethod::wide_step}) {
        EXPECT_GT(methods[method], 25) << static_cast<int>(method);
    }
}

TEST_P(GemmFast, ScaledTiles) {
    CaseGenerator generator(9);
    int overflow_free = 0, safe_int32 = 0, with_outer_events = 0;
    for (int i = 0; i < 1500 && !HasFailure(); ++i) {
        const GemmCase c = generator.draw_grouped(19, 70, 48);
        const WeightPanels panels(c.weights, c.format, c.tile_scales);
        overflow_free += panels.overflow_free();
        safe_int32 += panels.outer_is_safe_int32(0);
        with_outer_events += reference(c).seen.outer_events > 0;
        expect_same(c);
    }
    EXPECT_GT(overflow_free, 150);
    EXPECT_GT(safe_int32, 150);
    EXPECT_GT(with_outer_events, 150);
}

// The worst activations reach exactly what the outer accumulator holds, and one shift more does
// not.
TEST_P(GemmFast, ShiftsAtTheEdgeOfTheOuterBound) {
    for (const int shift : {4, 5}) {
        GemmCase c;
        c.format = {signed_range(4), IntegerRange{-1, 1}, {8, 4, 9, OverflowMode::wrap, 1}};
        c.format.accumulator.groups = WeightGroups::power_of_two;
        c.activations = Matrix<std::int32_t>::Ones(3, 8);
        c.weights = Matrix<std::int16_t>::Zero(33, 8);
        c.weights.row(32) << 7, 2, 0, 6, 7, 4, 2, 2;  // 15 and 15: 15 + (15 << 4) = 255
        c.tile_scales = TileScales::Ones(33, 2);
        c.tile_scales(32, 1) = static_cast<std::uint8_t>(1 << shift);
        EXPECT_EQ(PreparedWeights(c.weights, c.format, c.tile_scales).overflow_free(), shift == 4);
        EXPECT_EQ(reference(c).seen.outer_events, shift == 4 ? 0u : 3u);
        expect_same(c);
    }
}

// Deep tiles whose sums now and then leave the accumulator: prefixes have to be checked.
TEST_P(GemmFast, SeldomOverflow) {
    CaseGenerator generator(4);
    std::map<TileMethod, int> methods;
    std::uint64_t cases_with_events = 0;
    for (int i = 0; i < 250 && !HasFailure(); ++i) {
        const int bits = static_cast<int>(generator.integer(3, 8));
        const Index depth = generator.integer(100, 400);
        GemmCase c;
        c.format.weights = signed_range(bits);
        c.format.activations = i % 2 == 0 ? signed_range(bits) : unsigned_range(bits);
        const int inner_bits = 2 * bits + static_cast<int>(generator.integer(1, 4));
        const Index tile = i % 3 == 0 ? 0 : generator.integer(40, depth);
        c.format.accumulator = {inner_bits, tile, 0, static_cast<OverflowMode>(i % 2),
                                static_cast<int>(generator.integer(1, 4))};
        c.activations = generator.codes<std::int32_t>(generator.integer(1, 17), depth,
                                                      c.format.activations, Codes::uniform);
        c.weights = generator.codes<std::int16_t>(generator.integer(1, 40), depth, c.format.weights,
                                                  Codes::narrow_bell);
        count_methods(c, methods);
        cases_with_events += reference(c).seen.inner_events > 0;
        expect_same(c);
    }
    EXPECT_GT(methods[TileMethod::check_prefixes], 75);
    EXPECT_GT(methods[TileMethod::check_prefixes_int16], 75);
    EXPECT_GT(cases_with_events, 30u);
    EXPECT_LT(cases_with_events, 220u);
}

// The worst activations for each channel, and weights exactly at and one beyond what fits.
TEST_P(GemmFast, AtTheEdgeOfTheBound) {
    for (const int over : {0, 1}) {
        for (const bool is_unsigned : {false, true}) {
            GemmCase c;
            c.format.weights = signed_range(8);
            c.format.activations = is_unsigned ? unsigned_range(1) : IntegerRange{-1, 1};
            c.format.accumulator = {10, 64, 0, OverflowMode::saturate, 1};
            c.activations = Matrix<std::int32_t>::Ones(5, 64);
            c.weights = Matrix<std::int16_t>::Zero(33, 64);
            for (Index k = 0; k < 4; ++k) c.weights(32, 10 * k + 9) = 127;
            c.weights(32, 50) = static_cast<std::int16_t>(511 - 4 * 127 + over);
            EXPECT_EQ(PreparedWeights(c.weights, c.format).overflow_free(), over == 0);
            EXPECT_EQ(reference(c).seen.inner_events, over == 0 ? 0u : 5u);
            expect_same(c);
        }
    }
}

// 128 weights of one sign and activations of 255 reach +-32,640; 129 would leave int16.
TEST_P(GemmFast, AtTheEdgeOfInt16) {
    const Index tile = 131;
    for (const std::int16_t sign : {std::int16_t{1}, std::int16_t{-1}}) {
        for (const int over : {0, 1}) {
            GemmCase c;
            c.format = {signed_range(8), unsigned_range(8), {32, tile, 0}};
            c.activations = Matrix<std::int32_t>::Constant(11, 2 * tile + 1, 255);
            c.weights = Matrix<std::int16_t>::Zero(35, 2 * tile + 1);
            c.weights.row(34).segment(tile + 2, 128 + over).fill(sign);
            std::map<TileMethod, int> methods;
            count_methods(c, methods);
            EXPECT_EQ(methods[TileMethod::any_order], over);
            EXPECT_EQ(methods[TileMethod::any_order_int16], 6 - over);
            expect_same(c);
        }
    }
}

TEST_P(GemmFast, ExtremeCodesOfEveryWidth) {
    CaseGenerator generator(5);
    for (int bits = 2; bits <= 16; ++bits) {
        for (const bool is_unsigned : {false, true}) {
            for (const Codes kind : {Codes::least, Codes::greatest, Codes::extremes}) {
                GemmCase c;
                c.format.weights = signed_range(bits);
                c.format.activations = is_unsigned ? unsigned_range(bits) : signed_range(bits);
                c.activations = generator.codes<std::int32_t>(3, 37, c.format.activations, kind);
                c.weights = generator.codes<std::int16_t>(5, 37, c.format.weights, kind);
                for (const int inner_bits : {2 * bits, 2 * bits + 3, 30, 31, 32, 48}) {
                    for (const std::int64_t tile : {0, 7, 16}) {
                        c.format.accumulator = {inner_bits, tile, 0, OverflowMode::wrap, 2};
                        expect_same(c);
                    }
                }
            }
        }
    }
}

TEST_P(GemmFast, SmallOuterAccumulators) {
    CaseGenerator generator(6);
    for (int i = 0; i < 60 && !HasFailure(); ++i) {
        GemmCase c;
        c.format = {signed_range(6), unsigned_range(6), {}};
        c.format.accumulator = {16, generator.integer(8, 32),
                                static_cast<int>(generator.integer(8, 17)),
                                static_cast<OverflowMode>(i % 3), 1};
        c.activations = generator.codes<std::int32_t>(4, 200, c.format.activations, Codes::uniform);
        c.weights = generator.codes<std::int16_t>(35, 200, c.format.weights, Codes::uniform);
        expect_same(c);
    }
}

TEST_P(GemmFast, ThreadsDoNotChangeAnything) {
    CaseGenerator generator(7);
    for (const int inner_bits : {11, 14, 17, 32}) {
        GemmCase c;
        c.format = {signed_range(6), unsigned_range(6), {inner_bits, 24, 0}};
        c.activations =
            generator.codes<std::int32_t>(140, 60, c.format.activations, Codes::uniform);
        c.weights = generator.codes<std::int16_t>(140, 60, c.format.weights, Codes::uniform);
        const Result expected = reference(c);
        const PreparedWeights prepared(c.weights, c.format);
        for (const int threads : {1, 2, 5}) {
            omp_set_num_threads(threads);
            Result result;
            result.seen = prepared.multiply(c.activations, result.outputs);
            EXPECT_EQ(result.outputs, expected.outputs);
            EXPECT_TRUE(result.seen == expected.seen) << threads << " threads, P_I " << inner_bits;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, GemmFast, every_target(), target_name);

TEST_P(GemmFast, OnePreparationServesAllWeights) {
    CaseGenerator generator(11);
    for (int i = 0; i < 200 && !HasFailure(); ++i) {
        GemmCase c = generator.draw(19, 70, 48);
        const PreparedActivations activations(
            std::make_shared<const Matrix<std::int32_t>>(c.activations), c.format);
        for (const Index channels : {1, 40}) {
            c.weights = generator.codes<std::int16_t>(channels, c.weights.cols(), c.format.weights,
                                                      Codes::uniform);
            c.tile_scales = {};
            const Result expected = reference(c);
            Result fast;
            fast.seen = PreparedWeights(c.weights, c.format).multiply(activations, fast.outputs);
            EXPECT_EQ(fast.outputs, expected.outputs);
            EXPECT_TRUE(fast.seen == expected.seen);
        }
    }
}

TEST(PreparedWeights, RefusesCodesOutsideTheFormat) {
    const GemmFormat format{narrow_range(4), unsigned_range(4), {16, 0, 0}};
    Matrix<std::int16_t> weights = Matrix<std::int16_t>::Zero(2, 3);
    weights(1, 2) = -8;
    EXPECT_THROW(PreparedWeights(weights, format), std::invalid_argument);
    weights(1, 2) = -7;
    const PreparedWeights prepared(weights, format);
    EXPECT_EQ(prepared.channels(), 2);
    EXPECT_EQ(prepared.depth(), 3);
    Matrix<std::int64_t> y;
    Matrix<std::int32_t> x = Matrix<std::int32_t>::Zero(2, 3);
    x(1, 0) = 16;
    EXPECT_THROW(prepared.multiply(x, y), std::invalid_argument);
    EXPECT_THROW(prepared.multiply(Matrix<std::int32_t>::Zero(2, 4), y), std::invalid_argument);
}

TEST(PreparedWeights, NoTokensNoChannels) {
    const GemmFormat format{signed_range(4), unsigned_range(4), {16, 0, 0}};
    Matrix<std::int64_t> y;
    const PreparedWeights prepared(Matrix<std::int16_t>::Zero(2, 3), format);
    EXPECT_TRUE(prepared.multiply(Matrix<std::int32_t>(0, 3), y) == AccumulatorObservation{});
    EXPECT_EQ(y.rows(), 0);
    EXPECT_EQ(y.cols(), 2);
}

}  // namespace
}  // namespace axesim::models
