// SPDX-License-Identifier: Apache-2.0
#include "quant/bounds.h"

#include <gtest/gtest.h>

namespace axesim::quant {
namespace {

TEST(Bounds, L1BitsLieBetweenTheOthers) {
    // 64 codes of +-7 on unsigned 4 bits: 64 * 7 * 15 = 6720 < 2^13.
    EXPECT_EQ(l1_bits(64 * 7, unsigned_range(4)), 14);
    EXPECT_EQ(l1_bits(64 * 7, signed_range(4)), 13);  // times 8: 3584 < 2^12
    EXPECT_EQ(l1_bits(0, signed_range(4)), 1);
    EXPECT_LE(l1_bits(64 * 7, unsigned_range(4)), data_type_bits(64, 4, 4, false));
}

TEST(Bounds, PublishedDataTypeBounds) {
    EXPECT_EQ(data_type_bits(128, 4, 4, false), 16);
    EXPECT_EQ(data_type_bits(128, 4, 8, false), 20);
    EXPECT_EQ(data_type_bits(128, 4, 8, true), 19);
}

TEST(Bounds, ExactOnesOfNarrowWeights) {
    EXPECT_EQ(exact_bits(128, narrow_range(4), unsigned_range(4)), 15);
    EXPECT_EQ(exact_bits(128, narrow_range(4), unsigned_range(8)), 19);
}

TEST(Bounds, ExactIsTheExtremeOfAllSums) {
    for (int m = 2; m <= 5; ++m) {
        for (int n = 2; n <= 5; ++n) {
            for (std::int64_t depth = 1; depth <= 40; ++depth) {
                const IntegerRange x = depth % 2 == 0 ? signed_range(n) : unsigned_range(n);
                std::int64_t greatest = 0;
                std::int64_t least = 0;
                for (const std::int64_t w : {signed_range(m).min, signed_range(m).max}) {
                    for (const std::int64_t a : {x.min, x.max}) {
                        greatest = std::max(greatest, depth * w * a);
                        least = std::min(least, depth * w * a);
                    }
                }
                const int bits = exact_bits(depth, signed_range(m), x);
                EXPECT_TRUE(signed_range(bits).contains({least, greatest}));
                EXPECT_FALSE(signed_range(bits - 1).contains({least, greatest}));
                EXPECT_LE(bits, data_type_bits(depth, m, n, depth % 2 == 0));
            }
        }
    }
}

TEST(Bounds, OuterBits) {
    EXPECT_EQ(outer_bits_for_tiles(16, 4096 / 128), 21);
    EXPECT_EQ(outer_bits_for_tiles(8, 3), 10);  // K = 11, T = 4
    AccumulatorFormat format;
    for (int inner = 2; inner <= 20; ++inner) {
        for (std::int64_t tiles = 1; tiles <= 70; ++tiles) {
            const int bits = outer_bits_for_tiles(inner, tiles);
            EXPECT_LE(tiles * accumulator_limit(inner), accumulator_limit(bits));
            EXPECT_GT(tiles * accumulator_limit(inner), accumulator_limit(bits - 1));
            format.inner_bits = inner;
            format.tile_size = 4;
            EXPECT_GE(format.outer_bits_for(4 * tiles), bits);
        }
    }
}

TEST(Bounds, Norms) {
    EXPECT_DOUBLE_EQ(zero_sum_bound(8, unsigned_range(4)), 254.0 / 15);
    EXPECT_DOUBLE_EQ(zero_sum_bound(8, signed_range(4)), 254.0 / 15);
    EXPECT_DOUBLE_EQ(l1_bound(8, 4, false), 127.0 / 16);
    EXPECT_DOUBLE_EQ(l1_bound(8, 4, true), 127.0 / 8);
    EXPECT_DOUBLE_EQ(l1_bound(8, unsigned_range(4)), 127.0 / 15);
    EXPECT_DOUBLE_EQ(l1_bound(8, signed_range(4)), 127.0 / 8);
}

TEST(Bounds, WidthsOfTheNaiveBaseline) {
    // The published comparison: W4A8 with AXE at 128 x 16 bits against W4A4.
    EXPECT_EQ(bit_widths_that_fit(16, 128, false, {4, 8}), (BitWidths{4, 4}));
    EXPECT_EQ(bit_widths_that_fit(32, 128, false, {4, 8}), (BitWidths{4, 8}));
    EXPECT_EQ(bit_widths_that_fit(17, 128, false, {8, 8}), (BitWidths{4, 5}));
    EXPECT_EQ(bit_widths_that_fit(11, 128, false, {8, 8}), std::nullopt);
    EXPECT_EQ(bit_widths_that_fit(12, 128, false, {8, 8}), (BitWidths{2, 2}));
    for (int bits = 8; bits <= 24; ++bits) {
        const auto widths = bit_widths_that_fit(bits, 64, true, {8, 8});
        if (!widths) continue;
        EXPECT_LE(data_type_bits(64, widths->weight_bits, widths->activation_bits, true), bits);
    }
}

}  // namespace
}  // namespace axesim::quant
