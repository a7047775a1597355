// SPDX-License-Identifier: Apache-2.0
// Integer ranges and the format of a two-stage accumulator (design.md sections 2 and 3). All
// arithmetic on widths is done in integers.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace axesim {

/// A closed range of integers.
struct IntegerRange {
    std::int64_t min = 0;
    std::int64_t max = 0;

    bool contains(std::int64_t value) const { return min <= value && value <= max; }
    bool contains(const IntegerRange& other) const {
        return contains(other.min) && contains(other.max);
    }
    bool operator==(const IntegerRange&) const = default;
};

/// Two's complement of `bits` in 1..63: [-2^(bits-1), 2^(bits-1) - 1].
IntegerRange signed_range(int bits);
/// [0, 2^bits - 1], bits in 1..62.
IntegerRange unsigned_range(int bits);
/// +-(2^(bits-1) - 1): two's complement without its most negative code.
IntegerRange narrow_range(int bits);
/// The range of one product of operands in these ranges.
IntegerRange product_range(const IntegerRange& a, const IntegerRange& b);
/// Fewest bits whose two's complement range holds `range`.
int signed_bits_for(const IntegerRange& range);
/// ceil(log2(value)) for value >= 1.
int ceil_log2(std::int64_t value);
/// log2(|v| + 1) + 1 as a real number: how many two's complement bits the magnitudes in `range`
/// use, for headroom in reports.
double used_bits(const IntegerRange& range);

enum class OverflowMode { wrap, saturate, trap };

/// Whether every tile of an output channel has a step of its own (a group of weights is a tile):
/// the channel's times the tile's scale, an integer with which the tile's inner value is multiplied
/// before it is added to the outer accumulator.
/// power_of_two: a scale of 2^0..2^7, for a shifter; its exponent travels in 3 bits of metadata.
/// integer: a scale of 1..63 in 6 bits, for a multiplier: the two-level scales of VS-Quant (Dai et
/// al., arXiv 2102.04503), where outer accumulators are integers.
enum class WeightGroups { none, power_of_two, integer };

/// Bits of metadata in which the scale of a tile travels; 0: it has none.
int tile_scale_bits(WeightGroups groups);
/// Greatest scale of a tile; 1: it has none.
int largest_tile_scale(WeightGroups groups);
/// The least scale of at least `wanted`, or the greatest that there is.
int tile_scale_from(WeightGroups groups, double wanted);

/// A two-stage accumulator: an inner accumulator sums `tile_size` consecutive products, `lanes` of
/// them a step, and is then added to the outer accumulator.
struct AccumulatorFormat {
    int inner_bits = 32;         ///< P_I, 2..48
    std::int64_t tile_size = 0;  ///< T, products per inner accumulation; 0: monolithic, T = K
    int outer_bits = 0;  ///< P_O; 0: auto, P_I + tile_scale_growth() + ceil(log2(ceil(K/T)))
    OverflowMode overflow = OverflowMode::saturate;
    int lanes = 1;  ///< products summed exactly in one step's adder tree
    WeightGroups groups = WeightGroups::none;

    /// T for a dot product of depth k >= 1 (k itself when monolithic).
    std::int64_t tile_length(std::int64_t k) const;
    /// ceil(K/T).
    std::int64_t tile_count(std::int64_t k) const;
    /// Bits that the greatest scale adds to an inner value: a property of the hardware, not of
    /// weights.
    int tile_scale_growth() const { return ceil_log2(largest_tile_scale(groups)); }
    /// P_O for depth k: as given, or the smallest that no sum of (scaled) inner values overflows.
    int outer_bits_for(std::int64_t k) const;

    auto operator<=>(const AccumulatorFormat&) const = default;
};

}  // namespace axesim
