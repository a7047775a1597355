// SPDX-License-Identifier: Apache-2.0
// Raw cost of one processing element: its multipliers, its inner and its outer accumulator. Raw
// means as synthesized, without kappa and layout factors.
//
// The fits are of whole elements. They are split so that the parts sum to the fit (for M, N >= 3)
// and each stays positive over 2..16 bits:
//  - the accumulator gets the P term and as much of the constant as a P-bit adder of the same
//    library has relative to its slope: slope_p (P + add_1 / add_p);
//  - the multipliers (with operand registers and adder tree) get the rest;
//  - below 3 bits, where nothing was measured and the fits would turn negative, the multipliers'
//    share is that of 3 bits times M/3, N/3: proportional to the number of partial-product bits.
// Where weights stay, a product costs what it did with one operand held for 32 cycles: the same
// multiply-accumulate under another stimulus. A dot unit was not measured so; its multipliers save
// the same share. Their weight registers are those that the fits hold.
//
// An outer accumulator of grouped weights includes what scales inner values before it. For scales
// that are powers of two, a shifter: a row of 2:1 multiplexers for each bit of the exponent, each
// as wide as what the rows so far have shifted. For integer scales, a multiplier of P_I x 6 bits:
// that part of the multiply-accumulate's fit, beyond the widths that were measured.
#pragma once

#include "models/cost/technology.h"

namespace axesim::models {

struct ElementDesign {
    int weight_bits = 8;
    int activation_bits = 8;
    int inner_bits = 32;
    int outer_bits = 0;  ///< 0: no outer accumulator (monolithic)
    int lanes = 1;       ///< products a step; 1 uses the MAC fit, more the dot-unit fit
    bool saturate = false;
    WeightGroups groups = WeightGroups::none;  ///< what scales inner values for the outer one
    bool weights_stay = false;  ///< weights are held; outer accumulators belong to columns
    int pipeline_depth = 1;     ///< each stage more registers the operands of all lanes once more
};

struct ElementCost {
    double multiplier = 0;
    double inner_accumulator = 0;
    double outer_accumulator = 0;
};

/// Femtojoules of one product, of one step of the inner and of one add of the outer accumulator.
ElementCost element_energy_fj(const ElementDesign& design, const Technology& technology);

/// Square micrometres of cells: all lanes, inner accumulator, one outer accumulator.
ElementCost element_area_um2(const ElementDesign& design, const Technology& technology);

/// Picoseconds of the longest path of a unit without a pipeline, from registered operands to the
/// inner accumulator, before layout and without setup time; 0 when the technology has no delays.
double element_delay_ps(const ElementDesign& design, const Technology& technology);

/// Stages with which a unit's clock can have this period, at least 1: the path is cut into equal
/// parts. The accumulator's own add cannot be cut and is taken to fit into one of them, as it does
/// with the carries kept apart.
int least_pipeline_depth(const ElementDesign& design, double period_ps,
                         const Technology& technology);

/// Nanowatts of the whole element at 25 C, without an outer accumulator that belongs to its column.
double element_leak_nw(const ElementDesign& design, const Technology& technology);

/// Femtojoules of a word of `bits` that enters a register, half of its bits toggling.
double register_energy_fj(int bits, const Technology& technology);

double adder_energy_fj(int bits, const Technology& technology);
double adder_area_um2(int bits, const Technology& technology);

}  // namespace axesim::models
