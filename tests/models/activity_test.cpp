// SPDX-License-Identifier: Apache-2.0
// What toggles in a unit, against a unit that is built bit by bit.
#include "models/compute/activity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <tuple>
#include <vector>

namespace axesim::models {
namespace {

GemmFormat format_of(int weight_bits, IntegerRange activations, int inner_bits, Index tile,
                     int lanes, OverflowMode overflow) {
    return {signed_range(weight_bits),
            activations,
            {.inner_bits = inner_bits, .tile_size = tile, .overflow = overflow, .lanes = lanes}};
}

/// Uniform codes.
template <class T>
Matrix<T> random_codes(Index rows, Index columns, const IntegerRange& range, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::int64_t> pick(range.min, range.max);
    return Matrix<T>::NullaryExpr(rows, columns, [&] { return static_cast<T>(pick(random)); });
}

bool bit(std::int64_t value, int index) { return (value >> index & 1) != 0; }

/// Every bit product and every bit of the register, after a step.
struct State {
    std::vector<bool> products, inner;
};

std::uint64_t changed(const std::vector<bool>& a, const std::vector<bool>& b) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
    return count;
}

/// The states of an output's steps, for depths that lanes and tile divide.
std::vector<State> states(const Matrix<std::int32_t>& x, const Matrix<std::int16_t>& w, Index token,
                          Index channel, const GemmFormat& format, int weight_bits,
                          int activation_bits) {
    const AccumulatorFormat& accumulator = format.accumulator;
    const std::int64_t least = -(std::int64_t{1} << (accumulator.inner_bits - 1));
    const std::int64_t most = -least - 1;
    std::vector<State> result;
    std::int64_t inner = 0;
    for (Index first = 0; first < x.cols(); first += accumulator.lanes) {
        if (first % accumulator.tile_size == 0) inner = 0;
        State state;
        for (Index k = first; k < first + accumulator.lanes; ++k) {
            inner += std::int64_t{x(token, k)} * w(channel, k);
            for (int i = 0; i < weight_bits; ++i) {
                for (int j = 0; j < activation_bits; ++j) {
                    state.products.push_back(bit(w(channel, k), i) && bit(x(token, k), j));
                }
            }
        }
        if (accumulator.overflow == OverflowMode::saturate) {
            inner = std::min(std::max(inner, least), most);
        } else {
            while (inner > most) inner += 2 * least;
            while (inner < least) inner -= 2 * least;
        }
        for (int i = 0; i < accumulator.inner_bits; ++i) state.inner.push_back(bit(inner, i));
        result.push_back(state);
    }
    return result;
}

TEST(Activity, IsThatOfAUnitBuiltBitByBit) {
    for (const bool is_signed : {false, true}) {
        const IntegerRange range = is_signed ? signed_range(4) : unsigned_range(4);
        const Matrix<std::int32_t> x = random_codes<std::int32_t>(3, 48, range, 1);
        const Matrix<std::int16_t> w = random_codes<std::int16_t>(2, 48, signed_range(5), 2);
        for (const int lanes : {1, 4}) {
            for (const OverflowMode overflow : {OverflowMode::wrap, OverflowMode::saturate}) {
                const GemmFormat format = format_of(5, range, 9, 16, lanes, overflow);
                const auto before = states(x, w, 1, 1, format, 5, 4);
                const auto now = states(x, w, 2, 1, format, 5, 4);
                Toggles streamed, held;
                for (std::size_t s = 0; s < now.size(); ++s) {
                    held.partial_products += changed(before[s].products, now[s].products);
                    held.accumulator += changed(before[s].inner, now[s].inner);
                    if (s == 0) continue;
                    streamed.partial_products += changed(now[s - 1].products, now[s].products);
                    streamed.accumulator += changed(now[s - 1].inner, now[s].inner);
                }
                const Toggles output =
                    unit_toggles(x, w, 2, 1, format, Dataflow::output_stationary);
                EXPECT_EQ(output.partial_products, streamed.partial_products);
                EXPECT_EQ(output.accumulator, streamed.accumulator);
                EXPECT_EQ(output.products, 48u - static_cast<unsigned>(lanes));
                const Toggles column =
                    unit_toggles(x, w, 2, 1, format, Dataflow::weight_stationary);
                EXPECT_EQ(column.partial_products, held.partial_products);
                EXPECT_EQ(column.accumulator, held.accumulator);
                EXPECT_EQ(column.products, 48u);
            }
        }
    }
}

TEST(Activity, OfEqualUnitsIsThatOfOne) {
    const IntegerRange range = unsigned_range(6);
    const auto x = random_codes<std::int32_t>(1, 65, range, 3);
    const Matrix<std::int16_t> w =
        random_codes<std::int16_t>(1, 65, signed_range(6), 4).replicate(40, 1);
    const GemmFormat format = format_of(6, range, 16, 32, 1, OverflowMode::wrap);
    const Toggles one = unit_toggles(x, w, 0, 0, format, Dataflow::output_stationary);
    const ActivityCounts counts = ActivityMeter(Dataflow::output_stationary).watch(x, w, format);
    // Of 65 steps 64 follow another one; the first counts as much as the others.
    EXPECT_NEAR(static_cast<double>(counts.partial_product_toggles),
                static_cast<double>(one.partial_products) * 40 * 65 / 64, 1);
    EXPECT_NEAR(static_cast<double>(counts.accumulator_toggles),
                static_cast<double>(one.accumulator) * 40 * 65 / 64, 1);
    // What follows a single token where weights stay is not known.
    const ActivityCounts held = ActivityMeter(Dataflow::weight_stationary).watch(x, w, format);
    EXPECT_EQ(held.partial_product_toggles, 0u);
    EXPECT_EQ(held.nominal_partial_product_toggles, 0u);
}

/// Channels and tokens that differ, one tile after another: a small sample tells their mean.
TEST(Activity, IsThatOfAllUnits) {
    const IntegerRange range = unsigned_range(6);
    const auto x = random_codes<std::int32_t>(24, 64, range, 7);
    auto w = random_codes<std::int16_t>(32, 64, signed_range(6), 8);
    for (Index channel = 0; channel < 32; ++channel) {
        w.row(channel) /= static_cast<std::int16_t>(1 + channel / 4);
    }
    const GemmFormat format = format_of(6, range, 16, 32, 1, OverflowMode::wrap);
    Toggles all;
    for (Index token = 0; token < 24; ++token) {
        for (Index channel = 0; channel < 32; ++channel) {
            all += unit_toggles(x, w, token, channel, format, Dataflow::output_stationary);
        }
    }
    ActivityMeter meter(Dataflow::output_stationary);
    ActivityCounts counts;
    for (int tile = 0; tile < 20; ++tile) counts += meter.watch(x, w, format);
    EXPECT_NEAR(static_cast<double>(counts.partial_product_toggles) /
                    (static_cast<double>(all.partial_products) * 20 * 64 / 63),
                1, 0.01);
    EXPECT_NEAR(static_cast<double>(counts.accumulator_toggles) /
                    (static_cast<double>(all.accumulator) * 20 * 64 / 63),
                1, 0.01);
}

TEST(Activity, OfConstantOperandsIsNone) {
    const IntegerRange range = signed_range(6);
    const Matrix<std::int32_t> x = Matrix<std::int32_t>::Constant(8, 64, 0);
    const Matrix<std::int16_t> w = Matrix<std::int16_t>::Constant(8, 64, -5);
    const GemmFormat format = format_of(6, range, 16, 32, 1, OverflowMode::wrap);
    for (const Dataflow dataflow : {Dataflow::output_stationary, Dataflow::weight_stationary}) {
        const ActivityCounts counts = ActivityMeter(dataflow).watch(x, w, format);
        EXPECT_EQ(counts.partial_product_toggles, 0u);
        EXPECT_EQ(counts.accumulator_toggles, 0u);
        EXPECT_GT(counts.nominal_partial_product_toggles, 0u);
    }
}

/// Normal codes of another generator than the one inside, by Box and Muller.
template <class T>
Matrix<T> normal_codes(Index rows, Index columns, int bits, std::int64_t middle, unsigned seed) {
    std::minstd_rand random(seed);
    std::uniform_real_distribution<double> unit(1e-9, 1);
    const double most = std::exp2(bits - 1) - 1;
    return Matrix<T>::NullaryExpr(rows, columns, [&] {
        const double normal =
            std::sqrt(-2 * std::log(unit(random))) * std::cos(2 * std::numbers::pi * unit(random));
        const double code = std::clamp(std::round(normal * most / 3.5), -most - 1, most);
        return static_cast<T>(static_cast<std::int64_t>(code) + middle);
    });
}

TEST(Activity, OfNominalOperandsIsTheNominalOne) {
    for (const auto& [weight_bits, activation_bits, is_signed, lanes] :
         {std::tuple{6, 6, false, 1}, {8, 8, true, 1}, {4, 8, true, 1}, {4, 4, false, 4}}) {
        const IntegerRange range =
            is_signed ? signed_range(activation_bits) : unsigned_range(activation_bits);
        const Index depth = 32 * 64 * lanes;
        const auto x =
            normal_codes<std::int32_t>(32, depth, activation_bits,
                                       is_signed ? 0 : std::int64_t{1} << (activation_bits - 1), 5);
        const auto w = normal_codes<std::int16_t>(32, depth, weight_bits, 0, 6);
        const GemmFormat format =
            format_of(weight_bits, range, 20, 32 * lanes, lanes, OverflowMode::wrap);
        ActivityMeter meter(Dataflow::output_stationary);
        ActivityCounts counts;
        for (int tile = 0; tile < 4; ++tile) counts += meter.watch(x, w, format);
        const auto ratio = [](std::uint64_t a, std::uint64_t b) {
            return static_cast<double>(a) / static_cast<double>(b);
        };
        EXPECT_NEAR(ratio(counts.partial_product_toggles, counts.nominal_partial_product_toggles),
                    1, 0.015)
            << weight_bits << " x " << activation_bits;
        EXPECT_NEAR(ratio(counts.accumulator_toggles, counts.nominal_accumulator_toggles), 1, 0.015)
            << weight_bits << " x " << activation_bits;
    }
}

TEST(Activity, OfNominalHeldWeightsIsLess) {
    const GemmFormat format = format_of(6, unsigned_range(6), 16, 64, 1, OverflowMode::wrap);
    const Toggles streamed = nominal_toggles(format, Dataflow::output_stationary);
    const Toggles held = nominal_toggles(format, Dataflow::weight_stationary);
    EXPECT_EQ(streamed.products, held.products);
    EXPECT_LT(held.partial_products, streamed.partial_products);
}

}  // namespace
}  // namespace axesim::models
