// SPDX-License-Identifier: Apache-2.0
#include "quant/certificate.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/common/any_tile_scale.h"

namespace axesim::quant {
namespace {

/// Extremes of one tile over all activations, one by one.
IntegerRange enumerate(const std::int16_t* codes, std::int64_t count, const IntegerRange& x) {
    if (count == 0) return {};
    const IntegerRange rest = enumerate(codes + 1, count - 1, x);
    IntegerRange all{0, 0};
    bool first = true;
    for (std::int64_t value = x.min; value <= x.max; ++value) {
        const std::int64_t product = codes[0] * value;
        all.min = first ? product + rest.min : std::min(all.min, product + rest.min);
        all.max = first ? product + rest.max : std::max(all.max, product + rest.max);
        first = false;
    }
    return all;
}

TEST(Certificate, EqualsEnumeration) {
    std::mt19937 random(1);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 500; ++trial) {
        SCOPED_TRACE(trial);
        const int depth = pick(1, 12);
        Matrix<std::int16_t> codes(3, depth);
        for (Index i = 0; i < codes.size(); ++i)
            codes.data()[i] = static_cast<std::int16_t>(pick(-8, 7));
        const IntegerRange x{-pick(0, 5), pick(0, 9)};
        AccumulatorFormat format;
        format.inner_bits = pick(3, 10);
        format.tile_size = pick(0, depth);
        format.outer_bits = pick(0, 1) * pick(3, 12);
        TileScales tile_scales;
        if (trial % 2 == 1) {
            format.groups = trial % 4 == 1 ? WeightGroups::power_of_two : WeightGroups::integer;
            tile_scales = TileScales::NullaryExpr(3, format.tile_count(depth), [&] {
                return any_tile_scale(format.groups, pick(0, kTileScaleChoices - 1));
            });
        }
        const Certificate proof = certify(codes, x, format, tile_scales);
        IntegerRange inner;
        IntegerRange outer;
        bool fits = true;
        const std::int64_t tile = format.tile_length(depth);
        for (Index c = 0; c < 3; ++c) {
            IntegerRange sum;
            for (std::int64_t k = 0; k < depth; k += tile) {
                const auto range =
                    enumerate(codes.row(c).data() + k, std::min<std::int64_t>(tile, depth - k), x);
                inner = {std::min(inner.min, range.min), std::max(inner.max, range.max)};
                fits = fits && signed_range(format.inner_bits).contains(range);
                const int unit = tile_scales.size() > 0 ? tile_scales(c, k / tile) : 1;
                sum = {sum.min + range.min * unit, sum.max + range.max * unit};
            }
            outer = {std::min(outer.min, sum.min), std::max(outer.max, sum.max)};
            fits = fits && signed_range(format.outer_bits_for(depth)).contains(sum);
        }
        EXPECT_EQ(proof.inner, inner);
        EXPECT_EQ(proof.outer, outer);
        EXPECT_EQ(proof.certified, fits);
        EXPECT_EQ(proof.violation.has_value(), !fits);
    }
}

TEST(Certificate, NamesTheFirstTileThatDoesNotFit) {
    Matrix<std::int16_t> codes(2, 6);
    codes << 1, 1, 1, 1, 1, 1,  //
        1, 1, 1, 9, 0, 0;
    AccumulatorFormat format;
    format.tile_size = 3;
    format.inner_bits = 7;  // [-64, 63]
    const Certificate proof = certify(codes, unsigned_range(3), format);
    EXPECT_TRUE(proof.certified);  // 9 * 7 = 63 just fits
    EXPECT_EQ(proof.outer_bits, 8);
    codes(1, 4) = 1;
    const Certificate broken = certify(codes, unsigned_range(3), format);
    ASSERT_TRUE(broken.violation);
    EXPECT_EQ(broken.violation->channel, 1);
    EXPECT_EQ(broken.violation->tile, 1);
    EXPECT_EQ(broken.violation->range, (IntegerRange{0, 70}));
    format.inner_bits = 8;
    format.outer_bits = 7;
    const Certificate outer = certify(codes, unsigned_range(3), format);
    ASSERT_TRUE(outer.violation);
    EXPECT_EQ(outer.violation->channel, 1);
    EXPECT_EQ(outer.violation->tile, -1);
}

}  // namespace
}  // namespace axesim::quant
