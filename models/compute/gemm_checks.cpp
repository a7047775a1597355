// SPDX-License-Identifier: Apache-2.0
#include "models/compute/gemm_checks.h"

#include <fmt/core.h>

#include <stdexcept>

namespace axesim::models {
namespace {

constexpr int kMaxInnerBits = 48;
constexpr int kMaxOuterBits = 63;

void require(bool condition, const std::string& message) {
    if (!condition) throw std::invalid_argument("gemm: " + message);
}

template <class Codes>
IntegerRange extremes(const Codes& codes) {
    if (codes.size() == 0) return {0, 0};
    return {codes.minCoeff(), codes.maxCoeff()};
}

}  // namespace

void check_format(const GemmFormat& format, Index depth) {
    const AccumulatorFormat& accumulator = format.accumulator;
    require(depth >= 1, "the depth K must be at least 1");
    require(accumulator.lanes >= 1, "lanes must be at least 1");
    require(accumulator.tile_size >= 0, "the tile size must not be negative");
    const int most_inner_bits = kMaxInnerBits - accumulator.tile_scale_growth();
    require(accumulator.inner_bits >= 2 && accumulator.inner_bits <= most_inner_bits,
            fmt::format("an inner accumulator of {} bits, outside 2..{}", accumulator.inner_bits,
                        most_inner_bits));
    const int outer_bits = accumulator.outer_bits_for(depth);
    require(
        outer_bits >= 1 && outer_bits <= kMaxOuterBits,
        fmt::format("an outer accumulator of {} bits, outside 1..{}", outer_bits, kMaxOuterBits));
}

void check_codes(const Matrix<std::int16_t>& weights, const IntegerRange& allowed) {
    const IntegerRange seen = extremes(weights);
    require(weights.size() == 0 || allowed.contains(seen),
            fmt::format("weights in [{}, {}], outside [{}, {}]", seen.min, seen.max, allowed.min,
                        allowed.max));
}

void check_tile_scales(const TileScales& tile_scales, Index channels, Index depth,
                       const GemmFormat& format) {
    if (tile_scales.size() == 0) return;
    const Index tiles = format.accumulator.tile_count(depth);
    require(tile_scales.rows() == channels && tile_scales.cols() == tiles,
            fmt::format("tile_scales [{}, {}] for {} channels of {} tiles", tile_scales.rows(),
                        tile_scales.cols(), channels, tiles));
    const WeightGroups groups = format.accumulator.groups;
    for (const int scale : tile_scales.reshaped()) {
        require(scale >= 1 && scale == tile_scale_from(groups, scale),
                fmt::format("a tile scale of {}, which its groups cannot have", scale));
    }
}

void check_depth(Index activations, Index weights) {
    require(activations == weights,
            fmt::format("activations of depth {} on weights of depth {}", activations, weights));
}

void check_operands(const Matrix<std::int32_t>& activations, const Matrix<std::int16_t>& weights,
                    const GemmFormat& format) {
    check_depth(activations.cols(), weights.cols());
    check_codes(weights, format.weights);
    if (activations.size() > 0) check_activation_range(extremes(activations), format);
}

void check_activation_range(const IntegerRange& seen, const GemmFormat& format) {
    require(format.activations.contains(seen),
            fmt::format("activations in [{}, {}], outside [{}, {}]", seen.min, seen.max,
                        format.activations.min, format.activations.max));
}

}  // namespace axesim::models
