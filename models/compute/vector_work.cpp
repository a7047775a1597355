// SPDX-License-Identifier: Apache-2.0
#include "models/compute/vector_work.h"

namespace axesim::models {

namespace {

VectorWork adds(std::uint64_t n) { return {n, 0, n}; }
VectorWork multiplies(std::uint64_t n) { return {0, n, n}; }
VectorWork multiply_adds(std::uint64_t n) { return {n, n, n}; }

VectorWork operator+(VectorWork a, const VectorWork& b) { return a += b; }

}  // namespace

VectorWork& VectorWork::operator+=(const VectorWork& other) {
    adds += other.adds;
    multiplies += other.multiplies;
    steps += other.steps;
    return *this;
}

VectorWork special_function_work(std::uint64_t count) {
    return multiplies(count) + multiply_adds(2 * count);
}

VectorWork addition_work(std::uint64_t elements) { return adds(elements); }

VectorWork rms_norm_work(Index rows, Index columns) {
    const auto r = static_cast<std::uint64_t>(rows);
    const auto n = r * static_cast<std::uint64_t>(columns);
    // Squares summed; mean plus epsilon and its root for each row; then factor and weight.
    return multiply_adds(n) + multiply_adds(r) + special_function_work(r) + multiplies(2 * n);
}

VectorWork rotary_work(std::uint64_t elements) {
    return multiplies(elements) + multiply_adds(elements);
}

VectorWork softmax_work(Index rows, Index columns) {
    const auto r = static_cast<std::uint64_t>(rows);
    const auto n = r * static_cast<std::uint64_t>(columns);
    // Maximum, difference, exponential, sum; the sum's reciprocal; then that and the factor.
    return adds(3 * n) + special_function_work(n + r) + multiplies(2 * n);
}

VectorWork swiglu_work(std::uint64_t elements) {
    return special_function_work(2 * elements) + adds(elements) + multiplies(2 * elements);
}

}  // namespace axesim::models
