// SPDX-License-Identifier: Apache-2.0
// Rules that tie several keys together.
#pragma once

#include <string>

#include "sim/config/config.h"
#include "sim/config/reader.h"

namespace axesim::sim {

/// Every required key is given. Throws UserError at the section that lacks it.
void check_required(const Settings& settings);

/// The inner accumulator holds one product, lanes divide the tile, groups have tiles, an evaluation
/// scores something. Overrides and quantizer.accumulator_aware: bit_width exclude each other.
/// Throws UserError at the key to change.
void check_together(const Config& config, const Settings& settings);

/// The activity that energy is to be computed from can be measured, and the technology (loaded by
/// now) says what it costs. Throws UserError at the key to change.
void check_activity(const Config& config, const Settings& settings);

/// Why the inner accumulator of this format does not hold one product, as in "8 bits do not hold
/// ..."; "" when it does.
std::string why_no_product_fits(const models::LayerFormat& format);

}  // namespace axesim::sim
