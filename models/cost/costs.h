// SPDX-License-Identifier: Apache-2.0
// Energy and area of each part, as plain functions of counts, design and technology table
// (costs.md sections 3 to 5 and 7). Energy = counts x unit energies + leakage power x time.
#pragma once

#include <string>
#include <vector>

#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// A coefficient with where it comes from, so that a report can name it.
struct Coefficient {
    double value = 0;
    std::string source;
};

/// One technology file (configs/technology/*.yaml) with one of its cost profiles applied.
/// Logic coefficients are raw synthesis values; kappa and layout factors are applied by the cost
/// functions. Names follow the terms of the fits: `_mn` times M N, `_m_plus_n` times (M + N),
/// `_p` times P, `_1` constant.
struct Technology {
    std::string name;      ///< as in "asap7"
    std::string profile;   ///< as in "7nm_calibrated"
    std::string description;
    std::string profile_source;
    double supply_v = 0;
    Coefficient kappa;               ///< raw logic energy -> profile
    Coefficient layout_energy;       ///< wires after layout, factor
    Coefficient utilization;         ///< placed cell area / block area
    // Multiply-accumulate with a private accumulator (lanes = 1), costs.md 3.3.
    Coefficient mac_area_um2_mn, mac_area_um2_m_plus_n, mac_area_um2_p, mac_area_um2_1;
    Coefficient mac_saturate_area_um2_mn, mac_saturate_area_um2_m_plus_n,
        mac_saturate_area_um2_p, mac_saturate_area_um2_1;
    Coefficient mac_energy_fj_mn, mac_energy_fj_m_plus_n, mac_energy_fj_p, mac_energy_fj_1;
    Coefficient mac_saturate_energy_ratio;
    Coefficient mac_leak_nw_mn, mac_leak_nw_m_plus_n, mac_leak_nw_p, mac_leak_nw_1;
    // Dot unit of L lanes sharing one accumulator (per cycle), costs.md 3.3.
    Coefficient dot_area_um2_lmn, dot_area_um2_l_m_plus_n, dot_area_um2_p, dot_area_um2_1;
    Coefficient dot_energy_fj_lmn, dot_energy_fj_l_m_plus_n, dot_energy_fj_p, dot_energy_fj_1;
    // Adder and flip-flop, for the outer accumulator.
    Coefficient add_area_um2_p, add_area_um2_1, add_energy_fj_p, add_energy_fj_1;
    Coefficient flip_flop_area_um2, flip_flop_clock_fj, flip_flop_toggle_fj, logic_leak_nw_per_um2;
    // Packing and unpacking at the memory interface, per element and per lane.
    Coefficient unpack_energy_fj_per_value, unpack_area_um2_per_lane;
    // Scaling unit and quantizer of activations.
    Coefficient fp32_multiply_pj, fp32_add_pj, int32_multiply_pj, fp32_mac_area_um2;
    // SRAM: E64(KiB) = a + b sqrt(KiB) for a 64-bit access; E_rd = E64 (phi + (1 - phi) W / 64).
    Coefficient sram_a_pj, sram_b_pj, sram_phi, sram_write_ratio, sram_area_um2_per_bit,
        sram_leak_mw_per_mib;

    std::vector<std::pair<std::string, const Coefficient*>> coefficients() const;
};

/// Parts of a design, in the order of the data path. DRAM has no area here.
struct PartEnergies {
    double dram = 0, memory_interface = 0, sram = 0, multiplier = 0, inner_accumulator = 0,
           outer_accumulator = 0, vector_unit = 0, leakage = 0;  // joules
    double total() const;
    PartEnergies& operator+=(const PartEnergies& other);
};
struct PartAreas {
    double memory_interface = 0, sram = 0, multiplier = 0, inner_accumulator = 0,
           outer_accumulator = 0, vector_unit = 0;  // mm2
    double total() const;
};

/// Joules of everything that `counts` counted in `seconds` on this design. outer_bits: the widest
/// outer accumulator that the design needs (auto depends on the deepest layer).
PartEnergies energy(const Counts& counts, double seconds, const HardwareConfig& hardware,
                    int outer_bits, const Technology& technology);

/// Square millimetres of this design.
PartAreas area(const HardwareConfig& hardware, int outer_bits, const Technology& technology);

/// Joules per event of each kind, for `axesim explain` and tests: name, value, unit, source.
struct UnitCost {
    std::string name;
    double value = 0;
    std::string unit;
    std::string source;
};
std::vector<UnitCost> unit_costs(const HardwareConfig& hardware, int outer_bits,
                                 const Technology& technology);

}  // namespace axesim::models
