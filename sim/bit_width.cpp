// SPDX-License-Identifier: Apache-2.0
#include "sim/bit_width.h"

#include <fmt/format.h>

#include "common/error.h"
#include "quant/bounds.h"

namespace axesim::sim {

void resolve_bit_width(Config& config, Index depth) {
    if (config.quantizer.accumulator_aware != quant::AccumulatorAware::bit_width) return;
    models::HardwareConfig& hardware = config.hardware;
    const AccumulatorFormat& accumulator = hardware.accumulator;
    const auto widths = quant::bit_widths_that_fit(
        accumulator.inner_bits, accumulator.tile_length(depth), hardware.activations.is_signed(),
        {hardware.weight_bits, hardware.activations.bits});
    if (!widths) {
        throw UserError(fmt::format(
            "accumulator.inner_bits: {} bits do not hold {} products of even 2 x 2 bits, so "
            "quantizer.accumulator_aware: bit_width has nothing to choose from (allowed: at least "
            "{} bits)",
            accumulator.inner_bits, accumulator.tile_length(depth),
            quant::data_type_bits(accumulator.tile_length(depth), 2, 2,
                                  hardware.activations.is_signed())));
    }
    hardware.weight_bits = widths->weight_bits;
    hardware.activations.bits = widths->activation_bits;
}

}  // namespace axesim::sim
