// SPDX-License-Identifier: Apache-2.0
#include "models/memory/dram_timing.h"

#include <algorithm>

namespace axesim::models {

namespace {
/// Long enough ago that no constraint from it binds, short enough that sums cannot overflow.
constexpr std::int64_t kLongAgo = -1'000'000'000'000;
constexpr double kPsPerSecond = 1e12;
}  // namespace

double DramConfig::peak_bits_per_second() const {
    return channels * static_cast<double>(atom_bits) / static_cast<double>(t_burst_ps) *
           kPsPerSecond;
}

DramChannelTiming::DramChannelTiming(const DramConfig& config)
    : config_(config),
      banks_(static_cast<std::size_t>(config.bank_groups * config.banks_per_group)),
      group_column_ps_(static_cast<std::size_t>(config.bank_groups), kLongAgo),
      group_activate_ps_(static_cast<std::size_t>(config.bank_groups), kLongAgo),
      last_column_ps_(kLongAgo),
      last_activate_ps_(kLongAgo),
      next_refresh_ps_(config.t_refi_ps) {
    recent_columns_.fill(kLongAgo);
    recent_activates_.fill(kLongAgo);
}

std::int64_t DramChannelTiming::transfer(std::int64_t first, std::int64_t count, bool write,
                                         std::int64_t arrival_ps) {
    const std::int64_t groups = config_.bank_groups;
    const std::int64_t atoms_per_row = std::int64_t{config_.page_bytes} * 8 / config_.atom_bits;
    const std::int64_t atoms_per_row_set = atoms_per_row * groups;  // one row of each bank group
    std::int64_t data_end = arrival_ps;
    const std::int64_t end = first + count;
    for (std::int64_t atom = first; atom < end;) {
        const std::int64_t row_set = atom / atoms_per_row_set;
        const std::int64_t bank_index = row_set % config_.banks_per_group;
        const std::int64_t row = row_set / config_.banks_per_group;
        const std::int64_t row_set_end = std::min(end, (row_set + 1) * atoms_per_row_set);
        auto group = static_cast<int>(atom % groups);
        for (; atom < row_set_end; ++atom) {
            refresh_until(std::max(arrival_ps, last_column_ps_));
            Bank& bank = banks_[static_cast<std::size_t>(bank_index * groups + group)];
            if (bank.row == row) {
                ++counts_.row_hits;
            } else {
                ++counts_.row_misses;
                const std::int64_t queued = recent_columns_[columns_issued_ % kQueueAtoms];
                open_row(bank, group, row, std::max(arrival_ps, queued));
            }
            data_end = column(bank, group, write, arrival_ps);
            group = group + 1 == config_.bank_groups ? 0 : group + 1;
        }
    }
    (write ? counts_.written_bits : counts_.read_bits) +=
        static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(config_.atom_bits);
    return data_end;
}

void DramChannelTiming::refresh_until(std::int64_t now_ps) {
    while (config_.t_refi_ps > 0 && next_refresh_ps_ <= now_ps) {
        std::int64_t start = next_refresh_ps_;
        for (const Bank& bank : banks_) {
            const std::int64_t ready =
                bank.row >= 0 ? bank.precharge_ready_ps + config_.t_rp_ps : bank.activate_ready_ps;
            start = std::max(start, ready);
        }
        for (Bank& bank : banks_) {
            bank.row = -1;
            bank.activate_ready_ps = start + config_.t_rfc_ps;
        }
        ++counts_.refreshes;
        next_refresh_ps_ += config_.t_refi_ps;
    }
}

void DramChannelTiming::open_row(Bank& bank, int group, std::int64_t row,
                                 std::int64_t not_before_ps) {
    const auto g = static_cast<std::size_t>(group);
    if (bank.row >= 0) {
        const std::int64_t precharge = std::max(not_before_ps, bank.precharge_ready_ps);
        bank.activate_ready_ps = std::max(bank.activate_ready_ps, precharge + config_.t_rp_ps);
    }
    const std::int64_t activate =
        std::max({not_before_ps, bank.activate_ready_ps, last_activate_ps_ + config_.t_rrd_s_ps,
                  group_activate_ps_[g] + config_.t_rrd_l_ps,
                  recent_activates_[activates_issued_ % kActivateWindow] + config_.t_faw_ps});
    recent_activates_[activates_issued_++ % kActivateWindow] = activate;
    last_activate_ps_ = activate;
    group_activate_ps_[g] = activate;
    ++counts_.activates;
    bank.row = row;
    bank.column_ready_ps = activate + config_.t_rcd_ps;
    bank.precharge_ready_ps = activate + config_.t_ras_ps;
    bank.activate_ready_ps = activate + config_.t_ras_ps + config_.t_rp_ps;
}

std::int64_t DramChannelTiming::column(Bank& bank, int group, bool write,
                                       std::int64_t not_before_ps) {
    const auto g = static_cast<std::size_t>(group);
    std::int64_t command =
        std::max({not_before_ps, bank.column_ready_ps, last_column_ps_ + config_.t_ccd_s_ps,
                  group_column_ps_[g] + config_.t_ccd_l_ps});
    if (write != last_was_write_ && columns_issued_ > 0) {
        // The data bus turns round: read data must not wait behind write recovery, write data must
        // not meet read data.
        const std::int64_t turn = write ? config_.t_cl_ps + config_.t_burst_ps - config_.t_cwl_ps
                                        : config_.t_cwl_ps + config_.t_burst_ps + config_.t_wtr_ps;
        command = std::max(command, last_column_ps_ + turn);
    }
    recent_columns_[columns_issued_++ % kQueueAtoms] = command;
    last_column_ps_ = command;
    group_column_ps_[g] = command;
    last_was_write_ = write;
    const std::int64_t data_end =
        command + (write ? config_.t_cwl_ps : config_.t_cl_ps) + config_.t_burst_ps;
    bank.precharge_ready_ps = std::max(
        bank.precharge_ready_ps, write ? data_end + config_.t_wr_ps : command + config_.t_rtp_ps);
    return data_end;
}

}  // namespace axesim::models
