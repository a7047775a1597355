// SPDX-License-Identifier: Apache-2.0
#include "common/parallel.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <numeric>
#include <stdexcept>
#include <vector>

namespace axesim {
namespace {

TEST(Parallel, BlocksCoverEveryIndexOnce) {
    for (const Index total : {0, 1, 7, 8, 9, 100}) {
        std::vector<int> visits(static_cast<std::size_t>(total), 0);
        for_blocks(total, 8, [&](Index first, Index count) {
            for (Index i = first; i < first + count; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        EXPECT_EQ(std::accumulate(visits.begin(), visits.end(), 0), total);
    }
}

TEST(Parallel, TheFirstBlocksExceptionArrives) {
    try {
        for_blocks(100, 1, [](Index first, Index) {
            if (first >= 40) throw std::runtime_error(std::to_string(first));
        });
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "40");
    }
}

/// OpenBLAS's sequential build fails this: its buffers are shared between callers.
TEST(Parallel, ProductsAreTheSameBitsFromManyThreads) {
    const Matrix<float> x = Matrix<float>::Random(512, 576);
    const Matrix<float> w = Matrix<float>::Random(300, 576);
    omp_set_num_threads(1);
    Matrix<float> expected, product;
    multiply_transposed(x, w, expected);
    omp_set_num_threads(4);
    for (int repeat = 0; repeat < 500; ++repeat) {
        multiply_transposed(x, w, product);
        ASSERT_EQ(product, expected) << repeat;
    }
}

}  // namespace
}  // namespace axesim
