// SPDX-License-Identifier: Apache-2.0
#include "quant/moments.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <random>

#include "common/error.h"
#include "quant/feedback.h"

namespace axesim::quant {
namespace {

template <class T>
Matrix<T> random_samples(unsigned seed, Index samples, Index depth) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Matrix<T> m(samples, depth);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<T>(normal(random));
    return m;
}

double difference(const Matrix<double>& a, const Matrix<double>& b) {
    return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

TEST(Moments, AreSumsOfProducts) {
    // More samples than a chunk and more columns than a block, neither a multiple.
    const Matrix<float> xq = random_samples<float>(1, 1100, 211);
    const Matrix<float> x = random_samples<float>(2, 1100, 211);
    const InputMoments moments = input_moments(xq, &x);
    const Matrix<double> wide = xq.cast<double>();
    EXPECT_LT(difference(moments.h, wide.transpose() * wide), 1e-6);
    EXPECT_LT(difference(moments.g, wide.transpose() * x.cast<double>()), 1e-5);
    EXPECT_EQ(input_moments(xq).g.size(), 0);
    const Matrix<double> wide_x = x.cast<double>();
    const InputMoments exact = input_moments(wide, &wide_x);
    EXPECT_LT(difference(exact.h, wide.transpose() * wide), 1e-14);
    EXPECT_LT(difference(exact.g, wide.transpose() * wide_x), 1e-13);
}

TEST(Moments, OfThePastAreThoseThatGpfqLooksAt) {
    const Index depth = 211;
    const Matrix<float> xq = random_samples<float>(3, 1100, depth);
    const Matrix<float> x = random_samples<float>(4, 1100, depth);
    QuantizerConfig config;
    config.algorithm = Algorithm::gpfq;
    for (const ColumnOrder order : {ColumnOrder::natural, ColumnOrder::activation}) {
        config.order = order;
        const InputMoments all = input_moments(xq, &x);
        const InputMoments back = input_moments(xq, &x, config);
        EXPECT_EQ(back.h, all.h);
        EXPECT_EQ(back.g.size(), 0);
        const std::vector<Index> visited = visiting_order(all.h, depth, order);
        const Matrix<double> g = all.g(visited, visited);
        const Matrix<double> past = g.transpose().triangularView<Eigen::Upper>();
        EXPECT_LT(difference(back.past, past), 1e-6);
    }
    EXPECT_EQ(input_moments(xq, nullptr, config).past.size(), 0);
    config.step_search = true;
    EXPECT_EQ(input_moments(xq, &x, config).past.size(), 0);
    EXPECT_EQ(input_moments(xq, &x, config).g, input_moments(xq, &x).g);
}

TEST(Moments, OfInputsThatDisagreeAreRefused) {
    const Matrix<float> xq = random_samples<float>(5, 4, 16), x = random_samples<float>(5, 4, 15);
    QuantizerConfig gpfq;
    gpfq.algorithm = Algorithm::gpfq;
    EXPECT_THROW(input_moments(xq, &x), UserError);
    EXPECT_THROW(input_moments(xq, &x, gpfq), UserError);
}

TEST(Moments, SameBitsForAnyNumberOfThreads) {
    const Matrix<float> x = random_samples<float>(6, 600, 430);
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const InputMoments one = input_moments(x);
    omp_set_num_threads(3);
    const InputMoments three = input_moments(x);
    omp_set_num_threads(before);
    EXPECT_EQ(one.h, three.h);
}

}  // namespace
}  // namespace axesim::quant
