// SPDX-License-Identifier: Apache-2.0
#include "common/integer_format.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace axesim {

IntegerRange signed_range(int bits) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return {-half, half - 1};
}

IntegerRange unsigned_range(int bits) { return {0, (std::int64_t{1} << bits) - 1}; }

IntegerRange narrow_range(int bits) {
    const std::int64_t max = (std::int64_t{1} << (bits - 1)) - 1;
    return {-max, max};
}

IntegerRange product_range(const IntegerRange& a, const IntegerRange& b) {
    const auto [min, max] =
        std::minmax({a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max});
    return {min, max};
}

int signed_bits_for(const IntegerRange& range) {
    int bits = 1;
    while (!signed_range(bits).contains(range)) ++bits;
    return bits;
}

int ceil_log2(std::int64_t value) {
    return value <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value) - 1));
}

double used_bits(const IntegerRange& range) {
    const double magnitude =
        std::max(static_cast<double>(range.max), -static_cast<double>(range.min));
    return std::log2(magnitude + 1.0) + 1.0;
}

int tile_scale_bits(WeightGroups groups) {
    switch (groups) {
        case WeightGroups::none:
            break;
        case WeightGroups::power_of_two:
            return 3;
        case WeightGroups::integer:
            return 6;
    }
    return 0;
}

int largest_tile_scale(WeightGroups groups) {
    const int bits = tile_scale_bits(groups);
    return groups == WeightGroups::power_of_two ? 1 << ((1 << bits) - 1)
                                                : std::max(1, (1 << bits) - 1);
}

int tile_scale_from(WeightGroups groups, double wanted) {
    const int largest = largest_tile_scale(groups);
    // Also where `wanted` is not a number.
    if (!(wanted <= largest)) return largest;
    const int whole = std::max(1, static_cast<int>(std::ceil(wanted)));
    return groups == WeightGroups::power_of_two ? 1 << ceil_log2(whole) : whole;
}

std::int64_t AccumulatorFormat::tile_length(std::int64_t k) const {
    return tile_size == 0 ? k : std::min(tile_size, k);
}

std::int64_t AccumulatorFormat::tile_count(std::int64_t k) const {
    const std::int64_t tile = tile_length(k);
    return (k + tile - 1) / tile;
}

int AccumulatorFormat::outer_bits_for(std::int64_t k) const {
    return outer_bits > 0 ? outer_bits
                          : inner_bits + tile_scale_growth() + ceil_log2(tile_count(k));
}

}  // namespace axesim
