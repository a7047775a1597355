// SPDX-License-Identifier: Apache-2.0
#include "models/cost/logic.h"

#include <algorithm>
#include <cmath>

namespace axesim::models {

namespace {

constexpr int kLeastFittedBits = 3;   // the fits were made for M, N >= 3
constexpr double kDotOuterBits = 32;  // of the dot units behind the fit
constexpr double kToggleShare = 0.5;  // of a register's bits that a new word changes

/// slope_mn L M N + slope_m_plus_n L (M + N) + slope_p P + constant.
struct Fit {
    double mn, m_plus_n, p, constant;
};

/// A fit cut into its two parts.
struct Split {
    double multiplier, accumulator;
};

Split split(const Fit& fit, double adder_constant_bits, const ElementDesign& d) {
    const double accumulator_constant = fit.p * adder_constant_bits;
    const auto multiplier = [&](int m, int n) {
        return d.lanes * (fit.mn * m * n + fit.m_plus_n * (m + n)) + fit.constant -
               accumulator_constant;
    };
    const int m = std::max(d.weight_bits, kLeastFittedBits);
    const int n = std::max(d.activation_bits, kLeastFittedBits);
    const double below = static_cast<double>(d.weight_bits * d.activation_bits) / (m * n);
    return {multiplier(m, n) * below, fit.p * d.inner_bits + accumulator_constant};
}

Split held_mac_energy(const ElementDesign& design, const Technology& t) {
    return split({t.mac_held_energy_fj_mn.value, t.mac_held_energy_fj_m_plus_n.value,
                  t.mac_held_energy_fj_p.value, t.mac_held_energy_fj_1.value},
                 t.add_energy_fj_1.value / t.add_energy_fj_p.value, design);
}

Split streamed_mac_energy(const ElementDesign& design, const Technology& t) {
    return split({t.mac_energy_fj_mn.value, t.mac_energy_fj_m_plus_n.value, t.mac_energy_fj_p.value,
                  t.mac_energy_fj_1.value},
                 t.add_energy_fj_1.value / t.add_energy_fj_p.value, design);
}

Split mac_energy(const ElementDesign& design, const Technology& t) {
    return design.weights_stay ? held_mac_energy(design, t) : streamed_mac_energy(design, t);
}

Split mac_area(const ElementDesign& design, const Technology& t) {
    return split({t.mac_area_um2_mn.value, t.mac_area_um2_m_plus_n.value, t.mac_area_um2_p.value,
                  t.mac_area_um2_1.value},
                 t.add_area_um2_1.value / t.add_area_um2_p.value, design);
}

Split mac_saturate_area(const ElementDesign& design, const Technology& t) {
    return split({t.mac_saturate_area_um2_mn.value, t.mac_saturate_area_um2_m_plus_n.value,
                  t.mac_saturate_area_um2_p.value, t.mac_saturate_area_um2_1.value},
                 t.add_area_um2_1.value / t.add_area_um2_p.value, design);
}

ElementDesign one_lane(ElementDesign design) {
    design.lanes = 1;
    return design;
}

Split dot_energy(const ElementDesign& design, const Technology& t) {
    Split parts = split({t.dot_energy_fj_lmn.value, t.dot_energy_fj_l_m_plus_n.value,
                         t.dot_energy_fj_p.value, t.dot_energy_fj_1.value},
                        t.add_energy_fj_1.value / t.add_energy_fj_p.value, design);
    const ElementDesign mac = one_lane(design);
    parts.multiplier *= mac_energy(mac, t).multiplier / streamed_mac_energy(mac, t).multiplier;
    return parts;
}

/// Flip-flops of the pipeline stages after the first: the operands of all lanes, once a stage.
int pipeline_bits(const ElementDesign& design) {
    return (design.pipeline_depth - 1) * design.lanes *
           (design.weight_bits + design.activation_bits);
}

ElementDesign without_outer(ElementDesign design) {
    design.outer_bits = 0;
    design.groups = WeightGroups::none;
    return design;
}

/// Saturation works on the accumulator whatever the number of lanes, so a dot unit pays what a
/// multiply-accumulate of the same widths pays.
double saturation_energy_fj(const ElementDesign& design, const Technology& t) {
    if (!design.saturate) return 0;
    const Split mac = mac_energy(one_lane(design), t);
    return (t.mac_saturate_energy_ratio.value - 1) * (mac.multiplier + mac.accumulator);
}

double saturation_area_um2(const ElementDesign& design, const Technology& t) {
    if (!design.saturate) return 0;
    const Split wrap = mac_area(one_lane(design), t);
    const Split saturate = mac_saturate_area(one_lane(design), t);
    return saturate.multiplier + saturate.accumulator - wrap.multiplier - wrap.accumulator;
}

/// Adder and register of an accumulator of its own.
double accumulator_area_um2(int bits, const Technology& t) {
    return bits > 0 ? adder_area_um2(bits, t) + bits * t.flip_flop_area_um2.value : 0;
}

/// Bits of 2:1 multiplexers of the shifter: rows that shift by 1, 2, 4 ...
int shifter_muxes(const ElementDesign& design) {
    int muxes = 0;
    int width = design.inner_bits;
    for (int bit = 0; bit < tile_scale_bits(WeightGroups::power_of_two); ++bit) {
        width += 1 << bit;
        muxes += width;
    }
    return muxes;
}

/// What multiplies inner values with integer scales, as a multiply-accumulate unit's operands.
ElementDesign scaling_multiplier(const ElementDesign& design) {
    return {.weight_bits = tile_scale_bits(WeightGroups::integer),
            .activation_bits = design.inner_bits};
}

double tile_scaler_energy_fj(const ElementDesign& design, const Technology& t) {
    switch (design.groups) {
        case WeightGroups::none:
            break;
        case WeightGroups::power_of_two:
            return shifter_muxes(design) * t.mux_energy_fj.value;
        case WeightGroups::integer:
            return streamed_mac_energy(scaling_multiplier(design), t).multiplier;
    }
    return 0;
}

double tile_scaler_area_um2(const ElementDesign& design, const Technology& t) {
    switch (design.groups) {
        case WeightGroups::none:
            break;
        case WeightGroups::power_of_two:
            return shifter_muxes(design) * t.mux_area_um2.value;
        case WeightGroups::integer:
            return mac_area(scaling_multiplier(design), t).multiplier;
    }
    return 0;
}

double outer_energy_fj(const ElementDesign& design, const Technology& t) {
    const int bits = design.outer_bits;
    if (bits == 0) return 0;
    return tile_scaler_energy_fj(design, t) + adder_energy_fj(bits, t) +
           register_energy_fj(bits, t);
}

/// The dot unit's fit holds the outer accumulator in its P term and its constant, which scales with
/// P_O. Both accumulators together are divided in proportion to their adders and registers.
ElementCost dot_area(const ElementDesign& design, const Technology& t) {
    const double lanes = design.lanes;
    const int m = design.weight_bits;
    const int n = design.activation_bits;
    const double accumulators = t.dot_area_um2_p.value * design.inner_bits +
                                t.dot_area_um2_1.value * design.outer_bits / kDotOuterBits;
    const double inner = accumulator_area_um2(design.inner_bits, t);
    const double outer = accumulator_area_um2(design.outer_bits, t);
    return {t.dot_area_um2_lmn.value * lanes * m * n +
                t.dot_area_um2_l_m_plus_n.value * lanes * (m + n),
            accumulators * inner / (inner + outer), accumulators * outer / (inner + outer)};
}

}  // namespace

double adder_energy_fj(int bits, const Technology& t) {
    return t.add_energy_fj_p.value * bits + t.add_energy_fj_1.value;
}

double adder_area_um2(int bits, const Technology& t) {
    return t.add_area_um2_p.value * bits + t.add_area_um2_1.value;
}

double register_energy_fj(int bits, const Technology& t) {
    return bits * (t.flip_flop_clock_fj.value + kToggleShare * t.flip_flop_toggle_fj.value);
}

ElementCost element_energy_fj(const ElementDesign& design, const Technology& t) {
    const Split parts = design.lanes == 1 ? mac_energy(design, t) : dot_energy(design, t);
    const double products = parts.multiplier + register_energy_fj(pipeline_bits(design), t);
    return {products / design.lanes, parts.accumulator + saturation_energy_fj(design, t),
            outer_energy_fj(design, t)};
}

ElementCost element_area_um2(const ElementDesign& design, const Technology& t) {
    ElementCost cost;
    if (design.lanes == 1) {
        const Split parts = mac_area(design, t);
        cost = {parts.multiplier, parts.accumulator, accumulator_area_um2(design.outer_bits, t)};
    } else if (design.weights_stay) {
        cost = dot_area(without_outer(design), t);
        cost.outer_accumulator = accumulator_area_um2(design.outer_bits, t);
    } else {
        cost = dot_area(design, t);
    }
    cost.multiplier += pipeline_bits(design) * t.flip_flop_area_um2.value;
    cost.inner_accumulator += saturation_area_um2(design, t);
    cost.outer_accumulator += tile_scaler_area_um2(design, t);
    return cost;
}

double element_delay_ps(const ElementDesign& design, const Technology& t) {
    // Partial products have a row for each bit of the activations.
    const double rows = std::log2(design.lanes * design.activation_bits);
    const int p = design.inner_bits;
    return design.lanes == 1 ? t.mac_delay_ps_log2_ln.value * rows + t.mac_delay_ps_p.value * p +
                                   t.mac_delay_ps_1.value
                             : t.dot_delay_ps_log2_ln.value * rows + t.dot_delay_ps_p.value * p +
                                   t.dot_delay_ps_1.value;
}

int least_pipeline_depth(const ElementDesign& design, double period_ps, const Technology& t) {
    return std::max(1, static_cast<int>(std::ceil(element_delay_ps(design, t) / period_ps)));
}

double element_leak_nw(const ElementDesign& whole, const Technology& t) {
    const ElementDesign design = whole.weights_stay ? without_outer(whole) : whole;
    const ElementCost area = element_area_um2(design, t);
    const double area_sum = area.multiplier + area.inner_accumulator + area.outer_accumulator;
    if (design.lanes > 1) return t.logic_leak_nw_per_um2.value * area_sum;
    // The fit is of a wrapping multiply-accumulate; what comes on top leaks by its area.
    const Split fitted = mac_area(design, t);
    const double more_area = area_sum - fitted.multiplier - fitted.accumulator;
    return t.mac_leak_nw_mn.value * design.weight_bits * design.activation_bits +
           t.mac_leak_nw_m_plus_n.value * (design.weight_bits + design.activation_bits) +
           t.mac_leak_nw_p.value * design.inner_bits + t.mac_leak_nw_1.value +
           t.logic_leak_nw_per_um2.value * more_area;
}

}  // namespace axesim::models
