// SPDX-License-Identifier: Apache-2.0
#include "quant/ep_init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/soft_threshold.h"

namespace axesim::quant {

namespace {

bool all_fit(std::span<const std::int16_t> codes, std::int64_t limit,
             const IntegerRange& activations) {
    std::int64_t positive = 0;
    std::int64_t negative = 0;
    for (const std::int16_t code : codes) (code > 0 ? positive : negative) += code;
    return activations.max * positive + activations.min * negative <= limit &&
           activations.min * positive + activations.max * negative >= -limit;
}

/// theta of the codes' magnitudes, only of those of one sign if sign is not 0.
double threshold_of(std::span<const std::int16_t> codes, int sign, double radius) {
    std::vector<double> magnitudes;
    magnitudes.reserve(codes.size());
    for (const std::int16_t code : codes) {
        if (sign * code >= 0) magnitudes.push_back(std::abs(static_cast<double>(code)));
    }
    return l1_projection_threshold(magnitudes, radius);
}

/// Thresholds for positive and for negative codes.
struct Shrinkage {
    double positive = 0.0;
    double negative = 0.0;

    std::int16_t apply(std::int16_t code) const {
        // An exact integer may come out of the projection a rounding error too small. The tolerance
        // cannot break a radius L/n with integer L and n <= 2^17: fewer than 70,000 of them add
        // less than the distance from such a radius to the next integer.
        constexpr double kTolerance = 1e-10;
        const double magnitude = std::abs(static_cast<double>(code));
        const double kept =
            std::floor(std::max(magnitude - (code > 0 ? positive : negative), 0.0) + kTolerance);
        return static_cast<std::int16_t>(code > 0 ? kept : -kept);
    }
};

double squared_change(std::span<const std::int16_t> codes, const Shrinkage& shrinkage) {
    double sum = 0.0;
    for (const std::int16_t code : codes) {
        const double change = code - shrinkage.apply(code);
        sum += change * change;
    }
    return sum;
}

}  // namespace

void project_codes(std::span<std::int16_t> codes, std::int64_t limit,
                   const IntegerRange& activations) {
    if (all_fit(codes, limit, activations)) return;
    const auto largest = static_cast<double>(std::max(activations.max, -activations.min));
    const auto width = static_cast<double>(activations.max - activations.min);
    const double radius = static_cast<double>(limit);
    const double theta = threshold_of(codes, 0, radius / largest);
    const Shrinkage whole{theta, theta};
    const Shrinkage split{threshold_of(codes, 1, radius / width),
                          threshold_of(codes, -1, radius / width)};
    const bool use_split = squared_change(codes, split) <= squared_change(codes, whole);
    const Shrinkage& chosen = use_split ? split : whole;
    for (std::int16_t& code : codes) code = chosen.apply(code);
}

}  // namespace axesim::quant
