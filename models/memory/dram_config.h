// SPDX-License-Identifier: Apache-2.0
// One DRAM device type, its channel, and how its controller works.
#pragma once

#include <cstdint>
#include <string>

namespace axesim::models {

/// open: a row stays open until another one of its bank is wanted. closed: the rows of a request
/// are precharged as soon as its last atom allows it.
enum class DramPagePolicy { open, closed };

/// In which order the column commands of one request are issued (DramChannelTiming).
enum class DramScheduling { in_order, fr_fcfs };

/// What the controller is free to choose (hardware.dram_*).
struct DramPolicy {
    /// Parts of an address from the highest to the lowest digit (DramAddressMap).
    std::string address_mapping = "rorabacobgch";
    DramPagePolicy page = DramPagePolicy::open;
    DramScheduling scheduling = DramScheduling::in_order;
};

/// One DRAM device type and its channel (configs/dram/*.yaml, each value with its source there).
struct DramConfig {
    std::string name;     ///< as in "LPDDR5-6400"
    int channels = 1;     ///< identical channels
    int atom_bits = 256;  ///< bits of one read or write command (burst length x width)
    int bank_groups = 4;
    int banks_per_group = 4;
    int page_bytes = 2048;  ///< bytes of one row of one bank
    DramPolicy policy;
    // JEDEC timings in picoseconds, from command to command unless they say otherwise.
    std::int64_t t_burst_ps = 2500;   ///< the data bus is taken by one atom
    std::int64_t t_cl_ps = 0;         ///< read to its first data
    std::int64_t t_cwl_ps = 0;        ///< write to its first data
    std::int64_t t_rcd_read_ps = 0;   ///< activate to read
    std::int64_t t_rcd_write_ps = 0;  ///< activate to write
    std::int64_t t_rp_ps = 0;         ///< precharge of one bank to activate or refresh
    std::int64_t t_rp_all_ps = 0;     ///< precharge of all banks to activate or refresh
    std::int64_t t_ras_ps = 0;        ///< activate to precharge
    std::int64_t t_rc_ps = 0;         ///< activate to activate of the same bank, or to refresh
    std::int64_t t_ccd_s_ps = 0;      ///< column command to column command, other bank group
    std::int64_t t_ccd_l_ps = 0;      ///< the same bank group
    std::int64_t t_rrd_s_ps = 0;      ///< activate to activate, other bank group
    std::int64_t t_rrd_l_ps = 0;      ///< the same bank group
    std::int64_t t_faw_ps = 0;        ///< window that holds no more than four activates
    std::int64_t t_wr_ps = 0;         ///< end of write data to precharge
    std::int64_t t_wtr_s_ps = 0;      ///< end of write data to read, other bank group
    std::int64_t t_wtr_l_ps = 0;      ///< the same bank group
    std::int64_t t_rtw_ps = 0;        ///< read to write
    std::int64_t t_rtp_ps = 0;        ///< read to precharge
    std::int64_t t_refi_ps = 0;       ///< average refresh interval; 0: no refresh
    std::int64_t t_rfc_ps = 0;        ///< all-bank refresh to activate
    // Energy (configs/dram/*.yaml).
    double activate_pj = 0;      ///< one activate and its precharge
    double read_pj_per_bit = 0;  ///< core and I/O
    double write_pj_per_bit = 0;
    double refresh_mw = 0;            ///< per channel, average
    double static_mw = 0;             ///< per channel, background
    double phy_pj_per_bit = 0;        ///< PHY on the accelerator's side
    double energy_uncertainty = 0.3;  ///< relative, both ways

    /// Atoms of one row of one bank.
    int atoms_per_row() const { return static_cast<int>(std::int64_t{page_bytes} * 8 / atom_bits); }
    /// From a column command to the end of its data.
    std::int64_t latency_ps(bool write) const { return (write ? t_cwl_ps : t_cl_ps) + t_burst_ps; }
    /// Bits a second that all channels can move, without refresh.
    double peak_bits_per_second() const {
        constexpr double kPsPerSecond = 1e12;
        return channels * static_cast<double>(atom_bits) / static_cast<double>(t_burst_ps) *
               kPsPerSecond;
    }
};

}  // namespace axesim::models
