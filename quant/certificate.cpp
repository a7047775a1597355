// SPDX-License-Identifier: Apache-2.0
#include "quant/certificate.h"

#include <algorithm>

#include "quant/bounds.h"

namespace axesim::quant {

namespace {

CodeSums sums_of(const std::int16_t* codes, std::int64_t count) {
    CodeSums sums;
    for (std::int64_t k = 0; k < count; ++k) sums.add(codes[k]);
    return sums;
}

void widen(IntegerRange& range, const IntegerRange& other) {
    range.min = std::min(range.min, other.min);
    range.max = std::max(range.max, other.max);
}

}  // namespace

Certificate certify(const Matrix<std::int16_t>& codes, const IntegerRange& activations,
                    const AccumulatorFormat& accumulator, const TileScales& tile_scales) {
    const std::int64_t depth = codes.cols();
    Certificate result;
    result.inner_bits = accumulator.inner_bits;
    result.outer_bits = accumulator.inner_bits;
    if (depth > 0) result.outer_bits = accumulator.outer_bits_for(depth);
    const std::int64_t tile_length = depth > 0 ? accumulator.tile_length(depth) : 1;
    const IntegerRange inner_limits = signed_range(result.inner_bits);
    const IntegerRange outer_limits = signed_range(result.outer_bits);
    const auto note = [&](const IntegerRange& range, const IntegerRange& limits, Index channel,
                          std::int64_t tile) {
        if (!result.violation && !limits.contains(range))
            result.violation = Certificate::Violation{channel, tile, range};
    };
    for (Index channel = 0; channel < codes.rows(); ++channel) {
        const std::int16_t* row = codes.data() + channel * depth;
        IntegerRange sum;
        for (std::int64_t first = 0; first < depth; first += tile_length) {
            const CodeSums sums = sums_of(row + first, std::min(tile_length, depth - first));
            const IntegerRange tile = sums.reach(activations);
            widen(result.inner, tile);
            result.largest_tile_l1 = std::max(result.largest_tile_l1, sums.l1_norm());
            note(tile, inner_limits, channel, first / tile_length);
            const std::int64_t unit =
                tile_scales.size() > 0 ? tile_scales(channel, first / tile_length) : 1;
            sum.min += tile.min * unit;
            sum.max += tile.max * unit;
        }
        widen(result.outer, sum);
        note(sum, outer_limits, channel, -1);
    }
    result.certified = !result.violation;
    return result;
}

Certificate certify(const IntegerRange& weights, const IntegerRange& activations,
                    const AccumulatorFormat& accumulator, std::int64_t depth) {
    const IntegerRange product = product_range(weights, activations);
    const std::int64_t tile_length = accumulator.tile_length(depth);
    Certificate result;
    result.inner_bits = accumulator.inner_bits;
    result.outer_bits = accumulator.outer_bits_for(depth);
    // A sum of fewer products is one of them too, so 0 always belongs to the range.
    const auto sums = [&](std::int64_t products) -> IntegerRange {
        return {products * std::min<std::int64_t>(product.min, 0),
                products * std::max<std::int64_t>(product.max, 0)};
    };
    result.inner = sums(tile_length);
    result.outer = sums(depth);
    result.largest_tile_l1 = tile_length * std::max(-weights.min, weights.max);
    if (!signed_range(result.inner_bits).contains(result.inner)) {
        result.violation = Certificate::Violation{0, 0, result.inner};
    } else if (!signed_range(result.outer_bits).contains(result.outer)) {
        result.violation = Certificate::Violation{0, -1, result.outer};
    }
    result.certified = !result.violation;
    return result;
}

}  // namespace axesim::quant
