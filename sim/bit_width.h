// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/matrix.h"
#include "sim/config/config.h"

namespace axesim::sim {

/// With quantizer.accumulator_aware: bit_width, narrows the weights and activations of the hardware
/// to the widths whose data-type bound fits accumulator.inner_bits (axe.md 1.6); otherwise changes
/// nothing. `depth`: of the deepest layer, which counts where the accumulation is monolithic.
/// Throws UserError when not even 2 x 2 bits fit.
void resolve_bit_width(Config& config, Index depth);

}  // namespace axesim::sim
