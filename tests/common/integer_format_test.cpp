// SPDX-License-Identifier: Apache-2.0
#include "common/integer_format.h"

#include <gtest/gtest.h>

namespace axesim {
namespace {

TEST(IntegerFormat, RangesOfSmallWidths) {
    EXPECT_EQ(signed_range(4), (IntegerRange{-8, 7}));
    EXPECT_EQ(narrow_range(4), (IntegerRange{-7, 7}));
    EXPECT_EQ(unsigned_range(4), (IntegerRange{0, 15}));
}

TEST(IntegerFormat, BitsForARangeAreTheFewestThatHoldIt) {
    for (std::int64_t min = -40; min <= 0; ++min) {
        for (std::int64_t max = 0; max <= 40; ++max) {
            const int bits = signed_bits_for({min, max});
            EXPECT_TRUE(signed_range(bits).contains(IntegerRange{min, max}));
            EXPECT_FALSE(bits > 1 && signed_range(bits - 1).contains(IntegerRange{min, max}));
        }
    }
}

TEST(IntegerFormat, ProductRangeEqualsEnumeration) {
    for (const IntegerRange a : {IntegerRange{-4, 3}, IntegerRange{-3, 3}}) {
        for (const IntegerRange b : {IntegerRange{0, 7}, IntegerRange{-4, 3}}) {
            IntegerRange seen{0, 0};
            for (auto x = a.min; x <= a.max; ++x) {
                for (auto y = b.min; y <= b.max; ++y) {
                    seen.min = std::min(seen.min, x * y);
                    seen.max = std::max(seen.max, x * y);
                }
            }
            EXPECT_EQ(product_range(a, b), seen);
        }
    }
}

TEST(IntegerFormat, CeilLog2) {
    EXPECT_EQ(ceil_log2(1), 0);
    EXPECT_EQ(ceil_log2(2), 1);
    EXPECT_EQ(ceil_log2(9), 4);
    EXPECT_EQ(ceil_log2(16), 4);
    EXPECT_EQ(ceil_log2(17), 5);
}

TEST(IntegerFormat, OuterBitsOfThePublishedExamples) {
    // axe.md 7: P_O(16, K 4096, T 128) = 21, P_O(8, K 11, T 4) = 10.
    EXPECT_EQ((AccumulatorFormat{.inner_bits = 16, .tile_size = 128}.outer_bits_for(4096)), 21);
    EXPECT_EQ((AccumulatorFormat{.inner_bits = 8, .tile_size = 4}.outer_bits_for(11)), 10);
    EXPECT_EQ((AccumulatorFormat{.inner_bits = 20, .tile_size = 0}.outer_bits_for(4096)), 20);
    EXPECT_EQ(
        (AccumulatorFormat{.inner_bits = 14, .tile_size = 32, .groups = WeightGroups::power_of_two}
             .outer_bits_for(1536)),
        14 + 7 + 6);
    EXPECT_EQ((AccumulatorFormat{.inner_bits = 14, .tile_size = 32, .groups = WeightGroups::integer}
                   .outer_bits_for(1536)),
              14 + 6 + 6);
}

TEST(IntegerFormat, AutoOuterBitsHoldEverySumOfInnerValues) {
    for (std::int64_t k = 1; k <= 300; ++k) {
        const AccumulatorFormat format{.inner_bits = 8, .tile_size = 16};
        const std::int64_t tiles = format.tile_count(k);
        const IntegerRange inner = signed_range(8);
        EXPECT_TRUE(signed_range(format.outer_bits_for(k))
                        .contains(IntegerRange{inner.min * tiles, inner.max * tiles}));
    }
}

}  // namespace
}  // namespace axesim
