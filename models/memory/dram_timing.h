// SPDX-License-Identifier: Apache-2.0
// Row-buffer timing of one DRAM channel as a plain state machine. Times are integer picoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/counts.h"

namespace axesim::models {

/// One DRAM device type and its channel (configs/dram/*.yaml, each value with its source there).
struct DramConfig {
    std::string name;     ///< as in "LPDDR5-6400"
    int channels = 1;     ///< identical channels, interleaved burst by burst
    int atom_bits = 256;  ///< bits of one read or write command (burst length x width)
    int bank_groups = 4;
    int banks_per_group = 4;
    int page_bytes = 2048;  ///< bytes of one row of one bank
    // JEDEC timings in picoseconds.
    std::int64_t t_burst_ps = 2500;  ///< the data bus is taken by one atom
    std::int64_t t_cl_ps = 0;        ///< read command to first data
    std::int64_t t_cwl_ps = 0;       ///< write command to first data
    std::int64_t t_rcd_ps = 0;       ///< activate to read or write
    std::int64_t t_rp_ps = 0;        ///< precharge to activate
    std::int64_t t_ras_ps = 0;       ///< activate to precharge
    std::int64_t t_ccd_s_ps = 0;     ///< column command to column command, other bank group
    std::int64_t t_ccd_l_ps = 0;     ///< the same bank group
    std::int64_t t_rrd_s_ps = 0;     ///< activate to activate, other bank group
    std::int64_t t_rrd_l_ps = 0;     ///< the same bank group
    std::int64_t t_faw_ps = 0;       ///< window of four activates
    std::int64_t t_wr_ps = 0;        ///< end of write data to precharge
    std::int64_t t_wtr_ps = 0;       ///< end of write data to read command
    std::int64_t t_rtp_ps = 0;       ///< read command to precharge
    std::int64_t t_refi_ps = 0;      ///< average refresh interval
    std::int64_t t_rfc_ps = 0;       ///< all-bank refresh
    // Energy (configs/dram/*.yaml).
    double activate_pj = 0;      ///< one activate and its precharge
    double read_pj_per_bit = 0;  ///< core and I/O
    double write_pj_per_bit = 0;
    double refresh_mw = 0;            ///< per channel, average
    double static_mw = 0;             ///< per channel, background
    double phy_pj_per_bit = 0;        ///< PHY on the accelerator's side
    double energy_uncertainty = 0.3;  ///< relative, both ways

    /// Bits a second that all channels can move, without refresh.
    double peak_bits_per_second() const;
};

/// Commands of one channel: an in-order controller with open rows that looks kQueueAtoms column
/// commands ahead, so that the activate of a row that is needed soon overlaps the transfers before
/// it. Consecutive atoms go to consecutive bank groups (row : bank : column : bank group), which is
/// what lets a stream run at t_ccd_s. All-bank refresh every t_refi.
class DramChannelTiming {
public:
    explicit DramChannelTiming(const DramConfig& config);

    /// Moves atoms [first, first + count) of this channel's linear space, in order, with commands
    /// not before `arrival_ps`. Returns when the last data bit is over the bus. Arrivals must not
    /// fall.
    std::int64_t transfer(std::int64_t first, std::int64_t count, bool write,
                          std::int64_t arrival_ps);

    /// When the last column command was issued: from then on the next request can be queued
    /// behind it without losing bandwidth.
    std::int64_t last_column_ps() const { return last_column_ps_; }
    const DramCounts& counts() const { return counts_; }

private:
    struct Bank {
        std::int64_t row = -1;  ///< open row, -1: precharged
        std::int64_t activate_ready_ps = 0;
        std::int64_t column_ready_ps = 0;
        std::int64_t precharge_ready_ps = 0;
    };

    void refresh_until(std::int64_t now_ps);
    void open_row(Bank& bank, int group, std::int64_t row, std::int64_t not_before_ps);
    std::int64_t column(Bank& bank, int group, bool write, std::int64_t not_before_ps);

    static constexpr std::size_t kQueueAtoms = 32;
    static constexpr std::size_t kActivateWindow = 4;

    DramConfig config_;
    std::vector<Bank> banks_;                      ///< [bank * groups + group]
    std::vector<std::int64_t> group_column_ps_;    ///< last column command of each bank group
    std::vector<std::int64_t> group_activate_ps_;  ///< last activate of each bank group
    std::array<std::int64_t, kQueueAtoms> recent_columns_{};
    std::array<std::int64_t, kActivateWindow> recent_activates_{};
    std::size_t columns_issued_ = 0, activates_issued_ = 0;
    std::int64_t last_column_ps_;
    std::int64_t last_activate_ps_;
    bool last_was_write_ = false;
    std::int64_t next_refresh_ps_;
    DramCounts counts_;
};

}  // namespace axesim::models
