// SPDX-License-Identifier: Apache-2.0
// Operands as the benchmarks of integer GEMMs take them.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>

#include "models/compute/gemm.h"

namespace axesim::bench {

/// tokens [M] x depth [K] x channels [N].
struct Shape {
    std::int64_t tokens, depth, channels;
    double macs() const {
        return static_cast<double>(tokens) * static_cast<double>(depth) *
               static_cast<double>(channels);
    }
};

/// Codes as round-to-nearest with an absmax step makes them: 3.5 sigma at the end of the range.
template <class T>
Matrix<T> gaussian_codes(std::int64_t rows, std::int64_t columns, const IntegerRange& range,
                         unsigned seed) {
    std::mt19937 generator(seed);
    const double middle = 0.5 * static_cast<double>(range.min + range.max);
    const double sigma = static_cast<double>(range.max - range.min) / 7;
    std::normal_distribution<double> distribution(middle, sigma);
    Matrix<T> codes(rows, columns);
    for (std::int64_t i = 0; i < codes.size(); ++i) {
        const auto code = static_cast<std::int64_t>(std::nearbyint(distribution(generator)));
        codes.data()[i] = static_cast<T>(std::clamp(code, range.min, range.max));
    }
    return codes;
}

/// Scales codes towards zero until no tile can overflow, as an accumulator-aware quantizer would
/// have made them.
inline void certify(Matrix<std::int16_t>& weights, const models::GemmFormat& format) {
    while (!models::PreparedWeights(weights, format).overflow_free()) {
        for (std::int64_t i = 0; i < weights.size(); ++i) {
            weights.data()[i] = static_cast<std::int16_t>(weights.data()[i] * 7 / 8);
        }
    }
}

}  // namespace axesim::bench
