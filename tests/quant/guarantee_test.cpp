// SPDX-License-Identifier: Apache-2.0
// The promise of AXE and EP-init, checked by running every corner of the activations (and all of
// them where they are few) through a two-stage accumulator, after each product.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quant/certificate.h"
#include "quant/moments.h"
#include "quant/quantizer.h"

namespace axesim::quant {
namespace {

struct RandomCase {
    Matrix<double> weights;
    InputMoments moments;
    LinearFormat format;
    QuantizerConfig config;
};

class CaseMaker {
public:
    explicit CaseMaker(unsigned seed) : random_(seed) {}

    /// With groups, the weights' size varies from tile to tile.
    RandomCase make_grouped(AccumulatorAware aware) {
        RandomCase c = make(aware);
        c.format.accumulator.groups =
            pick(0, 1) == 0 ? WeightGroups::power_of_two : WeightGroups::integer;
        if (c.format.accumulator.outer_bits > 0) c.format.accumulator.outer_bits += pick(0, 7);
        for (Index k = 0; k < c.weights.cols(); ++k) {
            const std::int64_t tile = k / c.format.accumulator.tile_length(c.weights.cols());
            c.weights.col(k) *= std::ldexp(1.0, -static_cast<int>(tile * 7 % 5) * pick(0, 2));
        }
        return c;
    }

    RandomCase make(AccumulatorAware aware) {
        RandomCase c;
        const Index depth = pick(1, 11);
        c.weights = values(2, depth);
        if (pick(0, 4) == 0) c.weights = c.weights.cwiseAbs();  // lambda is 0 for such a tile
        c.format.weight_bits = pick(2, 6);
        c.config.weight_range = pick(0, 1) == 1 ? WeightRange::narrow : WeightRange::full;
        c.format.weights = c.config.weight_range == WeightRange::narrow
                               ? narrow_range(c.format.weight_bits)
                               : signed_range(c.format.weight_bits);
        c.format.activations = activations();
        c.format.accumulator.inner_bits = pick(3, 11);
        c.format.accumulator.tile_size = pick(0, static_cast<int>(depth) + 1);
        if (pick(0, 2) == 0)
            c.format.accumulator.outer_bits =
                std::max(2, c.format.accumulator.inner_bits + pick(-1, 3));
        c.moments = moments(depth);
        fill_config(c.config, aware);
        return c;
    }

private:
    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

    Matrix<double> values(Index rows, Index columns) {
        std::student_t_distribution<double> heavy_tailed(3.0);
        Matrix<double> m(rows, columns);
        for (Index i = 0; i < m.size(); ++i) m.data()[i] = heavy_tailed(random_);
        return m;
    }

    IntegerRange activations() {
        const int n = pick(2, 5);
        switch (pick(0, 3)) {
            case 0:
                return signed_range(n);
            case 1:
                return {-pick(0, 6), pick(1, 12)};
            case 2:
                return {-pick(1, 12), 0};
            default:
                return unsigned_range(n);
        }
    }

    InputMoments moments(Index depth) {
        Matrix<double> xq = values(pick(1, 20), depth);  // often fewer samples than columns
        if (pick(0, 4) == 0) xq.col(pick(0, static_cast<int>(depth) - 1)).setZero();
        const Matrix<double> x = xq + 0.2 * values(xq.rows(), depth);
        InputMoments result = input_moments(xq, pick(0, 1) == 1 ? &x : nullptr);
        if (pick(0, 19) == 0) result.h(0, 0) = std::numeric_limits<double>::quiet_NaN();
        return result;
    }

    void fill_config(QuantizerConfig& config, AccumulatorAware aware) {
        constexpr Algorithm kAlgorithms[] = {Algorithm::naive_floor, Algorithm::naive_round,
                                             Algorithm::gpfq, Algorithm::optq, Algorithm::qronos};
        config.accumulator_aware = aware;
        config.algorithm = kAlgorithms[pick(0, 4)];
        config.refine_sweeps = pick(0, 2) == 0 ? 5 : 0;
        config.order = pick(0, 1) == 1 ? ColumnOrder::activation : ColumnOrder::natural;
        config.error_feedback = pick(0, 1) == 1 ? ErrorFeedback::full : ErrorFeedback::post;
        config.damping = pick(0, 1) == 1 ? 0.01 : 0.0;
        config.soft_threshold = pick(0, 1) == 1;
        config.pad_short_tile_with_zeros = pick(0, 1) == 1;
        config.step_search = pick(0, 3) == 0;
    }

    std::mt19937 random_;
};

/// Counts the moments at which an accumulator holds more than its bits over all inputs.
class Datapath {
public:
    Datapath(const std::int16_t* codes, std::span<const std::uint8_t> tile_scales,
             std::int64_t depth, const LinearFormat& format, std::vector<std::int64_t> inputs)
        : codes_(codes),
          tile_scales_(tile_scales),
          depth_(depth),
          tile_(format.accumulator.tile_length(depth)),
          inner_(signed_range(format.accumulator.inner_bits)),
          outer_(signed_range(format.accumulator.outer_bits_for(depth))),
          inputs_(std::move(inputs)) {}

    std::int64_t overflows() { return visit(0, 0, 0); }

private:
    std::int64_t visit(std::int64_t k, std::int64_t inner, std::int64_t outer) {
        if (k == depth_) return 0;
        std::int64_t count = 0;
        for (const std::int64_t x : inputs_) {
            const std::int64_t sum = inner + codes_[k] * x;
            count += inner_.contains(sum) ? 0 : 1;
            if ((k + 1) % tile_ != 0 && k + 1 < depth_) {
                count += visit(k + 1, sum, outer);
            } else {
                const auto t = static_cast<std::size_t>(k / tile_);
                const std::int64_t next =
                    outer + sum * (tile_scales_.empty() ? 1 : tile_scales_[t]);
                count += outer_.contains(next) ? 0 : 1;
                count += visit(k + 1, 0, next);
            }
        }
        return count;
    }

    const std::int16_t* codes_;
    std::span<const std::uint8_t> tile_scales_;
    std::int64_t depth_;
    std::int64_t tile_;
    IntegerRange inner_;
    IntegerRange outer_;
    std::vector<std::int64_t> inputs_;
};

std::int64_t overflows(const RandomCase& c, const QuantizedLinear& result) {
    const IntegerRange& range = c.format.activations;
    std::vector<std::int64_t> inputs{range.min, range.max};
    if (std::pow(range.max - range.min + 1, c.weights.cols()) <= 5000) {
        inputs.clear();
        for (std::int64_t x = range.min; x <= range.max; ++x) inputs.push_back(x);
    }
    std::int64_t count = 0;
    for (Index channel = 0; channel < result.codes.rows(); ++channel) {
        const std::int16_t* codes = result.codes.row(channel).data();
        count += Datapath(codes, tile_scales_of(result.tile_scales, channel), c.weights.cols(),
                          c.format, inputs)
                     .overflows();
    }
    return count;
}

void expect_none(AccumulatorAware aware, unsigned seed, int layers, bool grouped = false) {
    CaseMaker maker(seed);
    std::int64_t codes_not_zero = 0;
    std::int64_t scales_not_one = 0;
    for (int trial = 0; trial < layers; ++trial) {
        SCOPED_TRACE(trial);
        const RandomCase c = grouped ? maker.make_grouped(aware) : maker.make(aware);
        const QuantizedLinear result =
            quantize_linear("layer", c.weights, c.moments, c.format, c.config);
        ASSERT_EQ(overflows(c, result), 0);
        ASSERT_GE(result.codes.minCoeff(), c.format.weights.min);
        ASSERT_LE(result.codes.maxCoeff(), c.format.weights.max);
        ASSERT_TRUE(
            certify(result.codes, c.format.activations, c.format.accumulator, result.tile_scales)
                .certified);
        scales_not_one += (result.tile_scales.array() != 1).count();
        codes_not_zero += (result.codes.array() != 0).count();
    }
    // A quantizer that answers 0 would pass all of the above.
    EXPECT_GT(codes_not_zero, 3 * layers);
    EXPECT_GE(scales_not_one, grouped ? layers : 0);
}

TEST(Guarantee, AxeNeverOverflows) { expect_none(AccumulatorAware::axe, 10, 4000); }

TEST(Guarantee, EpInitNeverOverflows) { expect_none(AccumulatorAware::ep_init, 11, 4000); }

TEST(Guarantee, AxeNeverOverflowsWithGroups) { expect_none(AccumulatorAware::axe, 13, 4000, true); }

TEST(Guarantee, EpInitNeverOverflowsWithGroups) {
    expect_none(AccumulatorAware::ep_init, 14, 4000, true);
}

TEST(Guarantee, WithoutItLayersDoOverflowAndTheCertificateSaysExactlyWhich) {
    CaseMaker maker(12);
    int overflowing = 0;
    for (int trial = 0; trial < 1000; ++trial) {
        SCOPED_TRACE(trial);
        const RandomCase c = maker.make(AccumulatorAware::none);
        const QuantizedLinear result =
            quantize_linear("layer", c.weights, c.moments, c.format, c.config);
        const bool overflow = overflows(c, result) > 0;
        overflowing += overflow ? 1 : 0;
        // Every corner is enumerated, so the certificate must be neither too strict nor too lax.
        ASSERT_EQ(certify(result.codes, c.format.activations, c.format.accumulator).certified,
                  !overflow);
    }
    EXPECT_GT(overflowing, 200);
    EXPECT_LT(overflowing, 1000);
}

TEST(Guarantee, WithoutItLayersInGroupsDoOverflowAndTheCertificateSaysExactlyWhich) {
    CaseMaker maker(15);
    int overflowing = 0;
    for (int trial = 0; trial < 1000; ++trial) {
        SCOPED_TRACE(trial);
        const RandomCase c = maker.make_grouped(AccumulatorAware::none);
        const QuantizedLinear result =
            quantize_linear("layer", c.weights, c.moments, c.format, c.config);
        const bool overflow = overflows(c, result) > 0;
        overflowing += overflow ? 1 : 0;
        ASSERT_EQ(
            certify(result.codes, c.format.activations, c.format.accumulator, result.tile_scales)
                .certified,
            !overflow);
    }
    EXPECT_GT(overflowing, 200);
    EXPECT_LT(overflowing, 1000);
}

TEST(Guarantee, AnAxeLayerInGroupsSpendsTheOuterBudgetInScaledCodes) {
    // Steps 1 and 4: codes 5 and 3 fill the first tile of 127 / 15 = 8, those of the second would
    // too, but of the outer accumulator's floor(255 / 15) = 17 only 9 = 2 codes of 4 are left.
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = narrow_range(4);
    format.activations = unsigned_range(4);
    format.accumulator.inner_bits = 8;
    format.accumulator.tile_size = 4;
    format.accumulator.outer_bits = 9;
    format.accumulator.groups = WeightGroups::power_of_two;
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    config.soft_threshold = false;
    Matrix<double> weights = Matrix<double>::Constant(1, 8, 5.0);
    weights.rightCols(4).setConstant(20.0);
    const auto result = quantize_linear("l", weights, {}, format, config, {1.0});
    Matrix<int> expected(1, 8);
    expected << 5, 3, 0, 0, 2, 0, 0, 0;
    EXPECT_EQ(result.codes.cast<int>(), expected);
    EXPECT_EQ(result.tile_scales.cast<int>(), (Matrix<int>(1, 2) << 1, 4).finished());
}

TEST(Guarantee, AnAxeLayerLeavesNoRoomThatItCouldHaveUsed) {
    // All weights positive and large, unsigned activations: the tile's budget must be used up.
    LinearFormat format;
    format.weight_bits = 4;
    format.weights = narrow_range(4);
    format.activations = unsigned_range(4);
    format.accumulator.inner_bits = 8;
    format.accumulator.tile_size = 4;
    QuantizerConfig config;
    config.algorithm = Algorithm::naive_round;
    const Matrix<double> weights = Matrix<double>::Constant(1, 8, 5.0);
    const auto result = quantize_linear("l", weights, {}, format, config, {1.0});
    Matrix<int> expected(1, 8);
    expected << 5, 3, 0, 0, 5, 3, 0, 0;  // floor(127 / 15) = 8 a tile
    EXPECT_EQ(result.codes.cast<int>(), expected);
    // An outer accumulator of the same 8 bits has to be shared by both tiles.
    format.accumulator.outer_bits = 8;
    config.soft_threshold = false;
    expected << 5, 3, 0, 0, 0, 0, 0, 0;
    EXPECT_EQ(quantize_linear("l", weights, {}, format, config, {1.0}).codes.cast<int>(), expected);
}

}  // namespace
}  // namespace axesim::quant
