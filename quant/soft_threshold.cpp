// SPDX-License-Identifier: Apache-2.0
#include "quant/soft_threshold.h"

#include <cmath>
#include <numeric>
#include <vector>

namespace axesim::quant {

double l1_projection_threshold(std::span<const double> magnitudes, double radius, double repeated,
                               std::int64_t more) {
    double sum = static_cast<double>(more) * repeated;
    for (const double magnitude : magnitudes) sum += magnitude;
    if (!(sum > radius)) return 0.0;
    // Michelot's iteration: theta is what the entries above the last theta ask for. It rises until
    // no entry falls below it any more, where it equals the closed form with sorted entries.
    double theta = 0.0;
    std::int64_t above = static_cast<std::int64_t>(magnitudes.size()) + more;
    while (above > 0) {
        theta = (sum - radius) / static_cast<double>(above);
        std::int64_t count = repeated > theta ? more : 0;
        sum = static_cast<double>(count) * repeated;
        for (const double magnitude : magnitudes) {
            const bool stays = magnitude > theta;
            sum += stays ? magnitude : 0.0;
            count += stays ? 1 : 0;
        }
        // The count can only fall; stopping on anything else also ends a cycle made by rounding.
        if (count >= above) break;
        above = count;
    }
    return theta;
}

double soft_threshold(std::span<const double> values, std::int64_t length, double radius) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(length);
    std::vector<double> magnitudes(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) magnitudes[i] = std::abs(values[i] - mean);
    return l1_projection_threshold(magnitudes, radius, std::abs(mean),
                                   length - static_cast<std::int64_t>(values.size()));
}

}  // namespace axesim::quant
