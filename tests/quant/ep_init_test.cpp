// SPDX-License-Identifier: Apache-2.0
#include "quant/ep_init.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

namespace axesim::quant {
namespace {

IntegerRange extremes(const std::vector<std::int16_t>& codes, const IntegerRange& x) {
    IntegerRange range;
    for (const std::int16_t q : codes) {
        range.min += std::min(q * x.min, q * x.max);
        range.max += std::max(q * x.min, q * x.max);
    }
    return range;
}

TEST(EpInit, FitsAndOnlyShrinks) {
    std::mt19937 random(1);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    int changed = 0;
    for (int trial = 0; trial < 5000; ++trial) {
        std::vector<std::int16_t> codes(static_cast<std::size_t>(pick(1, 30)));
        for (auto& code : codes) code = static_cast<std::int16_t>(pick(-31, 31));
        const IntegerRange x{-pick(0, 40), pick(trial % 3 == 0 ? 0 : 1, 40)};
        const std::int64_t limit = (1 << pick(3, 12)) - 1;
        const std::vector<std::int16_t> before = codes;
        project_codes(codes, limit, x);
        const IntegerRange range = extremes(codes, x);
        ASSERT_TRUE(range.min >= -limit && range.max <= limit) << trial;
        for (std::size_t i = 0; i < codes.size(); ++i) {
            ASSERT_LE(std::abs(codes[i]), std::abs(before[i]));
            ASSERT_GE(codes[i] * before[i], 0);
        }
        const IntegerRange was = extremes(before, x);
        const bool fitted = was.min >= -limit && was.max <= limit;
        ASSERT_EQ(codes == before, fitted) << trial;
        changed += fitted ? 0 : 1;
    }
    EXPECT_GT(changed, 1000);
}

TEST(EpInit, UnsignedPartsAreProjectedApart) {
    // Positive sum 12, limit 127 / 15 = 8.47: theta = (12 - 8.47) / 3 = 1.18; the negative part
    // fits.
    std::vector<std::int16_t> codes{4, 4, 4, -5, -3};
    project_codes(codes, 127, {0, 15});
    EXPECT_EQ(codes, (std::vector<std::int16_t>{2, 2, 2, -5, -3}));
}

TEST(EpInit, AnExactProjectionIsNotRoundedAway) {
    std::vector<std::int16_t> codes{10, 10, 10};  // radius 24: theta is exactly 2
    project_codes(codes, 24, {0, 1});
    EXPECT_EQ(codes, (std::vector<std::int16_t>{8, 8, 8}));
}

}  // namespace
}  // namespace axesim::quant
