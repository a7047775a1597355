// SPDX-License-Identifier: Apache-2.0
// Weights in groups: how their steps are chosen, and that a grouped layer is quantized exactly as
// the layer without groups whose tiles' scales were moved into its inputs.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "quant/moments.h"
#include "quant/quantizer.h"

namespace axesim::quant {
namespace {

Matrix<double> heavy_tailed(Index rows, Index columns, unsigned seed) {
    std::mt19937 random(seed);
    std::student_t_distribution<double> pick(4.0);
    return Matrix<double>::NullaryExpr(rows, columns, [&] { return pick(random); });
}

/// Columns of very different size, and a tile of zeros in the second row.
Matrix<double> uneven_weights(Index rows, Index columns, Index tile, unsigned seed) {
    Matrix<double> weights = heavy_tailed(rows, columns, seed);
    for (Index k = 0; k < columns; ++k) {
        weights.col(k) *= std::exp2(-1.7 * static_cast<double>(k / tile * 5 % 7));
    }
    if (rows > 1) weights.row(1).segment(tile, tile).setZero();
    return weights;
}

class GroupsOfEveryKind : public testing::TestWithParam<WeightGroups> {};
INSTANTIATE_TEST_SUITE_P(Kinds, GroupsOfEveryKind,
                         testing::Values(WeightGroups::power_of_two, WeightGroups::integer));

TEST_P(GroupsOfEveryKind, EveryTileHasTheLeastScaleThatCoversItAndTheLargestItsAbsmaxStep) {
    const WeightGroups groups = GetParam();
    for (int bits = 2; bits <= 8; ++bits) {
        SCOPED_TRACE(bits);
        constexpr Index kTile = 8;
        const Matrix<double> weights = uneven_weights(9, 61, kTile, 1);  // a short last tile
        const WeightSteps steps = absmax_groups(weights, bits, {groups, kTile});
        const double largest_code = std::exp2(bits - 1) - 1;
        ASSERT_EQ(steps.tile_scales.cols(), 8);
        for (Index c = 0; c < weights.rows(); ++c) {
            const double step = steps.step[static_cast<std::size_t>(c)];
            EXPECT_EQ(step, static_cast<double>(static_cast<float>(step)));
            int common = 0;
            double widest = 0;
            for (Index t = 0; t < 8; ++t) {
                const auto tile =
                    weights.row(c).segment(t * kTile, std::min(kTile, 61 - t * kTile));
                const double absmax = tile.cwiseAbs().maxCoeff();
                const int scale = steps.tile_scales(c, t);
                if (absmax == 0) {
                    EXPECT_EQ(scale, 1);
                    continue;
                }
                common = std::gcd(common, scale);
                widest = std::max(widest, step * scale);
                EXPECT_LE(std::nearbyint(absmax / (step * scale)), largest_code);
                if (scale > 1) {
                    const int less = groups == WeightGroups::integer ? scale - 1 : scale / 2;
                    EXPECT_GE(absmax / (step * less), largest_code + 0.5);
                }
            }
            EXPECT_EQ(common, 1);
            const double absmax_step = weights.row(c).cwiseAbs().maxCoeff() / largest_code;
            if (groups == WeightGroups::power_of_two) {
                EXPECT_EQ(widest, static_cast<double>(static_cast<float>(absmax_step)));
            } else {
                EXPECT_LT(widest, absmax_step * (1 + 1e-6));
            }
        }
    }
}

TEST(Groups, StepsOfExtremeWeightsStayNormalFloats) {
    Matrix<double> weights(3, 4);
    weights << 1e-37, 1e-40, 0, 0,  //
        0, 0, 0, 0,                 //
        1e30, 1e-30, 1, 1;
    const WeightSteps steps = absmax_groups(weights, 4, {WeightGroups::power_of_two, 2});
    for (const double step : steps.step) EXPECT_TRUE(std::isnormal(static_cast<float>(step)));
    EXPECT_EQ(steps.step[1], 1.0);
    EXPECT_EQ(steps.tile_scales(2, 0), 128);
    EXPECT_EQ(steps.tile_scales(2, 1), 1);
}

double rounding_error(const Matrix<double>& weights, const QuantizedLinear& linear, Index tile) {
    double error = 0;
    for (Index c = 0; c < weights.rows(); ++c) {
        for (Index k = 0; k < weights.cols(); ++k) {
            const double unit =
                linear.tile_scales.size() > 0 ? linear.tile_scales(c, k / tile) : 1.0;
            const double value =
                linear.step[static_cast<std::size_t>(c)] * unit * linear.codes(c, k);
            error += std::pow(weights(c, k) - value, 2);
        }
    }
    return error;
}

TEST(Groups, LoseLessThanOneStepAChannelAndThanPlainPowersOfTwo) {
    constexpr Index kTile = 32;
    const Matrix<double> weights = heavy_tailed(64, 576, 2);
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = signed_range(4);
    format.activations = unsigned_range(8);
    format.accumulator = {.inner_bits = 32, .tile_size = kTile};
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    config.accumulator_aware = AccumulatorAware::none;
    const auto error = [&](WeightGroups groups, WeightStep step) {
        format.accumulator.groups = groups;
        config.weight_step = step;
        return rounding_error(weights, quantize_linear("l", weights, {}, format, config), kTile);
    };
    const double channel = error(WeightGroups::none, WeightStep::absmax);
    const double group = error(WeightGroups::power_of_two, WeightStep::absmax);
    const double best_channel = error(WeightGroups::none, WeightStep::mse);
    const double best_group = error(WeightGroups::power_of_two, WeightStep::mse);
    const double integer = error(WeightGroups::integer, WeightStep::absmax);
    const double best_integer = error(WeightGroups::integer, WeightStep::mse);
    double plain = 0;
    for (Index c = 0; c < weights.rows(); ++c) {
        for (Index first = 0; first < weights.cols(); first += kTile) {
            const auto tile = weights.row(c).segment(first, kTile).array();
            const double step = std::exp2(std::ceil(std::log2(tile.abs().maxCoeff() / 7)));
            plain += (tile - step * (tile / step).round()).square().sum();
        }
    }
    EXPECT_LT(group, 0.9 * plain);
    EXPECT_LT(group, 0.6 * channel);
    EXPECT_LT(best_group, 0.6 * best_channel);
    EXPECT_LT(best_group, group);
    EXPECT_LT(integer, 0.8 * group);  // their tiles' steps are as fine as the tiles need
    EXPECT_LT(best_integer, 0.95 * best_group);
}

struct Method {
    Algorithm algorithm;
    AccumulatorAware aware;
    bool step_search;
    bool own_inputs;  ///< the float net sees other inputs
};

class GroupsInEveryMethod : public testing::TestWithParam<Method> {};

// w x = (w / 2^e) (2^e x), and scaling by powers of two rounds nothing: the codes must be the same,
// not only near. Damping and activation order look at the inputs' size, so they are off.
TEST_P(GroupsInEveryMethod, EqualTheLayerWhoseInputsTookTheScales) {
    const Method& method = GetParam();
    constexpr Index kTile = 6;
    constexpr Index kDepth = 40;
    const Matrix<double> weights = uneven_weights(5, kDepth, kTile, 3);
    const Matrix<double> inputs = heavy_tailed(300, kDepth, 4);
    const Matrix<double> original = inputs + 0.1 * heavy_tailed(300, kDepth, 5);
    const auto moments_at = [&](const Eigen::RowVectorXd& units) {
        const Matrix<double> seen = inputs.array().rowwise() * units.array();
        const Matrix<double> float_seen = original.array().rowwise() * units.array();
        return input_moments(seen, method.own_inputs ? &float_seen : nullptr);
    };
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = signed_range(4);
    format.activations = unsigned_range(4);
    format.accumulator = {.inner_bits = 9, .tile_size = kTile};
    QuantizerConfig config;
    config.algorithm = method.algorithm;
    config.accumulator_aware = method.aware;
    config.step_search = method.step_search;
    config.order = ColumnOrder::natural;
    config.damping = 0;
    LinearFormat grouped = format;
    grouped.accumulator.groups = WeightGroups::power_of_two;
    const InputMoments moments = moments_at(Eigen::RowVectorXd::Ones(kDepth));
    const QuantizedLinear result = quantize_linear("l", weights, moments, grouped, config);
    EXPECT_GT(result.tile_scales.maxCoeff(), 8);
    QuantizerConfig without_search = config;
    without_search.step_search = false;
    const QuantizedLinear given = quantize_linear("l", weights, moments, grouped, without_search);
    for (Index c = 0; c < weights.rows(); ++c) {
        SCOPED_TRACE(c);
        Eigen::RowVectorXd units(kDepth);
        for (Index k = 0; k < kDepth; ++k) units(k) = result.tile_scales(c, k / kTile);
        const Matrix<double> moved = weights.row(c).array() / units.array();
        const QuantizedLinear expected =
            quantize_linear("l", moved, moments_at(units), format, config,
                            {given.step[static_cast<std::size_t>(c)]});
        EXPECT_EQ(result.codes.row(c), expected.codes.row(0));
        EXPECT_EQ(result.step[static_cast<std::size_t>(c)], expected.step[0]);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, GroupsInEveryMethod,
    testing::Values(Method{Algorithm::naive_floor, AccumulatorAware::none, false, false},
                    Method{Algorithm::naive_round, AccumulatorAware::axe, true, false},
                    Method{Algorithm::naive_round, AccumulatorAware::ep_init, true, false},
                    Method{Algorithm::gpfq, AccumulatorAware::none, false, false},
                    Method{Algorithm::gpfq, AccumulatorAware::axe, true, true},
                    Method{Algorithm::optq, AccumulatorAware::none, false, false},
                    Method{Algorithm::optq, AccumulatorAware::axe, true, false},
                    Method{Algorithm::optq, AccumulatorAware::ep_init, false, false},
                    Method{Algorithm::qronos, AccumulatorAware::axe, true, true}));

/// |w X - w_q Xq|^2 of all channels, up to a constant.
double output_error(const Matrix<double>& weights, const InputMoments& moments,
                    const QuantizedLinear& linear, Index tile) {
    Matrix<double> missed = weights;
    for (Index c = 0; c < weights.rows(); ++c) {
        for (Index k = 0; k < weights.cols(); ++k) {
            missed(c, k) -= linear.step[static_cast<std::size_t>(c)] *
                            linear.tile_scales(c, k / tile) * linear.codes(c, k);
        }
    }
    return (missed * moments.h * missed.transpose()).trace();
}

TEST(Groups, RefinementLessensTheErrorAndKeepsTheScales) {
    constexpr Index kTile = 8;
    const Matrix<double> weights = uneven_weights(12, 45, kTile, 6);
    const InputMoments moments = input_moments(heavy_tailed(200, 45, 7), nullptr);
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = signed_range(4);
    format.activations = unsigned_range(6);
    format.accumulator = {.inner_bits = 11, .tile_size = kTile};
    format.accumulator.groups = WeightGroups::power_of_two;
    for (const int outer_bits : {0, 15}) {
        format.accumulator.outer_bits = outer_bits;
        QuantizerConfig config;
        const QuantizedLinear before = quantize_linear("l", weights, moments, format, config);
        config.refine_sweeps = 10;
        const QuantizedLinear after = quantize_linear("l", weights, moments, format, config);
        EXPECT_EQ(before.tile_scales, after.tile_scales);
        EXPECT_LT(output_error(weights, moments, after, kTile),
                  0.98 * output_error(weights, moments, before, kTile));
    }
}

TEST(Groups, NoColumnsAndNoChannels) {
    LinearFormat format;
    format.weights = signed_range(8);
    format.activations = unsigned_range(8);
    format.accumulator = {.inner_bits = 20, .tile_size = 4};
    format.accumulator.groups = WeightGroups::power_of_two;
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    EXPECT_EQ(quantize_linear("l", Matrix<double>(3, 0), {}, format, config).codes.rows(), 3);
    EXPECT_EQ(quantize_linear("l", Matrix<double>(0, 5), {}, format, config).codes.rows(), 0);
}

}  // namespace
}  // namespace axesim::quant
