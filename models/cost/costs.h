// SPDX-License-Identifier: Apache-2.0
// Energy and area of each part, as plain functions of counts, design and technology table.
// Energy = counts x unit energies + leakage power x time; nothing else is added anywhere.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "models/cost/technology.h"
#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// Parts of a design, in the order of the data path. DRAM has no area here.
struct PartEnergies {
    double dram = 0, interconnect = 0, memory_interface = 0, sram = 0, multiplier = 0,
           inner_accumulator = 0, outer_accumulator = 0, vector_unit = 0, leakage = 0;  // joules
    double total() const;
    PartEnergies& operator+=(const PartEnergies& other);
};
struct PartAreas {
    double interconnect = 0, memory_interface = 0, sram = 0, multiplier = 0, inner_accumulator = 0,
           outer_accumulator = 0, vector_unit = 0;  // mm2
    double total() const;
};

/// Of the buffer that holds this stream. A step of the array takes one weight of every column and
/// lane, one activation of every row and lane; it gives one result of every column, or, where
/// weights stay, a record of partial sums (outer_bits: P_O), whichever is wider. A word is that
/// wide unless hardware.buffers says otherwise.
BufferWidths buffer_widths(const HardwareConfig& hardware, int outer_bits, Stream stream);

/// Joules of everything that `counts` counted in `seconds` on this design. outer_bits: the widest
/// outer accumulator that the design needs (auto depends on the deepest layer). Assumptions:
/// logic that does not work is clock-gated, so it only leaks; logic leaks as at 25 C; a second
/// port of an SRAM costs nothing, nor do the wires between its banks; the interconnect's addresses
/// and arbiter cost nothing beside its data; `dram` contains background and refresh power of all
/// channels and the PHY.
PartEnergies energy(const Counts& counts, double seconds, const HardwareConfig& hardware,
                    int outer_bits, const Technology& technology);

/// What layers of one format did. It may be narrower than the hardware: multipliers, accumulators
/// and the packing of operands then cost what the format's own widths cost, because the bits above
/// rest. Buffers read whole words all the same, and everything that is built leaks.
struct Work {
    Counts counts;
    double seconds = 0;
    LayerFormat format;
    int outer_bits = 0;  ///< P_O of the format
};
/// Joules of all of it, one after the other, on hardware with outer accumulators of `outer_bits`.
PartEnergies energy(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                    const Technology& technology);

/// Joules of its products and inner accumulations over what they would be with the operands that
/// unit energies are measured with; 1 where nobody watched the units.
double activity_factor(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                       const Technology& technology);

/// Square millimetres of this design, of all clusters. An interconnect's area is that of its
/// registers: wires run above the clusters, and their repeaters are left out.
PartAreas area(const HardwareConfig& hardware, int outer_bits, const Technology& technology);

/// A total and its bounds over the uncertain coefficients.
struct CostRange {
    double min = 0, nominal = 0, max = 0;
};

/// This technology with every combination of its bounds of kappa, of the SRAM's width-independent
/// share and of the SRAM's area per bit.
std::vector<Technology> technology_corners(const Technology& technology);

/// Joules: energy().total() over technology_corners() and the DRAM's energy_uncertainty.
CostRange energy_range(const Counts& counts, double seconds, const HardwareConfig& hardware,
                       int outer_bits, const Technology& technology);
CostRange energy_range(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                       const Technology& technology);

/// Square millimetres: area().total() over technology_corners().
CostRange area_range(const HardwareConfig& hardware, int outer_bits, const Technology& technology);

/// What one event of each kind costs at the hardware's own widths, for `axesim explain` and tests:
/// name, value, unit, source. energy() is the sum of its counts times these values (in J, J/bit or
/// W).
struct UnitCost {
    std::string name;
    double value = 0;
    std::string unit;
    std::string source;
};
std::vector<UnitCost> unit_costs(const HardwareConfig& hardware, int outer_bits,
                                 const Technology& technology);

}  // namespace axesim::models
