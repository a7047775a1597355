// SPDX-License-Identifier: Apache-2.0
// The coefficients of one technology, each with its source: synthesis fits, SRAM fits, published
// operation energies. configs/technology/*.yaml holds them; nothing here computes a cost.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace axesim::models {

/// A number with where it comes from, so that a report can name it.
struct Coefficient {
    double value = 0;
    std::string source;
    double min = 0;    ///< bounds for the range of a reported total; both equal to value when the
    double max = 0;    ///< table gives none
    std::string rows;  ///< pattern of the measurements that it was derived from; "": of none
};

/// A cost that was measured at each element width rather than fitted.
struct WidthTable {
    std::map<int, double> values;  ///< by element bits: 2..16 and 32
    std::string source;
    std::string rows;  ///< as of a coefficient

    /// Throws std::out_of_range for a width that the table does not have.
    double at(int element_bits) const { return values.at(element_bits); }
};

/// What synthesis and gate-level simulation found of one design: "area_um2", "gaussian_fj", ...
using Measurement = std::map<std::string, double>;

/// Where a table was measured by scripts/calibrate.
struct Measurements {
    std::map<std::string, std::string> provenance;  ///< tools, library, ...
    std::map<std::string, Measurement> rows;        ///< by design, as in "mac_6x6_p16_wrap"
};

/// One technology file with one of its cost profiles applied. Logic coefficients are raw synthesis
/// values; kappa and the layout factors are applied by the cost functions. Names follow the terms
/// of the fits: `_mn` times M N, `_m_plus_n` times (M + N), `_p` times P, `_1` constant.
struct Technology {
    std::string name;            ///< as in "asap7"
    std::string description;     ///< process, corner, voltage, temperature
    std::string profile;         ///< as in "7nm_calibrated"
    std::string profile_source;  ///< what the profile scales to, for the line in a report
    Coefficient supply_v;
    Coefficient kappa;          ///< raw logic energy -> profile
    Coefficient layout_energy;  ///< wires after layout, factor
    Coefficient utilization;    ///< placed cell area / block area
    // Multiply-accumulate with a private accumulator (lanes = 1), wrapping and saturating.
    Coefficient mac_area_um2_mn, mac_area_um2_m_plus_n, mac_area_um2_p, mac_area_um2_1;
    Coefficient mac_saturate_area_um2_mn, mac_saturate_area_um2_m_plus_n, mac_saturate_area_um2_p,
        mac_saturate_area_um2_1;
    Coefficient mac_energy_fj_mn, mac_energy_fj_m_plus_n, mac_energy_fj_p, mac_energy_fj_1;
    // The same with one operand held, as in a weight-stationary array.
    Coefficient mac_held_energy_fj_mn, mac_held_energy_fj_m_plus_n, mac_held_energy_fj_p,
        mac_held_energy_fj_1;
    Coefficient mac_saturate_energy_ratio;
    Coefficient mac_leak_nw_mn, mac_leak_nw_m_plus_n, mac_leak_nw_p, mac_leak_nw_1;
    // Dot unit of L lanes that share one inner and one 32-bit outer accumulator; energy per cycle.
    Coefficient dot_area_um2_lmn, dot_area_um2_l_m_plus_n, dot_area_um2_p, dot_area_um2_1;
    Coefficient dot_energy_fj_lmn, dot_energy_fj_l_m_plus_n, dot_energy_fj_p, dot_energy_fj_1;
    // What a step costs more or less for each bit that toggles beyond or short of those that it has
    // with the operands above (compute/activity.h): of partial products, of the inner accumulator.
    // Not every table has them; then both are 0.
    Coefficient partial_product_toggle_fj, accumulator_toggle_fj;
    // Critical path of a unit from registered operands to the inner accumulator. Not every table
    // has it; then all of these are 0.
    Coefficient mac_delay_ps_log2_ln, mac_delay_ps_p, mac_delay_ps_1;
    Coefficient dot_delay_ps_log2_ln, dot_delay_ps_p, dot_delay_ps_1;
    // P-bit adder and flip-flop.
    Coefficient add_area_um2_p, add_area_um2_1, add_energy_fj_p, add_energy_fj_1;
    Coefficient flip_flop_area_um2, flip_flop_clock_fj, flip_flop_toggle_fj;
    // One bit of a 2:1 multiplexer: a stage of a shifter.
    Coefficient mux_area_um2, mux_energy_fj;
    Coefficient logic_leak_nw_per_um2;  ///< of cell area, at 25 C
    Coefficient wire_fj_per_bit_mm;     ///< random data on long wires; kappa is not applied to it
    // Packing and unpacking at the memory interface, by element width, raw.
    WidthTable unpack_energy_fj_per_value, unpack_area_um2_per_lane;
    // Scaling unit. These energies are on the profile's own scale: kappa is not applied to them.
    Coefficient fp32_multiply_pj, fp32_add_pj, int32_multiply_pj;
    Coefficient fp32_mac_area_um2, int32_multiply_area_um2;
    // SRAM: E64(KiB) = a + b sqrt(KiB) for a 64-bit read; E_rd = E64 (phi + (1 - phi) W / 64).
    Coefficient sram_a_pj, sram_b_pj, sram_phi, sram_write_ratio, sram_area_um2_per_bit,
        sram_leak_mw_per_mib;

    bool knows_activity() const { return !partial_product_toggle_fj.source.empty(); }

    std::shared_ptr<const Measurements> measured;  ///< shared by copies; null: nothing measured

    /// Every coefficient that the table has with its name, in the order above.
    std::vector<std::pair<std::string, const Coefficient*>> coefficients() const;
};

/// What a technology file must say about one coefficient.
struct CoefficientField {
    const char* name;
    const char* unit;
    Coefficient Technology::*member;
    bool positive;          ///< must be > 0; terms of a fit may have either sign
    bool optional = false;  ///< may be missing; then it is 0 and has no source
};
std::span<const CoefficientField> coefficient_fields();

struct WidthTableField {
    const char* name;
    const char* unit;
    WidthTable Technology::*member;
};
std::span<const WidthTableField> width_table_fields();

/// The element widths that a width table must have.
std::vector<int> width_table_widths();

}  // namespace axesim::models
