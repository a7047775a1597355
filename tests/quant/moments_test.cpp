// SPDX-License-Identifier: Apache-2.0
#include "quant/moments.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <random>

#include "common/error.h"

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
    const InputMoments exact = input_moments(wide);
    EXPECT_LT(difference(exact.h, wide.transpose() * wide), 1e-14);
}

TEST(Moments, BatchesAddUp) {
    const Matrix<double> xq = random_samples<double>(3, 90, 17);
    const Matrix<double> x = random_samples<double>(4, 90, 17);
    InputMoments total;
    const Matrix<double> first = x.topRows(40);
    const Matrix<double> second = x.bottomRows(50);
    add_moments(total, xq.topRows(40), &first);
    add_moments(total, xq.bottomRows(50), &second);
    EXPECT_LT(difference(total.h, xq.transpose() * xq), 1e-13);
    EXPECT_LT(difference(total.g, xq.transpose() * x), 1e-13);
    EXPECT_THROW(add_moments(total, xq), UserError);
    EXPECT_THROW(add_moments(total, random_samples<double>(5, 4, 16)), UserError);
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
