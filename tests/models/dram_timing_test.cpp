// SPDX-License-Identifier: Apache-2.0
// DRAM timing against sums of JEDEC constraints worked out by hand and against closed forms.
#include "models/memory/dram_timing.h"

#include <gtest/gtest.h>

namespace axesim::models {
namespace {

/// A small device with round numbers, no refresh.
DramConfig device() {
    DramConfig config;
    config.atom_bits = 256;
    config.bank_groups = 4;
    config.banks_per_group = 4;
    config.page_bytes = 2048;
    config.t_burst_ps = 2500;
    config.t_cl_ps = 20000;
    config.t_cwl_ps = 11000;
    config.t_rcd_read_ps = 18000;
    config.t_rcd_write_ps = 16000;
    config.t_rp_ps = 19000;
    config.t_rp_all_ps = 22000;
    config.t_ras_ps = 42000;
    config.t_rc_ps = 63000;
    config.t_ccd_s_ps = 2500;
    config.t_ccd_l_ps = 5000;
    config.t_rrd_s_ps = 5000;
    config.t_rrd_l_ps = 5000;
    config.t_faw_ps = 20000;
    config.t_wr_ps = 35000;
    config.t_wtr_s_ps = 6000;
    config.t_wtr_l_ps = 10000;
    config.t_rtw_ps = 14000;
    config.t_rtp_ps = 10000;
    return config;
}

constexpr std::int64_t kAtomsPerRowSet = 2048 * 8 / 256 * 4;  // one row of each bank group

TEST(DramTiming, FirstReadPaysActivateAndLatency) {
    DramChannelTiming channel(device());
    // tRCD + tCL + burst
    EXPECT_EQ(channel.transfer(0, 1, false, 1000), 1000 + 18000 + 20000 + 2500);
    EXPECT_EQ(channel.counts().row_misses, 1U);
}

TEST(DramTiming, RowHitPaysOnlyLatency) {
    DramChannelTiming channel(device());
    channel.transfer(0, 1, false, 0);
    EXPECT_EQ(channel.transfer(4, 1, false, 1'000'000), 1'000'000 + 20000 + 2500);
    EXPECT_EQ(channel.counts().row_hits, 1U);
}

TEST(DramTiming, StreamOfHitsRunsAtTheBusRate) {
    DramChannelTiming channel(device());
    channel.transfer(0, 4, false, 0);  // opens one row in every bank group
    const std::int64_t begin = 1'000'000;
    const std::int64_t count = kAtomsPerRowSet - 4;
    // The bank groups alternate, so each atom takes tCCD_S = its time on the bus.
    EXPECT_EQ(channel.transfer(4, count, false, begin), begin + 20000 + count * 2500);
}

TEST(DramTiming, OneBankGroupRunsAtTccdL) {
    DramChannelTiming channel(device());
    channel.transfer(0, 1, false, 0);
    std::int64_t end = 0;
    for (int i = 1; i <= 10; ++i) end = channel.transfer(4 * i, 1, false, 1'000'000);
    EXPECT_EQ(end, 1'000'000 + 9 * 5000 + 20000 + 2500);
}

TEST(DramTiming, RowConflictPaysPrechargeActivateAndLatency) {
    DramChannelTiming channel(device());
    channel.transfer(0, 1, false, 0);
    // The same bank, the next row: 4 banks x 64 atoms x 4 groups further. tRP + tRCD + tCL + burst.
    EXPECT_EQ(channel.transfer(4 * kAtomsPerRowSet, 1, false, 1'000'000),
              1'000'000 + 19000 + 18000 + 20000 + 2500);
    EXPECT_EQ(channel.counts().activates, 2U);
}

TEST(DramTiming, BackToBackConflictsTakeTrc) {
    DramChannelTiming channel(device());
    std::int64_t previous = channel.transfer(0, 1, false, 0);
    for (int row = 1; row < 6; ++row) {
        const std::int64_t end = channel.transfer(row * 4 * kAtomsPerRowSet, 1, false, 0);
        EXPECT_EQ(end - previous, 63000) << row;  // more than tRAS + tRP
        previous = end;
    }
}

TEST(DramTiming, FiveActivatesWaitForTheWindowOfFour) {
    DramConfig config = device();
    config.t_faw_ps = 50000;
    DramChannelTiming channel(config);
    // Atoms 0..3 open a row in each bank group 5000 ps apart, the fifth activate goes to the next
    // bank of group 0 and waits for tFAW after the first.
    channel.transfer(0, 4, false, 0);
    const std::int64_t end = channel.transfer(kAtomsPerRowSet, 1, false, 0);
    EXPECT_EQ(end, 50000 + 18000 + 20000 + 2500);
}

TEST(DramTiming, WriteThenReadWaitsForTheTurnaround) {
    DramChannelTiming channel(device());
    channel.transfer(0, 2, true, 0);
    const std::int64_t written = channel.transfer(4, 1, true, 1'000'000);
    EXPECT_EQ(written, 1'000'000 + 11000 + 2500);
    // A read waits tWTR_S after the last write data, in the same bank group tWTR_L.
    EXPECT_EQ(channel.transfer(9, 1, false, 1'000'000), written + 6000 + 20000 + 2500);
    EXPECT_EQ(channel.transfer(8, 1, false, 1'000'000), written + 10000 + 20000 + 2500);
}

TEST(DramTiming, ReadThenWriteWaitsForTheTurnaround) {
    DramChannelTiming channel(device());
    channel.transfer(0, 2, false, 0);
    channel.transfer(4, 1, false, 1'000'000);
    EXPECT_EQ(channel.transfer(5, 1, true, 1'000'000), 1'000'000 + 14000 + 11000 + 2500);
}

TEST(DramTiming, AWriteMayFollowItsActivateSooner) {
    DramChannelTiming channel(device());
    EXPECT_EQ(channel.transfer(0, 1, true, 1000), 1000 + 16000 + 11000 + 2500);
}

TEST(DramTiming, AClosedPageNeverHitsAndNeverWaitsForAPrecharge) {
    DramConfig config = device();
    config.policy.page = DramPagePolicy::closed;
    DramChannelTiming channel(config);
    channel.transfer(0, 1, false, 0);
    EXPECT_EQ(channel.transfer(4, 1, false, 1'000'000), 1'000'000 + 18000 + 20000 + 2500);
    EXPECT_EQ(channel.transfer(4 * kAtomsPerRowSet, 1, false, 2'000'000),
              2'000'000 + 18000 + 20000 + 2500);
    EXPECT_EQ(channel.counts().row_misses, 3U);
}

TEST(DramTiming, RefreshClosesRowsAndTakesTrfc) {
    DramConfig config = device();
    config.t_refi_ps = 3'900'000;
    config.t_rfc_ps = 210'000;
    DramChannelTiming channel(config);
    channel.transfer(0, 1, false, 0);
    // Arrives as the refresh is due. The bank was idle long enough to be precharged before; the row
    // opens again when the refresh is over.
    EXPECT_EQ(channel.transfer(4, 1, false, 3'900'000), 3'900'000 + 210'000 + 18000 + 20000 + 2500);
    EXPECT_EQ(channel.counts().refreshes, 1U);
}

TEST(DramTiming, LongStreamReachesPeakLessRefresh) {
    DramConfig config = device();
    config.t_refi_ps = 3'906'000;
    config.t_rfc_ps = 210'000;
    DramChannelTiming channel(config);
    const std::int64_t atoms = std::int64_t{2} << 20;
    // Chunks queued ahead, as the memory interface does.
    std::int64_t end = 0;
    for (std::int64_t first = 0; first < atoms; first += 32) {
        end = channel.transfer(first, 32, false,
                               std::max<std::int64_t>(0, channel.last_column_ps() - 200'000));
    }
    const double ideal = static_cast<double>(atoms) * 2500 / (1 - 210.0 / 3906.0);
    EXPECT_GT(ideal / static_cast<double>(end), 0.97);
    EXPECT_LE(ideal / static_cast<double>(end), 1.0);
    EXPECT_EQ(channel.counts().read_bits, static_cast<std::uint64_t>(atoms) * 256);
}

}  // namespace
}  // namespace axesim::models
