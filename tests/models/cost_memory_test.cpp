// SPDX-License-Identifier: Apache-2.0
// SRAM and DRAM tables against published figures and against the datasheet currents behind them.
#include <gtest/gtest.h>

#include "models/cost/sram.h"
#include "tests/models/cost_tables.h"

namespace axesim::models {
namespace {

TEST(CostSram, Calibrated7nmReproducesThePublishedAccesses) {
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    EXPECT_NEAR(sram_read_pj(8, 64, t), 7.7, 0.05);
    // Jouppi et al. 2021: 8 KiB, 32 KiB, 1 MiB.
    EXPECT_NEAR(sram_read_pj(8, 64, t) / 7.5, 1, 0.03);
    EXPECT_NEAR(sram_read_pj(32, 64, t) / 8.5, 1, 0.03);
    EXPECT_NEAR(sram_read_pj(1024, 64, t) / 14, 1, 0.03);
}

TEST(CostSram, Horowitz45nmReproducesThePublishedAccesses) {
    const Technology t = shipped_technology("nangate45", "45nm_horowitz");
    EXPECT_NEAR(sram_read_pj(8, 64, t), 10, 0.1);
    EXPECT_NEAR(sram_read_pj(32, 64, t), 20, 1.4);
    EXPECT_NEAR(sram_read_pj(1024, 64, t), 100, 1);
}

TEST(CostSram, AWordThatIsNoPowerOfTwoCostsWhatInterpolationSays) {
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    const double w32 = sram_read_pj(256, 32, t), w64 = sram_read_pj(256, 64, t);
    EXPECT_NEAR(sram_read_pj(256, 48, t), (w32 + w64) / 2, 1e-12);
    // IHP SG13G2 macros of 256 words: 48 bits 37.8 pJ, 64 bits 49.6 pJ.
    EXPECT_NEAR(sram_read_pj(256, 48, t) / w64, 37.8 / 49.6, 0.04);
    EXPECT_NEAR(sram_write_pj(256, 48, t) / sram_read_pj(256, 48, t), 1.15, 1e-12);
}

TEST(CostSram, AreaAndLeakageScaleWithTheBits) {
    const Technology t = shipped_technology("asap7", "7nm_calibrated");
    EXPECT_DOUBLE_EQ(sram_area_um2(1024, t), 8.0 * 1024 * 1024 * 0.05);
    EXPECT_DOUBLE_EQ(sram_leak_mw(1024, t), 0.6);
    EXPECT_DOUBLE_EQ(sram_leak_mw(256, t), 0.15);
}

/// Energy per activate of one device (Micron TN-40-07), currents in mA, times in ns: pJ.
double activate_pj(double v, double idd0, double idd3n, double idd2n, double ras, double rp) {
    return v * (idd0 * (ras + rp) - idd3n * ras - idd2n * rp);
}

TEST(CostDram, Ddr4FollowsFromTheCurrentsOfItsDevices) {
    const DramConfig dram = shipped_dram("ddr4_3200");
    const double ras = static_cast<double>(dram.t_ras_ps) / 1000;
    const double rp = static_cast<double>(dram.t_rp_ps) / 1000;
    const double burst = static_cast<double>(dram.t_burst_ps) / 1000;
    EXPECT_NEAR(8 * activate_pj(1.2, 57, 52, 37, ras, rp), dram.activate_pj, 5);
    // Core energy of a device's 64 bits, plus 3 to 4 pJ/bit of I/O and termination.
    const double read_core = 1.2 * (168 - 52) * burst / 64;
    EXPECT_GT(dram.read_pj_per_bit, read_core + 3);
    EXPECT_LT(dram.read_pj_per_bit, read_core + 4);
    EXPECT_NEAR(8 * 1.2 * 52, dram.static_mw, 1);
    const double refresh = 8 * 1.2 * (250 - 52) * static_cast<double>(dram.t_rfc_ps) /
                           static_cast<double>(dram.t_refi_ps);
    EXPECT_NEAR(refresh, dram.refresh_mw, 1);
}

TEST(CostDram, Hbm2FollowsFromTheCurrentsOfItsDevice) {
    const DramConfig dram = shipped_dram("hbm2_2400");
    EXPECT_NEAR(1.2 * 55 / 2, dram.static_mw, 0.1);
    EXPECT_NEAR(1.2 * (250 - 55) * 260 / 3900 / 2, dram.refresh_mw, 0.1);
    EXPECT_NEAR(activate_pj(1.2, 65, 55, 40, 34, 14) / dram.activate_pj, 1, 0.35);
}

TEST(CostDram, TablesGiveTheBandwidthOfTheirNames) {
    const struct {
        const char* name;
        double gbytes_per_s;
    } kRows[] = {{"lpddr5_6400", 12.8}, {"lpddr4_3200", 6.4}, {"ddr4_3200", 25.6},
                 {"hbm2_2400", 19.2},   {"hbm2e_3200", 25.6}, {"hbm3_6400", 25.6}};
    for (const auto& row : kRows) {
        const DramConfig dram = shipped_dram(row.name);
        const double bytes_per_ns =
            dram.atom_bits / 8.0 / (static_cast<double>(dram.t_burst_ps) / 1000);
        EXPECT_NEAR(bytes_per_ns, row.gbytes_per_s, 0.02) << row.name;
        // A column command every t_ccd_s keeps the bus busy; rows are opened long enough to read.
        EXPECT_EQ(dram.t_ccd_s_ps, dram.t_burst_ps) << row.name;
        EXPECT_GE(dram.t_ccd_l_ps, dram.t_ccd_s_ps) << row.name;
        EXPECT_GE(dram.t_rrd_l_ps, dram.t_rrd_s_ps) << row.name;
        EXPECT_GT(dram.t_ras_ps, dram.t_rcd_read_ps) << row.name;
        EXPECT_GE(dram.t_rcd_read_ps, dram.t_rcd_write_ps) << row.name;
        EXPECT_GE(dram.t_rc_ps, dram.t_ras_ps + dram.t_rp_ps - 1) << row.name;
        EXPECT_GE(dram.t_rp_all_ps, dram.t_rp_ps) << row.name;
        EXPECT_GE(dram.t_wtr_l_ps, dram.t_wtr_s_ps) << row.name;
        // The write's data may not meet the read's on the bus.
        EXPECT_GE(dram.t_rtw_ps, dram.latency_ps(false) - dram.t_cwl_ps) << row.name;
        EXPECT_GT(dram.t_faw_ps, dram.t_rrd_s_ps) << row.name;
        EXPECT_EQ(dram.channels, 1) << row.name;
    }
}

TEST(CostDram, RecommendedEnergiesAreTheTables) {
    const struct {
        const char* name;
        double activate, read, write, static_mw;
        int page_bytes;
    } kRows[] = {
        {"ddr4_3200", 4200, 9.0, 8.0, 500, 8192},  {"lpddr4_3200", 1205, 8.5, 5.0, 38, 2048},
        {"lpddr5_6400", 1100, 5.5, 5.0, 35, 2048}, {"hbm2_2400", 909, 3.5, 3.5, 33, 1024},
        {"hbm2e_3200", 909, 3.5, 3.5, 33, 1024},   {"hbm3_6400", 800, 3.2, 3.2, 33, 1024}};
    for (const auto& row : kRows) {
        const DramConfig dram = shipped_dram(row.name);
        EXPECT_EQ(dram.activate_pj, row.activate) << row.name;
        EXPECT_EQ(dram.read_pj_per_bit, row.read) << row.name;
        EXPECT_EQ(dram.write_pj_per_bit, row.write) << row.name;
        EXPECT_EQ(dram.static_mw, row.static_mw) << row.name;
        EXPECT_EQ(dram.page_bytes, row.page_bytes) << row.name;
        EXPECT_EQ(dram.energy_uncertainty, 0.3) << row.name;
    }
}

}  // namespace
}  // namespace axesim::models
