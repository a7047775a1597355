// SPDX-License-Identifier: Apache-2.0
// How many bits an accumulator needs, and how large a norm of weights one allows (axe.md section
// 1).
#pragma once

#include <cstdint>
#include <optional>

#include "common/integer_format.h"

namespace axesim::quant {

/// L = 2^(bits-1) - 1, the largest magnitude that an accumulator of `bits` in 2..63 holds on both
/// sides. The code -2^(bits-1) is left unused, so the bound also holds for sign-magnitude.
std::int64_t accumulator_limit(int bits);

/// Sums of the positive and of the negative codes that share one accumulator.
struct CodeSums {
    std::int64_t positive = 0, negative = 0;

    void add(std::int64_t code) { (code > 0 ? positive : negative) += code; }
    std::int64_t l1_norm() const { return positive - negative; }
    /// The extremes that activations in this range can cause (axe.md 1.4).
    IntegerRange reach(const IntegerRange& activations) const {
        return {activations.min * positive + activations.max * negative,
                activations.max * positive + activations.min * negative};
    }
};

/// P*, the data-type bound: the fewest bits that hold any dot product of `depth` >= 1 weights of
/// `weight_bits` with activations of `activation_bits`, from the widths alone (axe.md 1.1).
int data_type_bits(std::int64_t depth, int weight_bits, int activation_bits,
                   bool signed_activations);

/// The same from the ranges that really occur: exact, never more than data_type_bits.
int exact_bits(std::int64_t depth, const IntegerRange& weights, const IntegerRange& activations);

/// The fewest bits whose limit holds a tile whose codes have this sum of magnitudes, whatever their
/// signs (axe.md 1.2, with the exact divisor).
int l1_bits(std::int64_t l1_norm, const IntegerRange& activations);

/// The largest sum of |code| that no activations of `activation_bits` can make overflow `bits`, by
/// the published, slightly conservative formula (axe.md 1.2): (2^(P-1) - 1) 2^(signed - N).
double l1_bound(int bits, int activation_bits, bool signed_activations);

/// The same, exact: L / max(nu, -mu); infinite when the only activation is 0.
double l1_bound(int bits, const IntegerRange& activations);

/// Z, the same for codes whose sum is 0 (axe.md 1.3): (2^P - 2) / (nu - mu).
double zero_sum_bound(int bits, const IntegerRange& activations);

/// The fewest bits whose limit holds `tiles` >= 1 inner values of `inner_bits` each at its limit
/// (axe.md 1.5, exact form); at most inner_bits + ceil(log2(tiles)).
int outer_bits_for_tiles(int inner_bits, std::int64_t tiles);

/// Bits of weights and activations.
struct BitWidths {
    int weight_bits = 0;
    int activation_bits = 0;
    bool operator==(const BitWidths&) const = default;
};

/// The baseline 'naive bit-width manipulation' (axe.md 1.6): the widths, none above `most` and none
/// below 2, whose data-type bound fits `inner_bits` at depth `tile_length`. Of all that fit: the
/// most bits in total, then the most even split, then the odd bit to the activations, because they
/// are rounded without error feedback. Nothing fits: no value.
std::optional<BitWidths> bit_widths_that_fit(int inner_bits, std::int64_t tile_length,
                                             bool signed_activations, const BitWidths& most);

}  // namespace axesim::quant
