// SPDX-License-Identifier: Apache-2.0
#include "models/cost/technology.h"

#include <array>

namespace axesim::models {

namespace {

constexpr bool kPositive = true;
constexpr bool kAnySign = false;
constexpr bool kOptional = true;

// clang-format off
constexpr std::array kFields{
    CoefficientField{"supply_v", "V", &Technology::supply_v, kPositive},
    CoefficientField{"kappa", "1", &Technology::kappa, kPositive},
    CoefficientField{"layout_energy", "1", &Technology::layout_energy, kPositive},
    CoefficientField{"utilization", "1", &Technology::utilization, kPositive},
    CoefficientField{"mac_area_um2_mn", "um2", &Technology::mac_area_um2_mn, kAnySign},
    CoefficientField{"mac_area_um2_m_plus_n", "um2", &Technology::mac_area_um2_m_plus_n, kAnySign},
    CoefficientField{"mac_area_um2_p", "um2", &Technology::mac_area_um2_p, kAnySign},
    CoefficientField{"mac_area_um2_1", "um2", &Technology::mac_area_um2_1, kAnySign},
    CoefficientField{"mac_saturate_area_um2_mn", "um2", &Technology::mac_saturate_area_um2_mn, kAnySign},
    CoefficientField{"mac_saturate_area_um2_m_plus_n", "um2", &Technology::mac_saturate_area_um2_m_plus_n, kAnySign},
    CoefficientField{"mac_saturate_area_um2_p", "um2", &Technology::mac_saturate_area_um2_p, kAnySign},
    CoefficientField{"mac_saturate_area_um2_1", "um2", &Technology::mac_saturate_area_um2_1, kAnySign},
    CoefficientField{"mac_energy_fj_mn", "fJ", &Technology::mac_energy_fj_mn, kAnySign},
    CoefficientField{"mac_energy_fj_m_plus_n", "fJ", &Technology::mac_energy_fj_m_plus_n, kAnySign},
    CoefficientField{"mac_energy_fj_p", "fJ", &Technology::mac_energy_fj_p, kAnySign},
    CoefficientField{"mac_energy_fj_1", "fJ", &Technology::mac_energy_fj_1, kAnySign},
    CoefficientField{"mac_held_energy_fj_mn", "fJ", &Technology::mac_held_energy_fj_mn, kAnySign},
    CoefficientField{"mac_held_energy_fj_m_plus_n", "fJ", &Technology::mac_held_energy_fj_m_plus_n, kAnySign},
    CoefficientField{"mac_held_energy_fj_p", "fJ", &Technology::mac_held_energy_fj_p, kAnySign},
    CoefficientField{"mac_held_energy_fj_1", "fJ", &Technology::mac_held_energy_fj_1, kAnySign},
    CoefficientField{"mac_saturate_energy_ratio", "1", &Technology::mac_saturate_energy_ratio, kPositive},
    CoefficientField{"mac_leak_nw_mn", "nW", &Technology::mac_leak_nw_mn, kAnySign},
    CoefficientField{"mac_leak_nw_m_plus_n", "nW", &Technology::mac_leak_nw_m_plus_n, kAnySign},
    CoefficientField{"mac_leak_nw_p", "nW", &Technology::mac_leak_nw_p, kAnySign},
    CoefficientField{"mac_leak_nw_1", "nW", &Technology::mac_leak_nw_1, kAnySign},
    CoefficientField{"dot_area_um2_lmn", "um2", &Technology::dot_area_um2_lmn, kAnySign},
    CoefficientField{"dot_area_um2_l_m_plus_n", "um2", &Technology::dot_area_um2_l_m_plus_n, kAnySign},
    CoefficientField{"dot_area_um2_p", "um2", &Technology::dot_area_um2_p, kAnySign},
    CoefficientField{"dot_area_um2_1", "um2", &Technology::dot_area_um2_1, kAnySign},
    CoefficientField{"dot_energy_fj_lmn", "fJ", &Technology::dot_energy_fj_lmn, kAnySign},
    CoefficientField{"dot_energy_fj_l_m_plus_n", "fJ", &Technology::dot_energy_fj_l_m_plus_n, kAnySign},
    CoefficientField{"dot_energy_fj_p", "fJ", &Technology::dot_energy_fj_p, kAnySign},
    CoefficientField{"dot_energy_fj_1", "fJ", &Technology::dot_energy_fj_1, kAnySign},
    CoefficientField{"partial_product_toggle_fj", "fJ", &Technology::partial_product_toggle_fj, kPositive, kOptional},
    CoefficientField{"accumulator_toggle_fj", "fJ", &Technology::accumulator_toggle_fj, kPositive, kOptional},
    CoefficientField{"mac_delay_ps_log2_ln", "ps", &Technology::mac_delay_ps_log2_ln, kAnySign, kOptional},
    CoefficientField{"mac_delay_ps_p", "ps", &Technology::mac_delay_ps_p, kAnySign, kOptional},
    CoefficientField{"mac_delay_ps_1", "ps", &Technology::mac_delay_ps_1, kAnySign, kOptional},
    CoefficientField{"dot_delay_ps_log2_ln", "ps", &Technology::dot_delay_ps_log2_ln, kAnySign, kOptional},
    CoefficientField{"dot_delay_ps_p", "ps", &Technology::dot_delay_ps_p, kAnySign, kOptional},
    CoefficientField{"dot_delay_ps_1", "ps", &Technology::dot_delay_ps_1, kAnySign, kOptional},
    CoefficientField{"add_area_um2_p", "um2", &Technology::add_area_um2_p, kPositive},
    CoefficientField{"add_area_um2_1", "um2", &Technology::add_area_um2_1, kAnySign},
    CoefficientField{"add_energy_fj_p", "fJ", &Technology::add_energy_fj_p, kPositive},
    CoefficientField{"add_energy_fj_1", "fJ", &Technology::add_energy_fj_1, kAnySign},
    CoefficientField{"flip_flop_area_um2", "um2", &Technology::flip_flop_area_um2, kPositive},
    CoefficientField{"flip_flop_clock_fj", "fJ", &Technology::flip_flop_clock_fj, kPositive},
    CoefficientField{"flip_flop_toggle_fj", "fJ", &Technology::flip_flop_toggle_fj, kPositive},
    CoefficientField{"mux_area_um2", "um2", &Technology::mux_area_um2, kPositive},
    CoefficientField{"mux_energy_fj", "fJ", &Technology::mux_energy_fj, kPositive},
    CoefficientField{"logic_leak_nw_per_um2", "nW/um2", &Technology::logic_leak_nw_per_um2, kPositive},
    CoefficientField{"wire_fj_per_bit_mm", "fJ/(bit mm)", &Technology::wire_fj_per_bit_mm, kPositive},
    CoefficientField{"fp32_multiply_pj", "pJ", &Technology::fp32_multiply_pj, kPositive},
    CoefficientField{"fp32_add_pj", "pJ", &Technology::fp32_add_pj, kPositive},
    CoefficientField{"int32_multiply_pj", "pJ", &Technology::int32_multiply_pj, kPositive},
    CoefficientField{"fp32_mac_area_um2", "um2", &Technology::fp32_mac_area_um2, kPositive},
    CoefficientField{"int32_multiply_area_um2", "um2", &Technology::int32_multiply_area_um2, kPositive},
    CoefficientField{"sram_a_pj", "pJ", &Technology::sram_a_pj, kPositive},
    CoefficientField{"sram_b_pj", "pJ", &Technology::sram_b_pj, kPositive},
    CoefficientField{"sram_phi", "1", &Technology::sram_phi, kPositive},
    CoefficientField{"sram_write_ratio", "1", &Technology::sram_write_ratio, kPositive},
    CoefficientField{"sram_area_um2_per_bit", "um2/bit", &Technology::sram_area_um2_per_bit, kPositive},
    CoefficientField{"sram_leak_mw_per_mib", "mW/MiB", &Technology::sram_leak_mw_per_mib, kPositive},
};
// clang-format on

constexpr std::array kWidthTableFields{
    WidthTableField{"unpack_energy_fj_per_value", "fJ", &Technology::unpack_energy_fj_per_value},
    WidthTableField{"unpack_area_um2_per_lane", "um2", &Technology::unpack_area_um2_per_lane},
};

}  // namespace

std::span<const CoefficientField> coefficient_fields() { return kFields; }

std::span<const WidthTableField> width_table_fields() { return kWidthTableFields; }

std::vector<int> width_table_widths() {
    // Weights and activations have 2..16 bits, results that go to memory 16 or 32.
    return {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32};
}

std::vector<std::pair<std::string, const Coefficient*>> Technology::coefficients() const {
    std::vector<std::pair<std::string, const Coefficient*>> all;
    for (const CoefficientField& field : kFields) {
        const Coefficient& entry = this->*field.member;
        if (!entry.source.empty()) all.emplace_back(field.name, &entry);
    }
    return all;
}

}  // namespace axesim::models
