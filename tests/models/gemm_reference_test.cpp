// SPDX-License-Identifier: Apache-2.0
// gemm_reference against cases worked by hand and against another way of computing the same: lists
// of step sums in 128-bit integers, reduced by modular arithmetic, with every event written down.
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "tests/models/gemm_cases.h"

namespace axesim::models {
namespace {

__extension__ using Wide = __int128;

struct Oracle {
    Matrix<std::int64_t> outputs;
    std::vector<OverflowPlace> inner_events, outer_events;
    std::vector<Wide> inner_values{0}, outer_values{0};
};

/// The representative of `value` modulo 2^bits in [-2^(bits-1), 2^(bits-1)), or the nearest of
/// them to it when saturating.
Wide into_accumulator(Wide value, int bits, OverflowMode mode) {
    const Wide modulus = Wide{1} << bits;
    const Wide half = modulus / 2;
    if (mode == OverflowMode::saturate) {
        if (value >= half) return half - 1;
        return value < -half ? -half : value;
    }
    return ((value + half) % modulus + modulus) % modulus - half;
}

/// Sums of consecutive groups of products of one tile.
std::vector<Wide> step_sums(const GemmCase& c, Index token, Index channel, Index begin, Index end) {
    std::vector<Wide> sums;
    for (Index k = begin; k < end; ++k) {
        if ((k - begin) % c.format.accumulator.lanes == 0) sums.push_back(0);
        sums.back() += Wide{c.activations(token, k)} * Wide{c.weights(channel, k)};
    }
    return sums;
}

Wide dot_product(const GemmCase& c, Index token, Index channel, Oracle& oracle) {
    const AccumulatorFormat& format = c.format.accumulator;
    const Index depth = c.weights.cols();
    const Index tile = format.tile_size == 0 ? depth : format.tile_size;
    const Index tiles = depth / tile + (depth % tile != 0 ? 1 : 0);
    int outer_bits = format.outer_bits;
    if (outer_bits == 0) {
        outer_bits = format.inner_bits;
        while ((Index{1} << (outer_bits - format.inner_bits)) < tiles) ++outer_bits;
        if (format.groups == WeightGroups::power_of_two) outer_bits += 7;
        if (format.groups == WeightGroups::integer) outer_bits += 6;
    }
    Wide outer = 0;
    for (Index t = 0; t < tiles; ++t) {
        const Index begin = t * tile;
        Wide inner = 0;
        Index step = 0;
        for (const Wide sum : step_sums(c, token, channel, begin, std::min(begin + tile, depth))) {
            const Wide kept = into_accumulator(inner + sum, format.inner_bits, format.overflow);
            if (kept != inner + sum) {
                oracle.inner_events.push_back(
                    {token, channel, begin + step * format.lanes, AccumulatorStage::inner});
            }
            inner = kept;
            ++step;
        }
        Wide added = 0;
        const int times = c.tile_scales.size() > 0 ? c.tile_scales(channel, t) : 1;
        for (int i = 0; i < times; ++i) added += inner;
        const Wide kept = into_accumulator(outer + added, outer_bits, format.overflow);
        if (kept != outer + added) {
            oracle.outer_events.push_back({token, channel, begin, AccumulatorStage::outer});
        }
        outer = kept;
        oracle.inner_values.push_back(inner);
        oracle.outer_values.push_back(outer);
    }
    return outer;
}

Oracle compute(const GemmCase& c) {
    Oracle oracle;
    oracle.outputs.resize(c.activations.rows(), c.weights.rows());
    // Channels outermost: the order must not matter.
    for (Index channel = 0; channel < c.weights.rows(); ++channel) {
        for (Index token = 0; token < c.activations.rows(); ++token) {
            oracle.outputs(token, channel) =
                static_cast<std::int64_t>(dot_product(c, token, channel, oracle));
        }
    }
    return oracle;
}

IntegerRange extremes(const std::vector<Wide>& values) {
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    return {static_cast<std::int64_t>(*min), static_cast<std::int64_t>(*max)};
}

void expect_equal(const GemmCase& c) {
    SCOPED_TRACE(describe(c));
    Matrix<std::int64_t> outputs;
    const AccumulatorObservation seen =
        gemm_reference(c.activations, c.weights, c.format, outputs, c.tile_scales);
    const Oracle oracle = compute(c);
    EXPECT_EQ(outputs, oracle.outputs);
    EXPECT_EQ(seen.inner_events, oracle.inner_events.size());
    EXPECT_EQ(seen.outer_events, oracle.outer_events.size());
    EXPECT_EQ(seen.inner_seen, extremes(oracle.inner_values));
    EXPECT_EQ(seen.outer_seen, extremes(oracle.outer_values));
    std::vector<OverflowPlace> events = oracle.inner_events;
    events.insert(events.end(), oracle.outer_events.begin(), oracle.outer_events.end());
    ASSERT_EQ(seen.first_overflow.has_value(), !events.empty());
    if (!events.empty()) {
        EXPECT_EQ(*seen.first_overflow, *std::min_element(events.begin(), events.end()));
    }
}

/// One token, one channel, W4 and signed 4-bit activations.
struct Dot {
    std::vector<std::int32_t> x;
    std::vector<std::int16_t> w;
    AccumulatorFormat accumulator;
};

GemmCase as_case(const Dot& dot) {
    GemmCase c;
    c.format = {signed_range(4), signed_range(4), dot.accumulator};
    c.activations = MatrixView<std::int32_t>(dot.x.data(), 1, static_cast<Index>(dot.x.size()));
    c.weights = MatrixView<std::int16_t>(dot.w.data(), 1, static_cast<Index>(dot.w.size()));
    return c;
}

AccumulatorObservation run(const Dot& dot, std::int64_t& output) {
    const GemmCase c = as_case(dot);
    Matrix<std::int64_t> outputs;
    const AccumulatorObservation seen = gemm_reference(c.activations, c.weights, c.format, outputs);
    output = outputs(0, 0);
    return seen;
}

TEST(GemmReference, SaturatesAtEveryStep) {
    // 49, 98, 147 -> 127, 127 - 56 = 71, 71 + 42 = 113.
    std::int64_t y = 0;
    const auto seen =
        run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 0, 0, OverflowMode::saturate}}, y);
    EXPECT_EQ(y, 113);
    EXPECT_EQ(seen.inner_events, 1u);
    EXPECT_EQ(seen.outer_events, 0u);
    EXPECT_EQ(*seen.first_overflow, (OverflowPlace{0, 0, 2, AccumulatorStage::inner}));
    EXPECT_EQ(seen.inner_seen, (IntegerRange{0, 113}));
}

TEST(GemmReference, WrapsAtEveryStep) {
    // 49, 98, 147 -> -109, -165 -> 91, 91 + 42 = 133 -> -123: three events.
    std::int64_t y = 0;
    const auto seen = run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 0, 0, OverflowMode::wrap}}, y);
    EXPECT_EQ(y, -123);
    EXPECT_EQ(seen.inner_events, 3u);
    EXPECT_EQ(seen.outer_events, 0u);
}

TEST(GemmReference, TrapCountsAndWraps) {
    std::int64_t y = 0;
    const auto seen = run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 0, 0, OverflowMode::trap}}, y);
    EXPECT_EQ(y, -123);
    EXPECT_EQ(seen.inner_events, 3u);
}

TEST(GemmReference, LanesAreSummedBeforeTheAccumulator) {
    // Two lanes: 98, then 49 - 56 = -7 -> 91, then 42 -> 133 -> 127.
    std::int64_t y = 0;
    const auto seen =
        run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 0, 0, OverflowMode::saturate, 2}}, y);
    EXPECT_EQ(y, 127);
    EXPECT_EQ(seen.inner_events, 1u);
    EXPECT_EQ(*seen.first_overflow, (OverflowPlace{0, 0, 4, AccumulatorStage::inner}));
}

TEST(GemmReference, LaneGroupsDoNotCrossTiles) {
    // T = 3, two lanes: (49 + 49) + 49 -> 127 in the first tile, -56 + 42 in the second.
    std::int64_t y = 0;
    const auto seen =
        run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 3, 0, OverflowMode::saturate, 2}}, y);
    EXPECT_EQ(y, 127 - 14);
    EXPECT_EQ(seen.inner_events, 1u);
    EXPECT_EQ(*seen.first_overflow, (OverflowPlace{0, 0, 2, AccumulatorStage::inner}));
    EXPECT_EQ(seen.inner_seen, (IntegerRange{-14, 127}));
    EXPECT_EQ(seen.outer_seen, (IntegerRange{0, 127}));
}

TEST(GemmReference, OuterAccumulatorOverflowsByTheSameRule) {
    // Tiles of one: 49, 98, 147 -> 127, 71, 113. P_I = 8 holds every product.
    std::int64_t y = 0;
    const auto seen =
        run({{7, 7, 7, -8, 6}, {7, 7, 7, 7, 7}, {8, 1, 8, OverflowMode::saturate}}, y);
    EXPECT_EQ(y, 113);
    EXPECT_EQ(seen.inner_events, 0u);
    EXPECT_EQ(seen.outer_events, 1u);
    EXPECT_EQ(*seen.first_overflow, (OverflowPlace{0, 0, 2, AccumulatorStage::outer}));
    EXPECT_EQ(seen.inner_seen, (IntegerRange{-56, 49}));
    EXPECT_EQ(seen.outer_seen, (IntegerRange{0, 127}));
}

TEST(GemmReference, ExtremesOfTheRangeAreNotOverflows) {
    // 49 + 49 + 28 + 1 = 127 and -56 - 56 - 16 = -128.
    std::int64_t y = 0;
    EXPECT_EQ(run({{7, 7, 7, 1}, {7, 7, 4, 1}, {8, 0, 0}}, y).inner_events, 0u);
    EXPECT_EQ(y, 127);
    EXPECT_EQ(run({{-8, -8, -8}, {7, 7, 2}, {8, 0, 0}}, y).inner_events, 0u);
    EXPECT_EQ(y, -128);
    EXPECT_EQ(run({{-8, -8, -8, 1}, {7, 7, 2, -1}, {8, 0, 0}}, y).inner_events, 1u);
    EXPECT_EQ(y, -128);
}

TEST(GemmReference, AgreesWithModularArithmeticIn128Bits) {
    CaseGenerator generator(1);
    std::uint64_t with_events = 0;
    constexpr int kCases = 3000;
    for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
        const GemmCase c = generator.draw(3, 4, 40);
        expect_equal(c);
        Matrix<std::int64_t> outputs;
        with_events += gemm_reference(c.activations, c.weights, c.format, outputs).inner_events > 0;
    }
    // Both kinds of case must be common, or this test says little.
    EXPECT_GT(with_events, kCases / 10u);
    EXPECT_LT(with_events, kCases * 9u / 10u);
}

TEST(GemmReference, AgreesWithModularArithmeticOnScaledTiles) {
    CaseGenerator generator(8);
    std::uint64_t with_outer_events = 0;
    for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
        const GemmCase c = generator.draw_grouped(3, 4, 40);
        expect_equal(c);
        with_outer_events += !compute(c).outer_events.empty();
    }
    EXPECT_GT(with_outer_events, 300u);
}

TEST(GemmReference, ScalesTheInnerValueOnItsWayToTheOuterAccumulator) {
    // Tiles of two: 14 * 1, then -16 * 8; an inner value is observed as it left its accumulator.
    GemmCase c = as_case({{7, 7, -8, -8}, {1, 1, 1, 1}, {8, 2, 0}});
    c.format.accumulator.groups = WeightGroups::power_of_two;
    c.tile_scales.resize(1, 2);
    c.tile_scales << 1, 8;
    Matrix<std::int64_t> y;
    const auto seen = gemm_reference(c.activations, c.weights, c.format, y, c.tile_scales);
    EXPECT_EQ(y(0, 0), 14 - 128);
    EXPECT_EQ(seen.inner_seen, (IntegerRange{-16, 14}));
    EXPECT_EQ(seen.outer_seen, (IntegerRange{-114, 14}));
    EXPECT_EQ(seen.outer_events, 0u);
    EXPECT_EQ(c.format.accumulator.outer_bits_for(4), 8 + 7 + 1);
    c.format.accumulator.outer_bits = 7;
    const auto narrow = gemm_reference(c.activations, c.weights, c.format, y, c.tile_scales);
    EXPECT_EQ(y(0, 0), -64);
    EXPECT_EQ(*narrow.first_overflow, (OverflowPlace{0, 0, 2, AccumulatorStage::outer}));
    for (const int impossible : {0, 3, 129, 255}) {
        c.tile_scales(0, 1) = static_cast<std::uint8_t>(impossible);
        EXPECT_THROW(gemm_reference(c.activations, c.weights, c.format, y, c.tile_scales),
                     std::invalid_argument);
    }
    c.tile_scales.resize(1, 3);
    c.tile_scales.setOnes();
    EXPECT_THROW(gemm_reference(c.activations, c.weights, c.format, y, c.tile_scales),
                 std::invalid_argument);
}

TEST(GemmReference, WidestAccumulators) {
    CaseGenerator generator(2);
    for (const OverflowMode mode :
         {OverflowMode::wrap, OverflowMode::saturate, OverflowMode::trap}) {
        GemmCase c;
        c.format = {signed_range(16), unsigned_range(16), {48, 4, 63, mode, 4}};
        c.activations = generator.codes<std::int32_t>(2, 50, c.format.activations, Codes::greatest);
        c.weights = generator.codes<std::int16_t>(3, 50, c.format.weights, Codes::least);
        expect_equal(c);
        c.format.accumulator = {33, 0, 33, mode, 1};
        expect_equal(c);
    }
}

TEST(GemmReference, RefusesWhatItCannotCompute) {
    GemmCase c = as_case({{1, 2}, {3, 4}, {8, 0, 0}});
    Matrix<std::int64_t> y;
    const auto call = [&] { gemm_reference(c.activations, c.weights, c.format, y); };
    EXPECT_NO_THROW(call());
    c.format.accumulator.inner_bits = 49;
    EXPECT_THROW(call(), std::invalid_argument);
    c.format.accumulator = {8, 0, 64};
    EXPECT_THROW(call(), std::invalid_argument);
    c.format.accumulator = {8, 0, 0, OverflowMode::wrap, 0};
    EXPECT_THROW(call(), std::invalid_argument);
    c.format.accumulator = {8, 0, 0};
    c.weights(0, 1) = 8;
    EXPECT_THROW(call(), std::invalid_argument);
    c.weights(0, 1) = 7;
    c.activations(0, 0) = -9;
    EXPECT_THROW(call(), std::invalid_argument);
    c.activations.resize(1, 3);
    EXPECT_THROW(call(), std::invalid_argument);
}

TEST(AccumulatorObservation, MergeIsAssociativeAndCommutative) {
    AccumulatorObservation a, b, none;
    a.inner_events = 2;
    a.first_overflow = {1, 5, 7, AccumulatorStage::outer};
    a.inner_seen = {-3, 4};
    b.outer_events = 1;
    b.first_overflow = {1, 5, 7, AccumulatorStage::inner};
    b.outer_seen = {0, 9};
    AccumulatorObservation ab = a, ba = b, a_none = a;
    ab.merge(b);
    ba.merge(a);
    a_none.merge(none);
    EXPECT_EQ(ab, ba);
    EXPECT_EQ(a_none, a);
    EXPECT_EQ(ab.inner_events, 2u);
    EXPECT_EQ(ab.outer_events, 1u);
    EXPECT_EQ(ab.first_overflow->stage, AccumulatorStage::inner);
    EXPECT_EQ(ab.inner_seen, (IntegerRange{-3, 4}));
    EXPECT_EQ(ab.outer_seen, (IntegerRange{0, 9}));
}

}  // namespace
}  // namespace axesim::models
