// SPDX-License-Identifier: Apache-2.0
// What the lanes of the vector unit do for each function, as plain counts. A lane makes one fused
// multiply-add (or one addition, or one multiplication) in single precision a cycle. A sum over a
// row of n elements is n additions, however lanes share it. Values are computed where the function
// is defined (the workload); here stands what they cost.
#pragma once

#include <cstdint>

#include "common/matrix.h"

namespace axesim::models {

struct VectorWork {
    std::uint64_t adds = 0;        ///< comparisons included
    std::uint64_t multiplies = 0;  ///< alone or as part of a fused multiply-add
    std::uint64_t steps = 0;       ///< lane-cycles: what is fused takes one

    VectorWork& operator+=(const VectorWork& other);
    bool operator==(const VectorWork&) const = default;
};

/// An exponential, reciprocal or reciprocal root: one multiplication to reduce the range and a
/// quadratic interpolation of two multiply-adds. An assumption after the multifunction
/// interpolators of graphics processors (Oberman and Siu, ARITH 2005, recalled); their small
/// coefficient tables are not counted.
VectorWork special_function_work(std::uint64_t count);

/// a + b.
VectorWork addition_work(std::uint64_t elements);
/// x / sqrt(mean(x^2) + epsilon) * weight for every row.
VectorWork rms_norm_work(Index rows, Index columns);
/// Rotations of pairs of elements by given cosines and sines.
VectorWork rotary_work(std::uint64_t elements);
/// exp(x - max) / sum for every row, and a multiplication of each result with a factor of its
/// column.
VectorWork softmax_work(Index rows, Index columns);
/// g / (1 + exp(-g)) * up.
VectorWork swiglu_work(std::uint64_t elements);

}  // namespace axesim::models
