// SPDX-License-Identifier: Apache-2.0
// Row-buffer timing of one DRAM channel as a plain state machine. Times are integer picoseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace axesim::models {

/// One DRAM device type and its channel (configs/dram/*.yaml, each value with its source there).
struct DramConfig {
    std::string name;         ///< as in "LPDDR5-6400"
    int channels = 1;         ///< identical channels, interleaved burst by burst
    int atom_bits = 256;      ///< bits of one read or write command (burst length x width)
    int bank_groups = 4;
    int banks_per_group = 4;
    int page_bytes = 2048;    ///< bytes of one row of one bank
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
    double activate_pj = 0;          ///< one activate and its precharge
    double read_pj_per_bit = 0;      ///< core and I/O
    double write_pj_per_bit = 0;
    double refresh_mw = 0;           ///< per channel, average
    double static_mw = 0;            ///< per channel, background
    double phy_pj_per_bit = 0;       ///< PHY on the accelerator's side
    double energy_uncertainty = 0.3; ///< relative, both ways
};

}  // namespace axesim::models
