// SPDX-License-Identifier: Apache-2.0
// Energy and area of whole designs: sums of parts, closed forms, bounds.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <span>
#include <utility>

#include "models/compute/activity.h"
#include "models/cost/costs.h"
#include "tests/models/cost_tables.h"

namespace axesim::models {
namespace {

HardwareConfig int6_design() {
    HardwareConfig hardware;
    hardware.weight_bits = 6;
    hardware.activations.bits = 6;
    hardware.accumulator = {.inner_bits = 16,
                            .tile_size = 64,
                            .outer_bits = 20,
                            .overflow = OverflowMode::wrap,
                            .lanes = 1};
    hardware.dram = shipped_dram("lpddr5_6400");
    return hardware;
}

Counts some_counts() {
    Counts c;
    c.compute = {.macs = 1'000'000,
                 .multiplies = 1'000'001,
                 .inner_steps = 1'000'003,
                 .outer_adds = 15'625,
                 .scaled_outputs = 4'096,
                 .bias_adds = 1'024,
                 .quantized_values = 2'048,
                 .rotation_adds = 512,
                 .vector_adds = 333,
                 .vector_multiplies = 444,
                 .activity = {.partial_product_toggles = 9'000'000,
                              .accumulator_toggles = 7'000'000,
                              .nominal_partial_product_toggles = 9'999'999,
                              .nominal_accumulator_toggles = 6'000'000}};
    c.weights_buffer = {.reads = 5'000, .writes = 700};
    c.activations_buffer = {.reads = 6'000, .writes = 800};
    c.outputs_buffer = {.reads = 900, .writes = 1'100};
    c.traffic[0].payload_bits = 6 * 10'000;
    c.traffic[1].payload_bits = 6 * 3'000;
    c.traffic[2].payload_bits = 16 * 500;
    c.traffic[3].payload_bits = 6 * 70;  // as wide as weights
    c.dram = {.row_hits = 100,
              .row_misses = 7,
              .activates = 9,
              .refreshes = 1,
              .read_bits = 256 * 400,
              .written_bits = 256 * 50};
    return c;
}

std::map<std::string, double> costs_by_name(const HardwareConfig& hardware, const Technology& t) {
    std::map<std::string, double> costs;
    for (const UnitCost& cost : unit_costs(hardware, 20, t)) {
        EXPECT_TRUE(costs.emplace(cost.name, cost.value).second) << cost.name << " stands twice";
        EXPECT_FALSE(cost.source.empty()) << cost.name;
        EXPECT_GT(cost.value, 0) << cost.name;
    }
    return costs;
}

TEST(CostTotals, EveryPartIsItsCountsTimesItsUnitCosts) {
    const HardwareConfig hardware = int6_design();
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const Counts c = some_counts();
    const double seconds = 3e-4;
    const PartEnergies parts = energy(c, seconds, hardware, 20, t);
    auto u = costs_by_name(hardware, t);
    const auto near = [](double value, double expected) {
        EXPECT_NEAR(value / expected, 1, 1e-12);
    };
    near(parts.multiplier, 1'000'001 * u.at("multiplier.product") -
                               999'999 * u.at("multiplier.toggle_beyond_nominal"));
    near(parts.inner_accumulator, 1'000'003 * u.at("inner_accumulator.step") +
                                      1'000'000 * u.at("inner_accumulator.toggle_beyond_nominal"));
    near(parts.outer_accumulator, 15'625 * u.at("outer_accumulator.add"));
    near(parts.sram, 5'000 * u.at("sram.weights_read") + 700 * u.at("sram.weights_write") +
                         6'000 * u.at("sram.activations_read") +
                         800 * u.at("sram.activations_write") + 900 * u.at("sram.outputs_read") +
                         1'100 * u.at("sram.outputs_write"));
    near(parts.memory_interface, 10'000 * u.at("memory_interface.weights_value") +
                                     3'000 * u.at("memory_interface.activations_value") +
                                     500 * u.at("memory_interface.outputs_value") +
                                     70 * u.at("memory_interface.kv_cache_value"));
    near(parts.dram, 9 * u.at("dram.activate") + 256 * 400 * u.at("dram.read") +
                         256 * 50 * u.at("dram.write") +
                         seconds * u.at("dram.background_and_refresh"));
    near(parts.vector_unit,
         4'096 * u.at("vector_unit.scaled_output") + 1'024 * u.at("vector_unit.bias_add") +
             2'048 * u.at("vector_unit.quantized_value") + 512 * u.at("vector_unit.rotation_add") +
             333 * u.at("vector_unit.add") + 444 * u.at("vector_unit.multiply"));
    near(parts.leakage, seconds * (u.at("leakage.logic") + u.at("leakage.sram")));
    near(parts.total(), parts.multiplier + parts.inner_accumulator + parts.outer_accumulator +
                            parts.sram + parts.memory_interface + parts.dram + parts.vector_unit +
                            parts.leakage);
    EXPECT_EQ(u.size(), 27u);  // those above: no cost is left out
}

/// What 1000 products take whose operands never change, over what they take with nominal ones.
double factor_of_constant_operands(const HardwareConfig& hardware, const Technology& t) {
    const Toggles nominal = nominal_toggles(hardware.gemm(), hardware.dataflow);
    const double products = static_cast<double>(nominal.products) / 1000;
    const double steps = static_cast<double>(nominal.steps) / 1000;
    Work work{.counts = {}, .format = hardware, .outer_bits = 32};
    work.counts.compute.multiplies = 1000;
    work.counts.compute.inner_steps = static_cast<std::uint64_t>(1000 * steps / products);
    work.counts.compute.activity = {
        .nominal_partial_product_toggles =
            static_cast<std::uint64_t>(static_cast<double>(nominal.partial_products) / products),
        .nominal_accumulator_toggles =
            static_cast<std::uint64_t>(static_cast<double>(nominal.accumulator) / products)};
    return activity_factor(std::span(&work, 1), hardware, 32, t);
}

TEST(CostTotals, NoOperandsGiveEnergyBack) {
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    for (const Dataflow dataflow : {Dataflow::output_stationary, Dataflow::weight_stationary}) {
        for (const int lanes : {1, 4}) {
            for (const auto& [m, n] : {std::pair{2, 2},
                                       {2, 8},
                                       {3, 3},
                                       {8, 2},
                                       {6, 6},
                                       {8, 8},
                                       {16, 2},
                                       {12, 12},
                                       {16, 16}}) {
                HardwareConfig hardware = int6_design();
                hardware.dataflow = dataflow;
                hardware.weight_bits = m;
                hardware.activations.bits = n;
                hardware.accumulator.lanes = lanes;
                hardware.accumulator.inner_bits = m + n + 4;
                const double factor = factor_of_constant_operands(hardware, t);
                EXPECT_GT(factor, 0) << m << " x " << n << ", " << lanes << " lanes";
                EXPECT_LT(factor, 1) << m << " x " << n << ", " << lanes << " lanes";
            }
        }
    }
}

TEST(CostTotals, ATechnologyThatDoesNotKnowHasNoCostOfActivity) {
    HardwareConfig hardware = int6_design();
    const Technology t = shipped_technology("nangate45", "default");
    EXPECT_FALSE(costs_by_name(hardware, t).contains("multiplier.toggle_beyond_nominal"));
    const Work work{.counts = some_counts(), .format = hardware, .outer_bits = 20};
    EXPECT_EQ(activity_factor(std::span(&work, 1), hardware, 20, t), 1);
}

TEST(CostTotals, UnitCostsAreTheClosedForms) {
    const HardwareConfig hardware = int6_design();
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const auto u = costs_by_name(hardware, t);
    const auto near = [](double value, double expected) { EXPECT_NEAR(value / expected, 1, 1e-9); };
    const double logic = t.kappa.value * 1.2 * 1e-15;
    const auto add_fj = [&](int bits) {
        return t.add_energy_fj_p.value * bits + t.add_energy_fj_1.value;
    };
    near(u.at("multiplier.product") + u.at("inner_accumulator.step"),
         (t.mac_energy_fj_mn.value * 36 + t.mac_energy_fj_m_plus_n.value * 12 +
          t.mac_energy_fj_p.value * 16 + t.mac_energy_fj_1.value) *
             logic);
    near(
        u.at("outer_accumulator.add"),
        (add_fj(20) + 20 * (t.flip_flop_clock_fj.value + t.flip_flop_toggle_fj.value / 2)) * logic);
    // 32 columns of 6 bits from 256 KiB; 32 results of 16 bits from 128 KiB.
    near(u.at("sram.weights_read"), (7.1 + 0.216 * 16) * (0.15 + 0.85 * 192 / 64) * 1e-12);
    near(u.at("sram.outputs_write"),
         1.15 * (7.1 + 0.216 * std::sqrt(128.0)) * (0.15 + 0.85 * 512 / 64) * 1e-12);
    near(u.at("memory_interface.weights_value"), t.unpack_energy_fj_per_value.at(6) * logic);
    near(u.at("memory_interface.outputs_value"), t.unpack_energy_fj_per_value.at(16) * logic);
    near(u.at("dram.read"), (5.5 + 1.5) * 1e-12);
    near(u.at("dram.background_and_refresh"), 41e-3);
    near(u.at("vector_unit.scaled_output"), (1.31 + 1.48) * 1e-12 + add_fj(32) * logic);
}

TEST(CostTotals, SymmetricActivationsNeedNoZeroPoint) {
    HardwareConfig hardware = int6_design();
    hardware.activations.range = ActivationRange::symmetric;
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    EXPECT_NEAR(costs_by_name(hardware, t).at("vector_unit.scaled_output"), 1.31e-12, 1e-24);
    EXPECT_LT(area(hardware, 20, t).vector_unit, area(int6_design(), 20, t).vector_unit);
}

TEST(CostTotals, AMonolithicAccumulatorHasNoOuterStage) {
    HardwareConfig hardware = int6_design();
    hardware.accumulator.tile_size = 0;
    for (const int lanes : {1, 8}) {
        hardware.accumulator.lanes = lanes;
        const Technology t = shipped_technology("asap7", "7nm_calibrated");
        EXPECT_EQ(area(hardware, 20, t).outer_accumulator, 0);
        EXPECT_GT(area(hardware, 20, t).inner_accumulator, 0);
        EXPECT_EQ(energy(some_counts(), 1e-4, hardware, 20, t).outer_accumulator, 0);
    }
}

TEST(CostTotals, AreaIsTheClosedForm) {
    const HardwareConfig hardware = int6_design();
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const PartAreas parts = area(hardware, 20, t);
    const auto add_um2 = [&](int bits) {
        return t.add_area_um2_p.value * bits + t.add_area_um2_1.value;
    };
    const auto near = [](double value, double expected) { EXPECT_NEAR(value / expected, 1, 1e-9); };
    near(parts.sram, (256 + 256 + 128) * 8192 * 0.05 * 1e-6);
    near(parts.multiplier + parts.inner_accumulator,
         1024 *
             (t.mac_area_um2_mn.value * 36 + t.mac_area_um2_m_plus_n.value * 12 +
              t.mac_area_um2_p.value * 16 + t.mac_area_um2_1.value) /
             0.70 * 1e-6);
    near(parts.outer_accumulator,
         1024 * (add_um2(20) + 20 * t.flip_flop_area_um2.value) / 0.70 * 1e-6);
    // One beat of 256 bits: 43 lanes of 6 bits twice, 16 lanes of 16 bits.
    const WidthTable& unpack = t.unpack_area_um2_per_lane;
    near(parts.memory_interface, (2 * 43 * unpack.at(6) + 16 * unpack.at(16)) / 0.70 * 1e-6);
    near(parts.vector_unit,
         32 * (t.fp32_mac_area_um2.value + t.int32_multiply_area_um2.value + 2 * add_um2(32)) /
             0.70 * 1e-6);
    near(parts.total(), parts.sram + parts.multiplier + parts.inner_accumulator +
                            parts.outer_accumulator + parts.memory_interface + parts.vector_unit);
}

TEST(CostTotals, AnInterconnectIsTheClosedForm) {
    HardwareConfig hardware = int6_design();
    hardware.interconnect = {.bits_per_cycle = 256, .latency_cycles = 3};
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const double of_one = area(hardware, 20, t).total();
    Counts counts = some_counts();
    counts.interconnect = {.read_bits = 256 * 400, .written_bits = 256 * 50};
    EXPECT_EQ(area(hardware, 20, t).interconnect, 0);
    EXPECT_EQ(energy(counts, 1e-4, hardware, 20, t).interconnect, 0);

    hardware.clusters = 4;
    const auto near = [](double value, double expected) { EXPECT_NEAR(value / expected, 1, 1e-9); };
    const PartAreas parts = area(hardware, 20, t);
    near(parts.interconnect, 2 * 3 * 256 * t.flip_flop_area_um2.value / 0.70 * 1e-6);
    near(parts.total(), 4 * of_one + parts.interconnect);
    // 0.166 fF/um and as much for repeaters at 0.7 V; a bit toggles with probability 1/2, and the
    // supply pays for half of the toggles.
    const double wires_fj = 2 * 166 * 0.7 * 0.7 / 4 * 0.75 * std::sqrt(parts.total());
    const double registers_fj =
        3 * (t.flip_flop_clock_fj.value + t.flip_flop_toggle_fj.value / 2) * t.kappa.value * 1.2;
    near(energy(counts, 1e-4, hardware, 20, t).interconnect,
         256 * 450 * (wires_fj + registers_fj) * 1e-15);
    EXPECT_TRUE(costs_by_name(hardware, t).contains("interconnect.bit"));
}

TEST(CostTotals, FewerMultiplierBitsNeverCostMoreAreaOrEnergyInTheArray) {
    for (const char* name : {"asap7", "nangate45"}) {
        const Technology t = shipped_technology(name, "default");
        for (int m = 2; m < 16; ++m) {
            for (int n = 2; n < 16; ++n) {
                HardwareConfig narrow = int6_design();
                narrow.accumulator.inner_bits = 32;
                narrow.weight_bits = m;
                narrow.activations.bits = n;
                HardwareConfig wide = narrow;
                ++wide.weight_bits;
                EXPECT_LT(area(narrow, 36, t).multiplier, area(wide, 36, t).multiplier);
                EXPECT_LT(energy(some_counts(), 0, narrow, 36, t).multiplier,
                          energy(some_counts(), 0, wide, 36, t).multiplier);
            }
        }
    }
}

/// Totals never fall with a width, and the range around them moves along.
TEST(CostTotals, TotalsAreMonotoneInEveryWidth) {
    constexpr int kStep = 4;  // between the accumulators that are compared
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    std::map<std::array<int, 3>, std::pair<CostRange, CostRange>> costs;
    for (int m = 2; m <= 9; ++m) {
        for (int n = 2; n <= 9; ++n) {
            for (int p = 12; p <= 32 + kStep; p += kStep) {
                HardwareConfig h = int6_design();
                h.weight_bits = m;
                h.activations.bits = n;
                h.accumulator.inner_bits = p;
                costs[{m, n, p}] = {energy_range(some_counts(), 1e-4, h, p + 4, t),
                                    area_range(h, p + 4, t)};
            }
        }
    }
    const auto expect_more = [](const CostRange& more, const CostRange& less) {
        EXPECT_GE(more.nominal, less.nominal);
        EXPECT_GE(more.min, less.min);
        EXPECT_GE(more.max, less.max);
    };
    for (int m = 2; m <= 8; ++m) {
        for (int n = 2; n <= 8; ++n) {
            for (int p = 12; p <= 32; p += kStep) {
                SCOPED_TRACE(testing::Message() << m << " x " << n << " bits in " << p);
                const auto& [energy, area] = costs.at({m, n, p});
                for (const std::array<int, 3> wider :
                     {std::array{m + 1, n, p}, {m, n + 1, p}, {m, n, p + kStep}}) {
                    expect_more(costs.at(wider).first, energy);
                    expect_more(costs.at(wider).second, area);
                }
            }
        }
    }
}

/// Work in two formats on one design: each part is what the format's own design would pay, or what
/// the wide one pays for both.
TEST(CostTotals, NarrowWorkOnAWideDesignPaysItsOwnArrayAndTheWideDesignsRest) {
    const HardwareConfig narrow = int6_design();
    HardwareConfig wide = narrow;
    wide.weight_bits = 9;
    wide.activations.bits = 8;
    wide.accumulator.inner_bits = 22;
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const Counts c = some_counts();
    Counts d = c;
    d.compute.multiplies *= 3;
    d.compute.outer_adds *= 5;
    d.traffic[0].payload_bits = 9 * 7'000;
    d.traffic[1].payload_bits = 8 * 2'000;
    const Work work[] = {{c, 1e-4, narrow, 20}, {d, 2e-4, wide, 26}};
    const PartEnergies parts = energy(work, wide, 26, t);
    const PartEnergies low = energy(c, 1e-4, narrow, 20, t);
    const PartEnergies high = energy(d, 2e-4, wide, 26, t);
    const PartEnergies low_on_wide = energy(c, 1e-4, wide, 26, t);
    const auto near = [](double value, double expected) {
        EXPECT_NEAR(value / expected, 1, 1e-12);
    };
    near(parts.multiplier, low.multiplier + high.multiplier);
    near(parts.inner_accumulator, low.inner_accumulator + high.inner_accumulator);
    near(parts.outer_accumulator, low.outer_accumulator + high.outer_accumulator);
    near(parts.memory_interface, low.memory_interface + high.memory_interface);
    near(parts.dram, low.dram + high.dram);
    near(parts.vector_unit, low.vector_unit + high.vector_unit);
    near(parts.sram, low_on_wide.sram + high.sram);
    near(parts.leakage, energy(Counts{}, 3e-4, wide, 26, t).leakage);
    EXPECT_LT(low.multiplier, low_on_wide.multiplier);

    const CostRange range = energy_range(work, wide, 26, t);
    EXPECT_EQ(range.nominal, parts.total());
    EXPECT_LT(range.min, range.nominal);
    EXPECT_GT(range.max, range.nominal);
}

TEST(CostTotals, PaddedContainersPayForTheirWholeWidthAtTheInterface) {
    HardwareConfig hardware = int6_design();
    hardware.memory_interface.layout = Layout::padded_byte;
    const Technology t = shipped_technology("asap7", "asap7_raw");
    EXPECT_NEAR(costs_by_name(hardware, t).at("memory_interface.weights_value"),
                t.unpack_energy_fj_per_value.at(8) * 1.2e-15, 1e-24);
}

TEST(CostTotals, RangesHoldTheNominalValueAndOpenWithTheirCauses) {
    HardwareConfig hardware = int6_design();
    Technology t = shipped_technology("asap7", "7nm_calibrated");
    const Counts c = some_counts();
    const CostRange all = energy_range(c, 1e-4, hardware, 20, t);
    EXPECT_LT(all.min, all.nominal);
    EXPECT_GT(all.max, all.nominal);
    EXPECT_EQ(all.nominal, energy(c, 1e-4, hardware, 20, t).total());

    t.kappa.min = t.kappa.max = t.kappa.value;
    t.sram_phi.min = t.sram_phi.max = t.sram_phi.value;
    const CostRange dram_only = energy_range(c, 1e-4, hardware, 20, t);
    const double dram = energy(c, 1e-4, hardware, 20, t).dram;
    EXPECT_NEAR(dram_only.max - dram_only.nominal, 0.3 * dram, 1e-9 * dram);
    EXPECT_NEAR(dram_only.nominal - dram_only.min, 0.3 * dram, 1e-9 * dram);

    hardware.dram.energy_uncertainty = 0;
    const CostRange none = energy_range(c, 1e-4, hardware, 20, t);
    EXPECT_NEAR(none.min, none.max, 1e-12 * none.max);

    const CostRange mm2 = area_range(hardware, 20, t);
    const PartAreas parts = area(hardware, 20, t);
    EXPECT_NEAR(mm2.min, parts.total() + parts.sram * (0.034 / 0.05 - 1), 1e-12);
    EXPECT_NEAR(mm2.max, parts.total() + parts.sram * (0.17 / 0.05 - 1), 1e-12);
}

TEST(CostTotals, TheRangeFollowsKappaInLogicAndScalingUnit) {
    const HardwareConfig hardware = int6_design();
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    Counts c;
    c.compute = some_counts().compute;
    const CostRange range = energy_range(c, 0, hardware, 20, t);
    EXPECT_NEAR(range.max / range.nominal, 1.0 / t.kappa.value, 1e-9);
    EXPECT_NEAR(range.min / range.nominal, 0.35 / t.kappa.value, 1e-9);
}

}  // namespace
}  // namespace axesim::models
