// SPDX-License-Identifier: Apache-2.0
// The feedback is what feedback.h says, and is made without a second copy of the moments.
#include "quant/feedback.h"

#include <gtest/gtest.h>

#include <random>

#include "quant/layer_inputs.h"
#include "quant/moments.h"
#include "quant/quantizer.h"

namespace axesim::quant {
namespace {

Matrix<double> random_matrix(unsigned seed, Index rows, Index columns) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Matrix<double> m(rows, columns);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = normal(random);
    return m;
}

/// A and R in full, from the panels and the pivots.
Matrix<double> upper_from(const Feedback& feedback, bool times_root_of_pivot) {
    const auto depth = static_cast<Index>(feedback.order.size());
    Matrix<double> upper = Matrix<double>::Zero(depth, depth);
    for (Index first = 0; first < depth; first += kPanel) {
        const MatrixView<double> panel = feedback.gain.at(first);
        upper.block(0, first, panel.rows(), panel.cols()) = panel;
    }
    if (!times_root_of_pivot) return upper;
    for (Index i = 0; i < depth; ++i) {
        upper(i, i) = 1.0;
        upper.col(i) *= std::sqrt(feedback.pivot[static_cast<std::size_t>(i)]);
    }
    return upper;
}

Matrix<double> visited(const Matrix<double>& h, const std::vector<Index>& order) {
    Matrix<double> result(h.rows(), h.cols());
    for (Index i = 0; i < h.rows(); ++i) {
        for (Index j = 0; j < h.cols(); ++j) {
            result(i, j) =
                h(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
        }
    }
    return result;
}

void expect_factor(Index depth, Index samples) {
    QuantizerConfig config;
    InputMoments moments = input_moments(random_matrix(3, samples, depth));
    const Matrix<double> h = moments.h;
    const Feedback feedback = make_feedback(moments, depth, config, false);
    EXPECT_EQ(moments.h, h) << depth;
    ASSERT_FALSE(feedback.gain.empty());
    const Matrix<double> r = upper_from(feedback, true);
    EXPECT_TRUE(r.isUpperTriangular(0.0));
    // R R^T x instead of R R^T: the same proof, in less time.
    const Eigen::VectorXd x = random_matrix(4, depth, 1);
    const Eigen::VectorXd expected = visited(h, feedback.order) * x + feedback.damping * x;
    EXPECT_LT((r * (r.transpose() * x) - expected).norm(), 1e-11 * expected.norm()) << depth;
}

TEST(Feedback, IsMadeFromTheCholeskyFactorAndLeavesTheMoments) {
    for (const Index depth : {1, 31, 32, 33, 100}) expect_factor(depth, depth + 5);
}

// Beyond the corner that is factored at once, with tiles on, below and beside the diagonal.
TEST(Feedback, SlowFactorOfALargeMatrix) { expect_factor(2048 + 700, 900); }

TEST(Feedback, OfGpfqIsTheMomentsThemselves) {
    QuantizerConfig config;
    config.algorithm = Algorithm::gpfq;
    const Matrix<double> x = random_matrix(5, 60, 45);
    const Matrix<double> xq = x + 0.1 * random_matrix(6, 60, 45);
    InputMoments moments = input_moments(xq, &x);
    const InputMoments before = moments;
    const Feedback feedback = make_feedback(moments, 45, config, true);
    EXPECT_EQ(moments.h, before.h);
    EXPECT_EQ(moments.g, before.g);
    const Matrix<double> h = visited(before.h, feedback.order);
    const Matrix<double> g = visited(before.g, feedback.order);
    const Matrix<double> gain = upper_from(feedback, false);
    for (Index j = 0; j < 45; ++j) {
        for (Index i = 0; i < 45; ++i) {
            EXPECT_NEAR(gain(j, i), i > j ? h(j, i) / h(i, i) : 0.0, 1e-14);
            EXPECT_DOUBLE_EQ(feedback.base(j, i), i >= j ? g(i, j) / h(i, i) : 0.0);
        }
    }
}

TEST(LayerInputs, MakeTheSameGpfqOfThePastAlone) {
    QuantizerConfig config;
    config.algorithm = Algorithm::gpfq;
    const Matrix<float> x = random_matrix(11, 300, 230).cast<float>();
    const Matrix<float> xq = x + 0.1F * random_matrix(12, 300, 230).cast<float>();
    const Matrix<double> weights = random_matrix(13, 60, 230);
    LinearFormat format{4, signed_range(4), unsigned_range(4), {}};
    const InputMoments past = input_moments(xq, &x, config);
    EXPECT_EQ(quantize_linear("l", weights, past, format, config).codes,
              quantize_linear("l", weights, input_moments(xq, &x), format, config).codes);
    config.refine_sweeps = 1;
    EXPECT_THROW(LayerInputs("l", 230, past, config), UserError);
}

TEST(LayerInputs, ServeSeveralLayersAndKeepOnlyWhatIsAskedForAgain) {
    const Matrix<double> first = random_matrix(7, 5, 40), second = random_matrix(8, 3, 40);
    const Matrix<double> x = random_matrix(9, 100, 40);
    const Matrix<double> xq = x + 0.1 * random_matrix(10, 100, 40);
    LinearFormat format{4, signed_range(4), unsigned_range(4), {}};
    format.accumulator.inner_bits = 12;
    format.accumulator.tile_size = 16;
    for (const Algorithm algorithm : {Algorithm::optq, Algorithm::gpfq, Algorithm::qronos}) {
        for (const int refine_sweeps : {0, 2}) {
            for (const bool step_search : {false, true}) {
                QuantizerConfig config;
                config.algorithm = algorithm;
                config.refine_sweeps = refine_sweeps;
                config.step_search = step_search;
                const InputMoments moments = input_moments(xq, &x);
                const LayerInputs inputs("l", 40, moments, config);
                for (const Matrix<double>& weights : {first, second}) {
                    EXPECT_EQ(quantize_linear("l", weights, inputs, format, config).codes,
                              quantize_linear("l", weights, moments, format, config).codes);
                }
                EXPECT_EQ(inputs.moments().h.size() > 0, refine_sweeps > 0);
                EXPECT_EQ(inputs.moments().g.size() > 0, refine_sweeps > 0 || step_search);
            }
        }
    }
}

}  // namespace
}  // namespace axesim::quant
