// SPDX-License-Identifier: Apache-2.0
// How much output error the constraint costs on a layer like those of axe.md 3.8: correlated
// inputs, heavy-tailed weights. The order of the methods is what is asserted, with room.
#include <gtest/gtest.h>

#include <random>

#include "quant/certificate.h"
#include "quant/moments.h"
#include "quant/quantizer.h"

namespace axesim::quant {
namespace {

class Quality : public testing::Test {
protected:
    static constexpr Index kDepth = 512;
    static constexpr Index kChannels = 64;

    void SetUp() override {
        std::mt19937 random(7);
        std::normal_distribution<double> normal;
        std::student_t_distribution<double> heavy_tailed(5.0);
        const auto fill = [&](Index rows, Index columns, auto& distribution) {
            Matrix<double> m(rows, columns);
            for (Index i = 0; i < m.size(); ++i) m.data()[i] = distribution(random);
            return m;
        };
        const Index rank = kDepth / 8;
        const Index samples = 1024;
        inputs_ = fill(samples, rank, normal) * fill(rank, kDepth, normal) / 8.0 +
                  0.3 * fill(samples, kDepth, normal);
        weights_ = fill(kChannels, kDepth, heavy_tailed);
        moments_ = input_moments(inputs_);
        format_.weight_bits = 4;
        format_.weights = narrow_range(4);
        format_.activations = signed_range(8);
        format_.accumulator.inner_bits = 16;
        format_.accumulator.tile_size = 128;
    }

    /// |(w - s q) x| / |w x| over the samples.
    double error(Algorithm algorithm, AccumulatorAware aware, bool search) {
        QuantizerConfig config;
        config.weight_range = WeightRange::narrow;
        config.algorithm = algorithm;
        config.accumulator_aware = aware;
        config.step_search = search;
        const auto result = quantize_linear("layer", weights_, moments_, format_, config);
        if (aware != AccumulatorAware::none) {
            EXPECT_TRUE(certify(result.codes, format_.activations, format_.accumulator).certified);
        }
        Matrix<double> kept = result.codes.cast<double>();
        for (Index c = 0; c < kChannels; ++c)
            kept.row(c) *= result.step[static_cast<std::size_t>(c)];
        return ((weights_ - kept) * inputs_.transpose()).norm() /
               (weights_ * inputs_.transpose()).norm();
    }

    Matrix<double> inputs_;
    Matrix<double> weights_;
    InputMoments moments_;
    LinearFormat format_;
};

TEST_F(Quality, AxeCostsLittleAndEpInitMuch) {
    using enum Algorithm;
    const double rounded = error(naive_round, AccumulatorAware::none, false);
    for (const Algorithm algorithm : {gpfq, optq}) {
        const double base = error(algorithm, AccumulatorAware::none, false);
        const double axe = error(algorithm, AccumulatorAware::axe, false);
        const double searched = error(algorithm, AccumulatorAware::axe, true);
        RecordProperty(algorithm == gpfq ? "gpfq" : "optq", std::to_string(base) + " axe " +
                                                                std::to_string(axe) + " searched " +
                                                                std::to_string(searched));
        EXPECT_LT(base, 0.7 * rounded);
        EXPECT_LT(axe, 1.1 * base);
        EXPECT_LE(searched, axe);
    }
    EXPECT_LT(error(naive_floor, AccumulatorAware::none, false), 20 * rounded);
}

TEST_F(Quality, UnderATightBudgetAxeBeatsEpInitAndTheSearchBeatsBoth) {
    format_.accumulator.inner_bits = 14;
    format_.accumulator.tile_size = 64;
    for (const Algorithm algorithm : {Algorithm::gpfq, Algorithm::optq}) {
        const double axe = error(algorithm, AccumulatorAware::axe, false);
        const double ep_init = error(algorithm, AccumulatorAware::ep_init, false);
        const double searched = error(algorithm, AccumulatorAware::axe, true);
        EXPECT_LT(2 * axe, ep_init);
        EXPECT_LT(searched, 0.8 * axe);
    }
}

TEST_F(Quality, TheSearchGivesUpTheBitsOfAWeightThatTheAccumulatorHasNoRoomFor) {
    // A few large inputs give the error a minimum of its own near the finest step.
    for (Index k = 0; k < kDepth; k += 37) inputs_.col(k) *= 30.0;
    moments_ = input_moments(inputs_);
    format_.accumulator.tile_size = 64;
    for (const int inner_bits : {14, 16}) {
        format_.accumulator.inner_bits = inner_bits;
        for (const Algorithm algorithm :
             {Algorithm::naive_round, Algorithm::gpfq, Algorithm::optq}) {
            const auto axe = [&](int bits, bool search) {
                format_.weight_bits = bits;
                format_.weights = narrow_range(bits);
                return error(algorithm, AccumulatorAware::axe, search);
            };
            const double narrow = axe(4, true);
            for (const int bits : {8, 10, 16}) {
                const double wide = axe(bits, true);
                // Every code of 4 bits is one of more bits at a step that the search reaches.
                EXPECT_LT(wide, 1.02 * narrow) << bits;
                EXPECT_GT(axe(bits, false), 2 * wide) << bits;
            }
        }
    }
}

TEST_F(Quality, SearchIsNeverWorseWhateverItJudges) {
    format_.accumulator.inner_bits = 14;
    for (const Algorithm algorithm :
         {Algorithm::naive_floor, Algorithm::naive_round, Algorithm::gpfq, Algorithm::optq}) {
        for (const AccumulatorAware aware :
             {AccumulatorAware::none, AccumulatorAware::axe, AccumulatorAware::ep_init}) {
            EXPECT_LE(error(algorithm, aware, true), error(algorithm, aware, false));
        }
    }
}

}  // namespace
}  // namespace axesim::quant
