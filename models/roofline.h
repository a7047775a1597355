// SPDX-License-Identifier: Apache-2.0
// The roofs over what hardware did: the clock cycles that each of its parts needs at its peak rate,
// whatever the others do.
#pragma once

#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// What a part of the hardware can do at most in a clock cycle, all clusters together.
struct PeakRates {
    double macs = 0;               ///< a multiplier each
    double vector_steps = 0;       ///< lanes of the vector unit
    double buffer_words = 0;       ///< of one buffer, through its read or its write ports
    double interface_bits = 0;     ///< the on-chip buses of the memory interfaces
    double interconnect_bits = 0;  ///< of several clusters, each way
    double dram_bits = 0;          ///< all channels, without refresh
};
PeakRates peak_rates(const HardwareConfig& hardware);

enum class Roof { compute, vector_unit, buffer, memory_interface, interconnect, dram };

/// Clock cycles that the counted work needs of each part.
struct Roofline {
    double compute = 0;           ///< multiply-accumulates of the array
    double vector_unit = 0;       ///< steps of the lanes
    double buffer = 0;            ///< words of the buffer that has most, filling included
    double memory_interface = 0;  ///< bits moved
    double interconnect = 0;  ///< bits read, or bits written if those are more; 0 with one cluster
    double dram = 0;          ///< bits of whole atoms, read and written

    /// The most of these: nothing does the work in fewer cycles.
    double cycles() const;
    /// Which part that is; the first in the order above among equals.
    Roof bound_by() const;
};
Roofline roofline(const Counts& counts, const HardwareConfig& hardware);

}  // namespace axesim::models
