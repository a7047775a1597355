// SPDX-License-Identifier: Apache-2.0
// Cell area of the blocks that are not one for each unit of the array (units are in logic.h).
#pragma once

#include "models/cost/technology.h"
#include "models/hardware_config.h"

namespace axesim::models {

constexpr int kScalingBits = 32;  ///< of the scaling unit's integers and comparisons

/// Square micrometres of cells of one scaling unit: fp32 multiply-add, a comparator for the
/// quantizer of activations and, where there is a zero point, an int32 multiplier and adder.
double scaling_unit_um2(const HardwareConfig& hardware, const Technology& technology);

/// Square micrometres of cells of all outer accumulators, one a unit or several a column, and of
/// the registers between those of a column.
double outer_accumulators_um2(const HardwareConfig& hardware, int outer_bits,
                              const Technology& technology);

/// Square micrometres of cells of the unpackers of both operands and the packer of results, each
/// wide enough for one beat of the bus.
double memory_interface_um2(const HardwareConfig& hardware, const Technology& technology);

/// Square micrometres of cells of the registers that pipeline the interconnect of several clusters:
/// latency_cycles words each way. 0 with one cluster.
double interconnect_um2(const HardwareConfig& hardware, const Technology& technology);

/// Millimetres from the DRAM's side of the chip to a cluster, on average. The clusters fill a
/// square whose memory controller is in the middle of one edge; wires run along the axes, so that
/// the mean is 1/4 + 1/2 of the square's side.
double interconnect_mm(const HardwareConfig& hardware, int outer_bits,
                       const Technology& technology);

}  // namespace axesim::models
