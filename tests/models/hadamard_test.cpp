// SPDX-License-Identifier: Apache-2.0
#include "models/compute/hadamard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace axesim::models {
namespace {

Matrix<float> dense(const Hadamard& hadamard) {
    Matrix<float> q = Matrix<float>::Identity(hadamard.size(), hadamard.size());
    hadamard.rotate_rows(q);
    return q;
}

// Sizes of real models' layers (576, 1536, 14336 / 16, 11008 / 16), powers of two and odd ones.
class HadamardSize : public testing::TestWithParam<Index> {};

TEST_P(HadamardSize, IsSymmetricOrthonormalAndFlat) {
    const Hadamard hadamard(GetParam());
    ASSERT_EQ(hadamard.size(), GetParam());
    const Matrix<float> q = dense(hadamard);
    EXPECT_LT((q - q.transpose()).cwiseAbs().maxCoeff(), 1e-6F);
    EXPECT_LT((q * q - Matrix<float>::Identity(q.rows(), q.cols())).cwiseAbs().maxCoeff(), 1e-5F);
    const float entry = 1.0F / std::sqrt(static_cast<float>(hadamard.block()));
    for (Index i = 0; i < q.rows(); ++i) {
        for (Index j = 0; j < q.cols(); ++j) {
            const bool inside = i / hadamard.block() == j / hadamard.block();
            ASSERT_NEAR(std::abs(q(i, j)), inside ? entry : 0.0F, 1e-6F) << i << ", " << j;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, HadamardSize,
                         testing::Values(1, 2, 3, 4, 12, 28, 36, 43, 64, 172, 576, 688, 896, 1536));

TEST(Hadamard, SpansTheWholeVectorWhereItCan) {
    EXPECT_EQ(Hadamard(576).block(), 576);    // 36 x 16
    EXPECT_EQ(Hadamard(1536).block(), 1536);  // 12 x 128
    EXPECT_EQ(Hadamard(14336).block(), 14336);
    EXPECT_EQ(Hadamard(8192).block(), 8192);
    EXPECT_EQ(Hadamard(11008).block(), 256);  // 43 is in no order known here
}

TEST(Hadamard, RotatesColumnsAsItRotatesRows) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    Matrix<float> x(24, 5);
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = normal(random);
    const Hadamard hadamard(24);
    Matrix<float> rotated = x;
    hadamard.rotate_columns(rotated);
    EXPECT_LT((rotated - dense(hadamard) * x).cwiseAbs().maxCoeff(), 1e-5F);
}

TEST(Hadamard, CountsItsAdditions) {
    EXPECT_EQ(Hadamard(8).additions(), 8 * 3);
    EXPECT_EQ(Hadamard(24).additions(), 24 * (1 + 11));
}

}  // namespace
}  // namespace axesim::models
