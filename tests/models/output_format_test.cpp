// SPDX-License-Identifier: Apache-2.0
// Halves against their definition in IEEE 754, scaling against one value at a time, for every
// instruction set of this machine.
#include "models/compute/output_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/models/highway_targets.h"

namespace axesim::models {
namespace {

constexpr std::int32_t kInfinity = 0x7C00;  // the least word that is no finite half

/// What a finite half of sign 0 stands for: 10 bits of fraction, exponents biased by 15.
double half_value(std::int32_t word) {
    const int exponent = word >> 10;
    const double fraction = word & 0x3FF;
    if (exponent == 0) return std::ldexp(fraction, -24);
    return std::ldexp(1024 + fraction, exponent - 25);
}

/// Nearest half, ties to the even word; from half a step above the largest on, infinity.
std::int32_t nearest_half(float value) {
    static const std::vector<double> values = [] {
        std::vector<double> all;
        for (std::int32_t word = 0; word < kInfinity; ++word) all.push_back(half_value(word));
        all.push_back(65536.0);  // where the next half would be
        return all;
    }();
    const std::int32_t sign = std::signbit(value) ? 0x8000 : 0;
    const double magnitude = std::abs(static_cast<double>(value));
    const auto above = std::lower_bound(values.begin(), values.end(), magnitude);
    if (above == values.end()) return sign | kInfinity;
    const auto upper = static_cast<std::int32_t>(above - values.begin());
    if (upper == 0) return sign;
    const double to_upper = *above - magnitude, to_lower = magnitude - *(above - 1);
    const bool down = to_lower < to_upper || (to_lower == to_upper && upper % 2 == 1);
    return sign | (down ? upper - 1 : upper);
}

class OutputFormats : public OnEveryTarget {};

TEST_P(OutputFormats, EveryHalfIsItsValueAndBack) {
    std::vector<std::int32_t> words;
    for (std::int32_t word = 0; word < kInfinity; ++word) {
        words.push_back(word);
        words.push_back(word | 0x8000);
        words.push_back(word | ~0x7FFF);  // as a signed read of 16 bits brings it
    }
    std::vector<float> values(words.size());
    words_to_values(words, OutputFormat::float16, values);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const double magnitude = half_value(words[i] & 0x7FFF);
        ASSERT_EQ(values[i], words[i] & 0x8000 ? -magnitude : magnitude) << words[i];
    }
    std::vector<std::int32_t> again(words.size());
    values_to_words(values, OutputFormat::float16, again);
    for (std::size_t i = 0; i < words.size(); ++i) ASSERT_EQ(again[i], words[i] & 0xFFFF);
}

TEST_P(OutputFormats, FloatsBecomeTheNearestHalf) {
    std::vector<float> values{0.0F,
                              -0.0F,
                              65504.0F,
                              65519.99F,
                              65520.0F,
                              1e9F,
                              std::numeric_limits<float>::infinity(),
                              5.9e-8F,
                              2.98e-8F};
    for (std::int32_t word = 1; word < kInfinity; ++word) {
        // Halfway to the half below, and its neighbours.
        const auto tie = static_cast<float>((half_value(word) + half_value(word - 1)) / 2);
        values.insert(values.end(),
                      {tie, -tie, std::nextafter(tie, 0.0F), std::nextafter(tie, 1e9F)});
    }
    std::mt19937 random(5);
    for (int i = 0; i < 200000; ++i) {
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        if (!std::isnan(value)) values.push_back(value);
    }
    std::vector<std::int32_t> words(values.size());
    values_to_words(values, OutputFormat::float16, words);
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(words[i], nearest_half(values[i])) << values[i];
        ASSERT_EQ(words[i], output_word(values[i], OutputFormat::float16)) << values[i];
    }
}

TEST_P(OutputFormats, OtherFormatsKeepTheHighBits) {
    const std::vector<float> values{1.0F, -2.5F, 3.1415927F, 1e-20F};
    std::vector<std::int32_t> words(values.size());
    std::vector<float> back(values.size());
    values_to_words(values, OutputFormat::float32, words);
    words_to_values(words, OutputFormat::float32, back);
    EXPECT_EQ(back, values);
    values_to_words(values, OutputFormat::bfloat16, words);
    words_to_values(words, OutputFormat::bfloat16, back);
    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(back[i], values[i], std::abs(values[i]) / 256);
        EXPECT_EQ(std::bit_cast<std::uint32_t>(back[i]) & 0xFFFF, 0u);
    }
}

TEST_P(OutputFormats, RowsAreScaledInDouble) {
    std::mt19937 random(6);
    std::uniform_int_distribution<std::int64_t> sums(-(std::int64_t{1} << 40),
                                                     std::int64_t{1} << 40);
    std::uniform_int_distribution<std::int32_t> codes(-2000000000, 2000000000);
    std::uniform_real_distribution<float> steps(1e-4F, 3.0F);
    for (const std::size_t count : {1, 3, 8, 19, 64, 97}) {
        ChannelScales channels;
        std::vector<std::int64_t> row;
        for (std::size_t c = 0; c < count; ++c) {
            row.push_back(sums(random));
            channels.steps.push_back(steps(random));
            channels.shifted_sums.push_back(codes(random));
            channels.biases.push_back(c % 2 == 0 ? 0.0 : steps(random));
        }
        const double step = steps(random);
        const std::int64_t zero_point = 251;
        std::vector<float> values(count);
        scale_row(row, step, zero_point, channels, values);
        for (std::size_t c = 0; c < count; ++c) {
            const auto sum = static_cast<double>(row[c] - zero_point * channels.shifted_sums[c]);
            const volatile double product = step * channels.steps[c] * sum;  // rounded by itself
            EXPECT_EQ(values[c], static_cast<float>(product + channels.biases[c]));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, OutputFormats, every_target(), target_name);

}  // namespace
}  // namespace axesim::models
