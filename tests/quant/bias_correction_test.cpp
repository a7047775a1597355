// SPDX-License-Identifier: Apache-2.0
// A corrected bias against outputs of unrounded and of rounded weights, sample by sample.
#include "quant/bias_correction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "common/error.h"
#include "quant/moments.h"

namespace axesim::quant {
namespace {

constexpr Index kLength = 50, kRows = 6 * kLength, kWidth = 23, kOutputs = 9;

Matrix<float> inputs_with_a_mean(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> pick(0.4F, 1.0F);
    return Matrix<float>::NullaryExpr(kRows, kWidth, [&] { return pick(random); });
}

LinearFormat four_bits(WeightGroups groups) {
    LinearFormat format{.weight_bits = 4,
                        .weights = {-8, 7},
                        .activations = {0, 255},
                        .accumulator = {.inner_bits = 14, .tile_size = 8}};
    format.accumulator.groups = groups;
    return format;
}

void expect_equal_means(Algorithm algorithm, WeightGroups groups) {
    const Matrix<float> x = inputs_with_a_mean(1);
    const Matrix<double> w = inputs_with_a_mean(3).topRows(kOutputs).cast<double>();
    InputMoments moments = input_moments(x);
    moments.means = input_means(x, kLength);
    QuantizerConfig config;
    config.algorithm = algorithm;
    config.bias_correction = true;
    const QuantizedLinear linear = quantize_linear("layer", w, moments, four_bits(groups), config);
    ASSERT_EQ(linear.bias.size(), static_cast<std::size_t>(kOutputs));
    for (Index c = 0; c < kOutputs; ++c) {
        const double step = linear.step[static_cast<std::size_t>(c)];
        double wanted = 0, found = 0;
        Index rows = 0;
        for (Index s = 0; s < kRows; ++s) {
            if (s % kLength == 0) continue;
            ++rows;
            for (Index k = 0; k < kWidth; ++k) {
                const int scale = linear.tile_scales.size() > 0 ? linear.tile_scales(c, k / 8) : 1;
                wanted += w(c, k) * x(s, k);
                found += step * scale * linear.codes(c, k) * x(s, k);
            }
            found += linear.bias[static_cast<std::size_t>(c)];
        }
        EXPECT_NEAR(found / static_cast<double>(rows), wanted / static_cast<double>(rows), 1e-9);
        EXPECT_GT(std::abs(linear.bias[static_cast<std::size_t>(c)]), 1e-5) << "nothing to correct";
    }
}

TEST(BiasCorrection, OutputsHaveTheMeanOfUnroundedWeights) {
    expect_equal_means(Algorithm::optq, WeightGroups::none);
    expect_equal_means(Algorithm::naive_round, WeightGroups::none);
    expect_equal_means(Algorithm::optq, WeightGroups::power_of_two);
    expect_equal_means(Algorithm::optq, WeightGroups::integer);
}

TEST(BiasCorrection, FirstPositionsDoNotCountUnlessThereAreNoOthers) {
    Matrix<float> x = inputs_with_a_mean(1);
    const Eigen::RowVectorXd means = input_means(x, kLength);
    for (Index row = 0; row < kRows; row += kLength) x.row(row).setConstant(1e6F);
    EXPECT_EQ(input_means(x, kLength), means);
    const Matrix<float> one = x.topRows(1);
    EXPECT_EQ(input_means(one, 1), one.cast<double>());
}

TEST(BiasCorrection, IsRefusedWithoutMeans) {
    const Matrix<double> w = inputs_with_a_mean(3).topRows(kOutputs).cast<double>();
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    config.bias_correction = true;
    EXPECT_THROW(quantize_linear("layer", w, {}, four_bits(WeightGroups::none), config), UserError);
}

}  // namespace
}  // namespace axesim::quant
