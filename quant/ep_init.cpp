// SPDX-License-Identifier: Apache-2.0
#include "quant/ep_init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/bounds.h"
#include "quant/soft_threshold.h"

namespace axesim::quant {

namespace {

/// Codes and what each of them counts.
struct Counted {
    std::span<std::int16_t> codes;
    std::span<const double> units;

    double unit(std::size_t k) const { return units.empty() ? 1.0 : units[k]; }
    double amount(std::size_t k) const { return unit(k) * codes[k]; }
};

bool all_fit(const Counted& counted, std::int64_t limit, const IntegerRange& activations) {
    CodeSums sums;
    for (std::size_t k = 0; k < counted.codes.size(); ++k) {
        sums.add(static_cast<std::int64_t>(counted.amount(k)));
    }
    const IntegerRange reach = sums.reach(activations);
    return reach.max <= limit && reach.min >= -limit;
}

/// theta of the amounts' magnitudes, only of those of one sign if sign is not 0.
double threshold_of(const Counted& counted, int sign, double radius) {
    std::vector<double> magnitudes;
    magnitudes.reserve(counted.codes.size());
    for (std::size_t k = 0; k < counted.codes.size(); ++k) {
        if (sign * counted.codes[k] >= 0) magnitudes.push_back(std::abs(counted.amount(k)));
    }
    return l1_projection_threshold(magnitudes, radius);
}

/// Thresholds for positive and for negative codes.
struct Shrinkage {
    double positive = 0.0;
    double negative = 0.0;

    std::int16_t apply(std::int16_t code, double unit) const {
        // An exact integer may come out of the projection a rounding error too small. The tolerance
        // cannot break a radius L/n with integer L and n <= 2^17: fewer than 70,000 of them add
        // less than the distance from such a radius to the next integer.
        constexpr double kTolerance = 1e-10;
        const double magnitude = std::abs(unit * static_cast<double>(code));
        const double amount = std::max(magnitude - (code > 0 ? positive : negative), 0.0);
        const double kept = std::floor((amount + kTolerance) / unit);
        return static_cast<std::int16_t>(code > 0 ? kept : -kept);
    }
};

double squared_change(const Counted& counted, const Shrinkage& shrinkage) {
    double sum = 0.0;
    for (std::size_t k = 0; k < counted.codes.size(); ++k) {
        const std::int16_t code = counted.codes[k];
        const double change = counted.unit(k) * (code - shrinkage.apply(code, counted.unit(k)));
        sum += change * change;
    }
    return sum;
}

}  // namespace

void project_codes(std::span<std::int16_t> codes, std::int64_t limit,
                   const IntegerRange& activations, std::span<const double> units) {
    const Counted counted{codes, units};
    if (all_fit(counted, limit, activations)) return;
    const auto largest = static_cast<double>(std::max(activations.max, -activations.min));
    const auto width = static_cast<double>(activations.max - activations.min);
    const double radius = static_cast<double>(limit);
    const double theta = threshold_of(counted, 0, radius / largest);
    const Shrinkage whole{theta, theta};
    const Shrinkage split{threshold_of(counted, 1, radius / width),
                          threshold_of(counted, -1, radius / width)};
    const bool use_split = squared_change(counted, split) <= squared_change(counted, whole);
    const Shrinkage& chosen = use_split ? split : whole;
    for (std::size_t k = 0; k < codes.size(); ++k) {
        codes[k] = chosen.apply(codes[k], counted.unit(k));
    }
}

}  // namespace axesim::quant
