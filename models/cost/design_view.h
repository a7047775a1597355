// SPDX-License-Identifier: Apache-2.0
// What the cost formulas need to know of a design, derived from its configuration once.
#pragma once

#include <array>

#include "models/cost/logic.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// The element of the array. A monolithic accumulator has no outer stage.
ElementDesign element_design(const HardwareConfig& hardware, int outer_bits);

double element_count(const HardwareConfig& hardware);

/// Bits of one element of this stream, and of the container that it has in memory.
int element_bits(const HardwareConfig& hardware, Stream stream);
int container_bits(const HardwareConfig& hardware, Stream stream);

std::int64_t buffer_kib(const HardwareConfig& hardware, Stream stream);
double bank_kib(const HardwareConfig& hardware, Stream stream);

/// The scaling unit corrects for the zero point only when there can be one.
bool corrects_zero_point(const HardwareConfig& hardware);

}  // namespace axesim::models
