// SPDX-License-Identifier: Apache-2.0
// What the functions of the vector unit cost, against plain loops that count as they compute.
#include "models/compute/vector_work.h"

#include <gtest/gtest.h>

namespace axesim::models {
namespace {

/// One lane: fused multiply-adds, lone additions and lone multiplications.
struct Lane {
    VectorWork work;
    void fused() { work += {1, 1, 1}; }
    void add() { work += {1, 0, 1}; }
    void multiply() { work += {0, 1, 1}; }
    void special() {
        multiply();
        fused();
        fused();
    }
};

TEST(VectorWork, OfANormIsThatOfItsLoops) {
    Lane lane;
    for (int row = 0; row < 3; ++row) {
        for (int i = 0; i < 5; ++i) lane.fused();  // sum += x * x
        lane.fused();                              // sum * (1 / n) + epsilon
        lane.special();                            // reciprocal root
        for (int i = 0; i < 5; ++i) {
            lane.multiply();  // by the factor of the row
            lane.multiply();  // by the weight of the column
        }
    }
    EXPECT_EQ(rms_norm_work(3, 5), lane.work);
}

TEST(VectorWork, OfASoftmaxIsThatOfItsLoops) {
    Lane lane;
    for (int row = 0; row < 4; ++row) {
        for (int i = 0; i < 7; ++i) {
            lane.add();       // compare with the largest
            lane.add();       // subtract it
            lane.special();   // exponential
            lane.add();       // sum
            lane.multiply();  // by the sum's reciprocal
            lane.multiply();  // by the factor of the column
        }
        lane.special();  // reciprocal
    }
    EXPECT_EQ(softmax_work(4, 7), lane.work);
}

TEST(VectorWork, OfElementwiseFunctions) {
    Lane rotary, swiglu, sum;
    for (int i = 0; i < 6; ++i) {
        rotary.multiply();  // a cos
        rotary.fused();     // +- b sin
        swiglu.special();   // exp(-g)
        swiglu.add();       // 1 + it
        swiglu.special();   // reciprocal
        swiglu.multiply();  // times g
        swiglu.multiply();  // times up
        sum.add();
    }
    EXPECT_EQ(rotary_work(6), rotary.work);
    EXPECT_EQ(swiglu_work(6), swiglu.work);
    EXPECT_EQ(addition_work(6), sum.work);
}

}  // namespace
}  // namespace axesim::models
