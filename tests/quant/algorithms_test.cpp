// SPDX-License-Identifier: Apache-2.0
// GPFQ and OPTQ against direct implementations, and what holds for all algorithms.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <random>

#include "common/error.h"
#include "quant/bounds.h"
#include "quant/certificate.h"
#include "quant/moments.h"
#include "quant/quantizer.h"
#include "reference.h"

namespace axesim::quant {
namespace {

struct Layer {
    Matrix<double> weights;
    std::vector<double> steps;
    reference::Samples samples;
    LinearFormat format;
    QuantizerConfig config;
};

Matrix<double> random_matrix(std::mt19937& random, Index rows, Index columns) {
    std::normal_distribution<double> normal;
    Matrix<double> m(rows, columns);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = normal(random);
    return m;
}

/// `depth` above the panel width also exercises the lazy blocks.
Layer random_layer(std::mt19937& random, Index channels, Index depth, Index count) {
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    Layer layer;
    layer.weights = random_matrix(random, channels, depth);
    const Matrix<double> mix = random_matrix(random, depth, depth);
    layer.samples.original = random_matrix(random, count, depth) * mix;
    layer.samples.quantized = layer.samples.original + 0.1 * random_matrix(random, count, depth);
    if (pick(0, 3) == 0) {
        const Index dead = pick(0, static_cast<int>(depth) - 1);
        layer.samples.quantized.col(dead).setZero();
    }
    layer.format.weight_bits = pick(2, 6);
    const bool narrow = pick(0, 1) == 1;
    layer.format.weights =
        narrow ? narrow_range(layer.format.weight_bits) : signed_range(layer.format.weight_bits);
    layer.config.weight_range = narrow ? WeightRange::narrow : WeightRange::full;
    layer.steps = absmax_steps(layer.weights, narrow_range(layer.format.weight_bits));
    const int n = pick(3, 6);
    layer.format.activations = pick(0, 1) == 1 ? unsigned_range(n) : signed_range(n);
    layer.format.accumulator.tile_size = pick(0, static_cast<int>(depth));
    layer.format.accumulator.inner_bits = layer.format.weight_bits + n + pick(0, 3);
    layer.config.accumulator_aware =
        pick(0, 3) == 0 ? AccumulatorAware::none : AccumulatorAware::axe;
    layer.config.soft_threshold = pick(0, 1) == 1;
    layer.config.pad_short_tile_with_zeros = pick(0, 1) == 1;
    layer.config.order = pick(0, 1) == 1 ? ColumnOrder::activation : ColumnOrder::natural;
    layer.config.error_feedback = pick(0, 1) == 1 ? ErrorFeedback::full : ErrorFeedback::post;
    return layer;
}

TEST(Optq, EqualsTheDirectInverseUpdate) {
    std::mt19937 random(1);
    for (int trial = 0; trial < 150; ++trial) {
        SCOPED_TRACE(trial);
        const Index depth = trial % 5 == 0 ? 71 : 3 + trial % 14;
        Layer layer = random_layer(random, 3, depth, 2 * depth);
        layer.config.algorithm = Algorithm::optq;
        const InputMoments moments = input_moments(layer.samples.quantized);
        const auto result = quantize_linear("layer", layer.weights, moments, layer.format,
                                            layer.config, layer.steps);
        EXPECT_EQ(result.codes.cast<int>(), reference::optq(layer.weights, layer.steps, moments.h,
                                                            layer.format, layer.config));
    }
}

TEST(Gpfq, EqualsTheFormOnSamples) {
    std::mt19937 random(2);
    for (int trial = 0; trial < 150; ++trial) {
        SCOPED_TRACE(trial);
        const Index depth = trial % 5 == 0 ? 71 : 3 + trial % 14;
        Layer layer = random_layer(random, 3, depth, 2 * depth);
        layer.config.algorithm = Algorithm::gpfq;
        const bool same = trial % 3 == 0;
        if (same) layer.samples.original = layer.samples.quantized;
        const InputMoments moments =
            input_moments(layer.samples.quantized, same ? nullptr : &layer.samples.original);
        const auto result = quantize_linear("layer", layer.weights, moments, layer.format,
                                            layer.config, layer.steps);
        EXPECT_EQ(
            result.codes.cast<int>(),
            reference::gpfq(layer.weights, layer.steps, layer.samples, layer.format, layer.config));
    }
}

TEST(Qronos, EqualsFittingTheRestAnewBeforeEveryColumn) {
    std::mt19937 random(3);
    for (int trial = 0; trial < 100; ++trial) {
        SCOPED_TRACE(trial);
        const Index depth = trial % 5 == 0 ? 41 : 3 + trial % 14;
        Layer layer = random_layer(random, 3, depth, 2 * depth);
        layer.config.algorithm = Algorithm::qronos;
        layer.config.error_feedback = ErrorFeedback::full;
        const InputMoments moments =
            input_moments(layer.samples.quantized, &layer.samples.original);
        const auto result = quantize_linear("layer", layer.weights, moments, layer.format,
                                            layer.config, layer.steps);
        EXPECT_EQ(result.codes.cast<int>(), reference::qronos(layer.weights, layer.steps, moments,
                                                              layer.format, layer.config));
    }
}

/// |w X - s q Xq|^2 of each channel, up to a constant.
double error_of(const Layer& layer, const QuantizedLinear& linear, Index channel) {
    const Eigen::RowVectorXd kept =
        linear.codes.row(channel).cast<double>() * linear.step[static_cast<std::size_t>(channel)];
    return (layer.samples.original * layer.weights.row(channel).transpose() -
            layer.samples.quantized * kept.transpose())
        .squaredNorm();
}

TEST(Refine, EndsWhereNoChangeOfOneCodeHelpsAndNeverHarms) {
    std::mt19937 random(4);
    int better = 0;
    for (int trial = 0; trial < 100; ++trial) {
        SCOPED_TRACE(trial);
        Layer layer = random_layer(random, 2, 3 + trial % 9, 30);
        layer.config.algorithm = trial % 2 == 0 ? Algorithm::gpfq : Algorithm::naive_round;
        layer.config.accumulator_aware = AccumulatorAware::axe;
        const InputMoments moments =
            input_moments(layer.samples.quantized, &layer.samples.original);
        const auto before =
            quantize_linear("layer", layer.weights, moments, layer.format, layer.config);
        layer.config.refine_sweeps = 100;
        auto after = quantize_linear("layer", layer.weights, moments, layer.format, layer.config);
        for (Index c = 0; c < 2; ++c) {
            const double reached = error_of(layer, after, c);
            ASSERT_LE(reached, error_of(layer, before, c) * (1 + 1e-9));
            better += reached < 0.99 * error_of(layer, before, c) ? 1 : 0;
            for (Index k = 0; k < layer.weights.cols(); ++k) {
                const std::int16_t kept = after.codes(c, k);
                for (auto code = layer.format.weights.min; code <= layer.format.weights.max;
                     ++code) {
                    after.codes(c, k) = static_cast<std::int16_t>(code);
                    const Certificate proof =
                        certify(after.codes, layer.format.activations, layer.format.accumulator);
                    // The quantizers leave the code -2^(P-1) unused (bounds.h).
                    const bool fits = proof.certified &&
                                      proof.inner.min >= -accumulator_limit(proof.inner_bits) &&
                                      proof.outer.min >= -accumulator_limit(proof.outer_bits);
                    if (!fits) continue;
                    ASSERT_GE(error_of(layer, after, c), reached * (1 - 1e-7)) << c << " " << k;
                }
                after.codes(c, k) = kept;
            }
        }
    }
    EXPECT_GT(better, 20);
}

TEST(Naive, RoundsDownOrToNearestEven) {
    Matrix<double> weights(1, 8);
    weights << 0.5, 1.5, -0.5, -1.5, 2.4, -2.6, 9.0, -9.0;
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = signed_range(4);
    format.activations = unsigned_range(4);
    QuantizerConfig config;
    config.accumulator_aware = AccumulatorAware::none;
    config.algorithm = Algorithm::naive_round;
    Matrix<int> expected(1, 8);
    expected << 0, 2, 0, -2, 2, -3, 7, -8;
    EXPECT_EQ(quantize_linear("l", weights, {}, format, config, {1.0}).codes.cast<int>(), expected);
    config.algorithm = Algorithm::naive_floor;
    expected << 0, 1, -1, -2, 2, -3, 7, -8;
    EXPECT_EQ(quantize_linear("l", weights, {}, format, config, {1.0}).codes.cast<int>(), expected);
    config.weight_range = WeightRange::narrow;
    expected << 0, 1, -1, -2, 2, -3, 7, -7;
    EXPECT_EQ(quantize_linear("l", weights, {}, format, config, {1.0}).codes.cast<int>(), expected);
}

TEST(Quantizer, StepsAreThoseOfTheLargestWeight) {
    Matrix<double> weights(3, 2);
    weights << 0.7, -1.4, 0.0, 0.0, 3.5, 0.1;
    EXPECT_EQ(absmax_steps(weights, narrow_range(4)),
              (std::vector<double>{static_cast<float>(1.4 / 7.0), 1.0, 0.5}));
    EXPECT_EQ(absmax_steps(weights, signed_range(4)),
              (std::vector<double>{static_cast<float>(1.4 / 8.0), 1.0, 0.4375}));
    LinearFormat format{
        .weight_bits = 4, .weights = signed_range(4), .activations = {0, 255}, .accumulator = {}};
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    config.accumulator_aware = AccumulatorAware::none;
    Matrix<int> codes(3, 2);
    codes << 4, -8, 0, 0, 7, 0;  // 3.5 would be 8
    EXPECT_EQ(quantize_linear("l", weights, {}, format, config).codes.cast<int>(), codes);
}

TEST(Quantizer, LeastErrorStepsBeatEveryOtherOnTheGrid) {
    std::mt19937 random(11);
    std::student_t_distribution<double> heavy_tailed(3.0);
    Matrix<double> weights(20, 300);
    for (double& weight : weights.reshaped()) weight = heavy_tailed(random);
    weights.row(19).setZero();
    const IntegerRange codes = signed_range(4);
    const std::vector<double> absmax = absmax_steps(weights, narrow_range(4));
    const std::vector<double> steps = least_error_steps(weights, 4, codes);
    const auto error_of = [&](Index channel, double step) {
        double error = 0;
        for (const double weight : weights.row(channel)) {
            const double code = std::clamp(std::nearbyint(weight / step), -8.0, 7.0);
            error += std::pow(weight - step * code, 2);
        }
        return error;
    };
    int narrower = 0;
    for (Index c = 0; c < weights.rows(); ++c) {
        const auto at = static_cast<std::size_t>(c);
        const double error = error_of(c, steps[at]);
        for (double part = 1.0; part > 0.3; part -= 0.02) {
            EXPECT_LE(error, error_of(c, static_cast<float>(absmax[at] * part)) * (1 + 1e-9));
        }
        narrower += steps[at] < absmax[at] ? 1 : 0;
    }
    EXPECT_GE(narrower, 15);  // tails are worth clipping at 4 bits
    EXPECT_EQ(steps[19], 1.0);
}

TEST(Quantizer, SameCodesForAnyNumberOfThreads) {
    std::mt19937 random(3);
    Layer layer = random_layer(random, 150, 200, 400);
    layer.config.accumulator_aware = AccumulatorAware::axe;
    const int before = omp_get_max_threads();
    for (const Algorithm algorithm : {Algorithm::gpfq, Algorithm::optq}) {
        layer.config.algorithm = algorithm;
        layer.config.step_search = true;
        const auto run = [&](int threads) {
            omp_set_num_threads(threads);
            const InputMoments moments =
                input_moments(layer.samples.quantized, &layer.samples.original);
            return quantize_linear("l", layer.weights, moments, layer.format, layer.config);
        };
        const QuantizedLinear one = run(1);
        const QuantizedLinear three = run(3);
        EXPECT_EQ(one.codes, three.codes);
        EXPECT_EQ(one.step, three.step);
    }
    omp_set_num_threads(before);
}

TEST(Quantizer, ScaleOfMomentsDoesNotMatter) {
    std::mt19937 random(4);
    for (const Algorithm algorithm : {Algorithm::gpfq, Algorithm::optq}) {
        Layer layer = random_layer(random, 4, 40, 90);
        layer.config.algorithm = algorithm;
        layer.samples.quantized = layer.samples.original;
        InputMoments moments = input_moments(layer.samples.quantized);
        const auto codes = quantize_linear("l", layer.weights, moments, layer.format, layer.config);
        moments.h *= 1.0 / 1024;
        EXPECT_EQ(codes.codes,
                  quantize_linear("l", layer.weights, moments, layer.format, layer.config).codes);
    }
}

TEST(Optq, MoreDampingSavesAFactorThatDoesNotExist) {
    std::mt19937 random(5);
    Layer layer = random_layer(random, 4, 20, 5);  // 5 samples: H has rank 5
    layer.config.algorithm = Algorithm::optq;
    layer.config.damping = 0.0;
    layer.config.accumulator_aware = AccumulatorAware::axe;
    const InputMoments moments = input_moments(layer.samples.quantized);
    const auto result =
        quantize_linear("l", layer.weights, moments, layer.format, layer.config, layer.steps);
    EXPECT_EQ(result.fallback, "");
    EXPECT_TRUE(
        certify(result.codes, layer.format.activations, layer.format.accumulator).certified);
}

TEST(Optq, FallsBackToConstrainedRounding) {
    std::mt19937 random(6);
    Layer layer = random_layer(random, 4, 20, 60);
    layer.config.accumulator_aware = AccumulatorAware::axe;
    layer.config.order = ColumnOrder::natural;
    InputMoments broken = input_moments(layer.samples.quantized);
    InputMoments not_finite = broken;
    broken.h(0, 1) = broken.h(1, 0) = 1e9 * broken.h(0, 0);  // no longer positive definite
    not_finite.h(2, 2) = std::numeric_limits<double>::quiet_NaN();
    layer.config.algorithm = Algorithm::naive_round;
    const auto rounded =
        quantize_linear("l", layer.weights, {}, layer.format, layer.config, layer.steps);
    EXPECT_EQ(rounded.fallback, "");
    for (const InputMoments& moments : {broken, not_finite}) {
        layer.config.algorithm = Algorithm::optq;
        const auto result =
            quantize_linear("l", layer.weights, moments, layer.format, layer.config, layer.steps);
        EXPECT_NE(result.fallback, "");
        EXPECT_EQ(result.codes, rounded.codes);
        EXPECT_TRUE(
            certify(result.codes, layer.format.activations, layer.format.accumulator).certified);
    }
}

TEST(Quantizer, WhatTheUserMustMendIsNamed) {
    std::mt19937 random(7);
    Layer layer = random_layer(random, 2, 6, 12);
    const InputMoments moments = input_moments(layer.samples.quantized);
    const auto message = [&](const Layer& l, const InputMoments& m,
                             const std::vector<double>& steps) -> std::string {
        try {
            quantize_linear("model.q_proj", l.weights, m, l.format, l.config, steps);
        } catch (const UserError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(message(layer, moments, layer.steps), "");
    EXPECT_NE(message(layer, {}, layer.steps).find("model.q_proj"), std::string::npos);
    EXPECT_NE(message(layer, moments, {1.0}).find("2 output channels"), std::string::npos);
    EXPECT_NE(message(layer, moments, {1.0, -1.0}).find("channel 1"), std::string::npos);
    Layer bad = layer;
    bad.weights(0, 0) = std::numeric_limits<double>::infinity();
    EXPECT_NE(message(bad, moments, layer.steps).find("not finite"), std::string::npos);
    bad = layer;
    bad.format.activations = {1, 5};
    EXPECT_NE(message(bad, moments, layer.steps).find("must hold 0"), std::string::npos);
}

}  // namespace
}  // namespace axesim::quant
