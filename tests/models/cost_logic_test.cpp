// SPDX-License-Identifier: Apache-2.0
// The logic fits against the synthesis results that they were made from, and their shape.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/cost/logic.h"
#include "tests/models/cost_tables.h"

namespace axesim::models {
namespace {

double sum(const ElementCost& cost) { return cost.multiplier + cost.inner_accumulator; }

/// Area in um2 and energy in fJ of multiply-accumulates at P = 16, 24, 32 (ASAP7), from a study
/// that had other RTL and another simulator than scripts/calibrate.
struct MacRow {
    int m, n;
    double area[3], energy[3];
};
constexpr MacRow kMacRows[] = {
    {8, 8, {44.4, 55.4, 64.8}, {235.9, 265.1, 281.7}},
    {8, 6, {37.0, 48.2, 58.0}, {184.8, 215.1, 235.1}},
    {8, 4, {29.3, 39.0, 49.9}, {130.3, 156.6, 186.9}},
    {7, 5, {31.5, 42.0, 53.1}, {138.4, 156.8, 182.6}},
    {6, 6, {31.9, 43.0, 53.6}, {137.5, 163.1, 188.7}},
    {6, 4, {25.7, 35.4, 45.2}, {99.5, 124.9, 144.4}},
    {5, 5, {26.7, 36.1, 45.5}, {104.6, 126.6, 150.4}},
    {4, 4, {22.7, 32.4, 41.5}, {79.3, 100.7, 122.7}},
    {3, 3, {17.8, 25.8, 33.9}, {54.9, 72.4, 89.5}},
};

const Measurement& mac_row(const Technology& technology, const MacRow& row, int inner_bits) {
    return technology.measured->rows.at(
        fmt::format("mac_{}x{}_p{}_wrap", row.m, row.n, inner_bits));
}

TEST(CostLogic, MeasuredRowsAgreeWithAnotherStudyAndFitsWithTheRows) {
    const Technology asap7 = shipped_technology("asap7", "asap7_raw");
    for (const MacRow& row : kMacRows) {
        for (int i = 0; i < 3; ++i) {
            const ElementDesign design{
                .weight_bits = row.m, .activation_bits = row.n, .inner_bits = 16 + 8 * i};
            SCOPED_TRACE(testing::Message() << row.m << "x" << row.n << " P " << design.inner_bits);
            const Measurement& measured = mac_row(asap7, row, design.inner_bits);
            EXPECT_NEAR(measured.at("area_um2") / row.area[i], 1, 0.10);
            // 7 x 5 scatters more (docs/validation.md).
            EXPECT_NEAR(measured.at("gaussian_fj") / row.energy[i], 1, row.m == 7 ? 0.20 : 0.15);
            EXPECT_NEAR(sum(element_area_um2(design, asap7)) / measured.at("area_um2"), 1, 0.11);
            EXPECT_NEAR(sum(element_energy_fj(design, asap7)) / measured.at("gaussian_fj"), 1,
                        0.13);
            EXPECT_NEAR(element_leak_nw(design, asap7) / measured.at("leakage_nw"), 1, 0.20);
        }
    }
}

TEST(CostLogic, DotUnitFitsLieNearTheirRows) {
    const Technology asap7 = shipped_technology("asap7", "asap7_raw");
    struct Row {
        const char* name;
        int lanes, m, n, p;
    };
    for (const Row& row :
         {Row{"dot_l16_8x8_p20", 16, 8, 8, 20}, Row{"dot_l16_6x6_p16", 16, 6, 6, 16},
          Row{"dot_l16_6x6_p24", 16, 6, 6, 24}, Row{"dot_l4_6x6_p20", 4, 6, 6, 20},
          Row{"dot_l4_4x4_p20", 4, 4, 4, 20}}) {
        SCOPED_TRACE(row.name);
        const ElementDesign design{.weight_bits = row.m,
                                   .activation_bits = row.n,
                                   .inner_bits = row.p,
                                   .outer_bits = 32,
                                   .lanes = row.lanes};
        const Measurement& measured = asap7.measured->rows.at(row.name);
        const ElementCost area = element_area_um2(design, asap7);
        const ElementCost energy = element_energy_fj(design, asap7);
        EXPECT_NEAR((sum(area) + area.outer_accumulator) / measured.at("area_um2"), 1, 0.06);
        EXPECT_NEAR(
            (energy.multiplier * row.lanes + energy.inner_accumulator) / measured.at("gaussian_fj"),
            1, 0.12);
    }
}

TEST(CostLogic, AdderFitReproducesTheAddersAndKappaThePublishedOnes) {
    const Technology asap7 = shipped_technology("asap7", "7nm_calibrated");
    constexpr int kBits[] = {8, 12, 16, 20, 24, 32};
    constexpr double kArea[] = {3.24, 4.99, 6.91, 8.75, 10.53, 14.81};
    constexpr double kEnergy[] = {12.8, 19.9, 28.5, 35.8, 42.7, 60.3};
    for (int i = 0; i < 6; ++i) {
        EXPECT_NEAR(adder_area_um2(kBits[i], asap7) / kArea[i], 1, 0.10);
        EXPECT_NEAR(adder_energy_fj(kBits[i], asap7) / kEnergy[i], 1, 0.15);
    }
    // 7 nm operation energies of Jouppi et al. 2021: int8 add 7 fJ, int32 add 30 fJ.
    EXPECT_NEAR(adder_energy_fj(8, asap7) * asap7.kappa.value, 7, 0.15 * 7);
    EXPECT_NEAR(adder_energy_fj(32, asap7) * asap7.kappa.value, 30, 0.15 * 30);
}

TEST(CostLogic, SaturationCostsALittleAndTheAccumulatorOnly) {
    const Technology asap7 = shipped_technology("asap7", "asap7_raw");
    for (const MacRow& row : kMacRows) {
        for (const int bits : {16, 24, 32}) {
            ElementDesign design{
                .weight_bits = row.m, .activation_bits = row.n, .inner_bits = bits};
            const ElementCost wrap_area = element_area_um2(design, asap7);
            const ElementCost wrap_energy = element_energy_fj(design, asap7);
            design.saturate = true;
            const ElementCost area = element_area_um2(design, asap7);
            const ElementCost energy = element_energy_fj(design, asap7);
            EXPECT_GT(sum(area) / sum(wrap_area), 1.0);
            EXPECT_LT(sum(area) / sum(wrap_area), 1.15);
            EXPECT_NEAR(sum(energy) / sum(wrap_energy), asap7.mac_saturate_energy_ratio.value,
                        1e-12);
            EXPECT_EQ(area.multiplier, wrap_area.multiplier);
        }
    }
}

TEST(CostLogic, APipelineHasTheStagesThatThePeriodNeeds) {
    const Technology asap7 = shipped_technology("asap7", "default");
    const ElementDesign design{
        .weight_bits = 8, .activation_bits = 8, .inner_bits = 24, .saturate = true};
    const double path_ps = element_delay_ps(design, asap7);
    EXPECT_NEAR(path_ps / 900, 1, 0.2);  // 806 ps in the study, at constant slews
    EXPECT_EQ(least_pipeline_depth(design, path_ps, asap7), 1);
    EXPECT_EQ(least_pipeline_depth(design, path_ps - 1, asap7), 2);
    ElementDesign lanes = design;
    lanes.lanes = 16;
    EXPECT_GT(element_delay_ps(lanes, asap7), path_ps);
    // A table without delays takes any clock.
    EXPECT_EQ(least_pipeline_depth(design, 1, shipped_technology("nangate45", "default")), 1);
}

TEST(CostLogic, GroupsAddRowsOfMultiplexersToTheOuterAccumulatorOnly) {
    const Technology asap7 = shipped_technology("asap7", "asap7_raw");
    for (const int lanes : {1, 16}) {
        ElementDesign design{.inner_bits = 14, .outer_bits = 27, .lanes = lanes};
        const ElementCost area = element_area_um2(design, asap7);
        const ElementCost energy = element_energy_fj(design, asap7);
        const double leak = element_leak_nw(design, asap7);
        design.groups = WeightGroups::power_of_two;
        const ElementCost shifted_area = element_area_um2(design, asap7);
        const ElementCost shifted_energy = element_energy_fj(design, asap7);
        // 15, 17 and 21 multiplexers.
        const double more_area = 53 * asap7.mux_area_um2.value;
        EXPECT_NEAR(shifted_area.outer_accumulator, area.outer_accumulator + more_area, 1e-9);
        EXPECT_NEAR(shifted_energy.outer_accumulator,
                    energy.outer_accumulator + 53 * asap7.mux_energy_fj.value, 1e-9);
        EXPECT_EQ(sum(shifted_area), sum(area));
        EXPECT_EQ(sum(shifted_energy), sum(energy));
        EXPECT_NEAR(element_leak_nw(design, asap7),
                    leak + asap7.logic_leak_nw_per_um2.value * more_area, 1e-9);
        // A multiplexer is smaller than the adder's bit, and costs less.
        EXPECT_LT(asap7.mux_area_um2.value, asap7.add_area_um2_p.value);
    }
}

class CostLogicShape : public testing::TestWithParam<const char*> {
protected:
    /// Calls check(cost(design), cost(the same design with one bit more)) over the whole domain.
    template <class Check>
    void for_each_step(const Technology& technology, Check check) {
        for (const int lanes : {1, 2, 4, 32}) {
            for (const bool saturate : {false, true}) {
                for (int m = 2; m <= 16; ++m) {
                    for (int n = 2; n <= 16; ++n) {
                        for (int p = 6; p <= 48; ++p) {
                            check(ElementDesign{m, n, p, p + 4, lanes, saturate}, technology);
                        }
                    }
                }
            }
        }
    }
};

TEST_P(CostLogicShape, EveryPartIsPositiveAndTheTotalsRiseWithEveryWidth) {
    const Technology technology = shipped_technology(GetParam(), "default");
    const auto figures = [&](const ElementDesign& d) {
        const ElementCost area = element_area_um2(d, technology);
        const ElementCost energy = element_energy_fj(d, technology);
        return std::array{sum(area) + area.outer_accumulator,
                          energy.multiplier * d.lanes + energy.inner_accumulator,
                          element_leak_nw(d, technology)};
    };
    int failures = 0;
    for_each_step(technology, [&](const ElementDesign& design, const Technology& t) {
        for (const ElementCost& cost :
             {element_area_um2(design, t), element_energy_fj(design, t)}) {
            failures +=
                !(cost.multiplier > 0 && cost.inner_accumulator > 0 && cost.outer_accumulator > 0);
        }
        ElementDesign wider_weight = design, wider_activation = design, wider_inner = design;
        ++wider_weight.weight_bits;
        ++wider_activation.activation_bits;
        ++wider_inner.inner_bits;
        const auto base = figures(design);
        for (const ElementDesign& wider : {wider_weight, wider_activation, wider_inner}) {
            const auto more = figures(wider);
            for (std::size_t i = 0; i < base.size(); ++i) failures += !(more[i] > base[i]);
        }
        if (failures > 0) {
            FAIL() << design.weight_bits << "x" << design.activation_bits << " P "
                   << design.inner_bits << " lanes " << design.lanes << " saturate "
                   << design.saturate;
        }
    });
}

TEST_P(CostLogicShape, TheNarrowestElementThatHoldsAProductHasPositiveParts) {
    const Technology technology = shipped_technology(GetParam(), "default");
    // 2-bit codes -1..1 times -2..1: products of 3 bits.
    const ElementDesign design{.weight_bits = 2, .activation_bits = 2, .inner_bits = 3};
    for (const ElementCost& cost :
         {element_area_um2(design, technology), element_energy_fj(design, technology)}) {
        EXPECT_GT(cost.multiplier, 0);
        EXPECT_GT(cost.inner_accumulator, 0);
    }
    EXPECT_GT(element_leak_nw(design, technology), 0);
}

INSTANTIATE_TEST_SUITE_P(Technologies, CostLogicShape, testing::Values("asap7", "nangate45"));

}  // namespace
}  // namespace axesim::models
