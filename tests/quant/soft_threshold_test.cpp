// SPDX-License-Identifier: Apache-2.0
#include "quant/soft_threshold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "quant/rounder.h"
#include "reference.h"

namespace axesim::quant {
namespace {

TEST(SoftThreshold, ProjectionEqualsTheSortedForm) {
    std::mt19937 random(1);
    std::exponential_distribution<double> magnitude;
    for (int trial = 0; trial < 2000; ++trial) {
        std::vector<double> values(1 + static_cast<std::size_t>(trial % 40));
        for (double& value : values) value = magnitude(random);
        if (trial % 7 == 0) std::fill(values.begin(), values.end(), 0.5);  // all equal
        const double radius = trial % 11 == 0 ? 1e-3 : 5.0 * magnitude(random);
        const double theta = l1_projection_threshold(values, radius);
        EXPECT_NEAR(theta, reference::sorted_threshold(values, radius), 1e-12);
        double kept = 0.0;
        for (const double value : values) kept += std::max(value - theta, 0.0);
        EXPECT_LE(kept, radius + 1e-9);
        if (theta > 0) {
            EXPECT_NEAR(kept, radius, 1e-9);
        }
    }
}

TEST(SoftThreshold, PaddingCountsAsZeros) {
    const std::vector<double> values{7.0, -6.0, 6.5};
    std::vector<double> padded = values;
    padded.resize(8, 0.0);
    EXPECT_NEAR(soft_threshold(values, 8, 10.0), soft_threshold(padded, 8, 10.0), 1e-12);
    EXPECT_NE(soft_threshold(values, 8, 10.0), soft_threshold(values, 3, 10.0));
}

TEST(SoftThreshold, TileOfOneSignIsNotShrunk) {
    // Centring removes what all have in common (axe.md 3.1): lambda alone guarantees nothing.
    EXPECT_EQ(soft_threshold(std::vector<double>{7.0, 7.0, 7.0, 7.0}, 4, 3.0), 0.0);
}

TEST(Budget, EqualsTheFeasibleSet) {
    std::mt19937 random(2);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (int trial = 0; trial < 3000; ++trial) {
        const IntegerRange x{-pick(0, 17), pick(trial % 2, 17)};
        const int bits = pick(3, 10);
        const std::int64_t limit = (1 << (bits - 1)) - 1;
        Budget budget(1, bits, x);
        std::vector<int> spent;
        const auto feasible = [&](int code) {
            std::int64_t greatest = std::max(code * x.min, code * x.max);
            std::int64_t least = std::min(code * x.min, code * x.max);
            for (const int q : spent) {
                greatest += std::max(q * x.min, q * x.max);
                least += std::min(q * x.min, q * x.max);
            }
            return greatest <= limit && least >= -limit;
        };
        for (int step = 0; step < 6; ++step) {
            double low = -100;
            double high = 100;
            budget.narrow({&low, 1}, {&high, 1});
            for (int code = -100; code <= 100; ++code) {
                ASSERT_EQ(low <= code && code <= high, feasible(code)) << trial << " " << code;
            }
            if (budget.fits_all(9.0)) {
                ASSERT_TRUE(feasible(9) && feasible(-9));
            }
            spent.push_back(pick(static_cast<int>(std::max(low, -20.0)),
                                 static_cast<int>(std::min(high, 20.0))));
            const double code = spent.back();
            budget.spend({&code, 1});
        }
    }
}

}  // namespace
}  // namespace axesim::quant
