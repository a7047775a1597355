// SPDX-License-Identifier: Apache-2.0
#include "quant/bounds.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

namespace axesim::quant {

namespace {

/// Smallest P with magnitude <= 2^(P-1) - 1.
int bits_for_magnitude(std::uint64_t magnitude) {
    return static_cast<int>(std::bit_width(magnitude)) + 1;
}

}  // namespace

std::int64_t accumulator_limit(int bits) { return (std::int64_t{1} << (bits - 1)) - 1; }

int data_type_bits(std::int64_t depth, int weight_bits, int activation_bits,
                   bool signed_activations) {
    const int shift = activation_bits + weight_bits - 1 - (signed_activations ? 1 : 0);
    return bits_for_magnitude(static_cast<std::uint64_t>(depth) << shift);
}

int exact_bits(std::int64_t depth, const IntegerRange& weights, const IntegerRange& activations) {
    const IntegerRange product = product_range(weights, activations);
    // A sum of fewer products is a prefix, so 0 always belongs to the range.
    return signed_bits_for({depth * std::min<std::int64_t>(product.min, 0),
                            depth * std::max<std::int64_t>(product.max, 0)});
}

int l1_bits(std::int64_t l1_norm, const IntegerRange& activations) {
    return bits_for_magnitude(
        static_cast<std::uint64_t>(l1_norm) *
        static_cast<std::uint64_t>(std::max(activations.max, -activations.min)));
}

double l1_bound(int bits, int activation_bits, bool signed_activations) {
    return std::ldexp(static_cast<double>(accumulator_limit(bits)),
                      (signed_activations ? 1 : 0) - activation_bits);
}

double l1_bound(int bits, const IntegerRange& activations) {
    const std::int64_t largest = std::max(activations.max, -activations.min);
    if (largest == 0) return std::numeric_limits<double>::infinity();
    return static_cast<double>(accumulator_limit(bits)) / static_cast<double>(largest);
}

double zero_sum_bound(int bits, const IntegerRange& activations) {
    const std::int64_t width = activations.max - activations.min;
    if (width == 0) return std::numeric_limits<double>::infinity();
    return 2.0 * static_cast<double>(accumulator_limit(bits)) / static_cast<double>(width);
}

int outer_bits_for_tiles(int inner_bits, std::int64_t tiles) {
    return bits_for_magnitude(static_cast<std::uint64_t>(tiles) *
                              static_cast<std::uint64_t>(accumulator_limit(inner_bits)));
}

std::optional<BitWidths> bit_widths_that_fit(int inner_bits, std::int64_t tile_length,
                                             bool signed_activations, const BitWidths& most) {
    const auto merit = [](const BitWidths& w) {
        return std::tuple(w.weight_bits + w.activation_bits,
                          -std::abs(w.weight_bits - w.activation_bits), w.activation_bits);
    };
    std::optional<BitWidths> best;
    for (int m = 2; m <= most.weight_bits; ++m) {
        for (int n = 2; n <= most.activation_bits; ++n) {
            if (data_type_bits(tile_length, m, n, signed_activations) > inner_bits) continue;
            const BitWidths widths{m, n};
            if (!best || merit(widths) > merit(*best)) best = widths;
        }
    }
    return best;
}

}  // namespace axesim::quant
