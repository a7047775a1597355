// SPDX-License-Identifier: Apache-2.0
#include "models/memory/dram_banks.h"

#include <algorithm>

namespace axesim::models {

namespace {

void raise(std::int64_t& time_ps, std::int64_t to_ps) { time_ps = std::max(time_ps, to_ps); }

}  // namespace

const char* mnemonic(DramCommandKind kind) {
    switch (kind) {
        case DramCommandKind::activate:
            return "ACT";
        case DramCommandKind::precharge:
            return "PRE";
        case DramCommandKind::precharge_all:
            return "PREA";
        case DramCommandKind::read:
            return "RD";
        case DramCommandKind::write:
            return "WR";
        case DramCommandKind::refresh:
            break;
    }
    return "REF";
}

DramBanks::DramBanks(const DramConfig& config)
    : config_(config),
      bank_groups_(config.bank_groups),
      banks_(static_cast<std::size_t>(config.bank_groups * config.banks_per_group)),
      groups_(static_cast<std::size_t>(config.bank_groups)) {
    // Whatever the table says, two atoms never share the data bus.
    const std::int64_t ccd_s = std::max(config.t_ccd_s_ps, config.t_burst_ps);
    const std::int64_t ccd_l = std::max(config.t_ccd_l_ps, config.t_burst_ps);
    const std::int64_t rtw = std::max(config.t_rtw_ps, config.latency_ps(false) - config.t_cwl_ps);
    const std::int64_t written = config.latency_ps(true);
    other_group_gap_ps_ = {Ready{ccd_s, rtw}, Ready{written + config.t_wtr_s_ps, ccd_s}};
    same_group_gap_ps_ = {Ready{ccd_l, rtw}, Ready{written + config.t_wtr_l_ps, ccd_l}};
}

void DramBanks::precharge(std::size_t bank, std::int64_t time_ps) {
    Bank& b = banks_[bank];
    b.row = -1;
    b.precharge_ready_ps = time_ps;  // one of all banks must not come before
    raise(b.activate_ready_ps, time_ps + config_.t_rp_ps);
    const auto position = static_cast<int>(bank);
    record(time_ps, DramCommandKind::precharge,
           {.bank_group = position % bank_groups_, .bank = position / bank_groups_});
}

void DramBanks::open(const DramPlace& place, std::int64_t not_before_ps) {
    Bank& bank = banks_[index(place)];
    Group& group = groups_[static_cast<std::size_t>(place.bank_group)];
    if (bank.row >= 0) precharge(index(place), std::max(not_before_ps, bank.precharge_ready_ps));
    std::int64_t& window_ready_ps = window_ready_ps_[activates_++ % kActivateWindow];
    const std::int64_t time =
        std::max({not_before_ps, bank.activate_ready_ps, group.activate_ready_ps,
                  activate_ready_ps_, window_ready_ps});
    window_ready_ps = time + config_.t_faw_ps;
    activate_ready_ps_ = time + config_.t_rrd_s_ps;
    group.activate_ready_ps = time + config_.t_rrd_l_ps;
    bank.row = place.row;
    bank.activate_ready_ps = time + config_.t_rc_ps;
    bank.precharge_ready_ps = time + config_.t_ras_ps;
    bank.ready_ps = {time + config_.t_rcd_read_ps, time + config_.t_rcd_write_ps};
    record(time, DramCommandKind::activate,
           {.bank_group = place.bank_group, .bank = place.bank, .row = place.row});
}

void DramBanks::column(const DramPlace& place, bool write, std::int64_t time_ps) {
    Bank& bank = banks_[index(place)];
    Group& group = groups_[static_cast<std::size_t>(place.bank_group)];
    for (const std::size_t next : {0, 1}) {
        raise(ready_ps_[next], time_ps + other_group_gap_ps_[write][next]);
        raise(group.ready_ps[next], time_ps + same_group_gap_ps_[write][next]);
    }
    raise(bank.precharge_ready_ps,
          time_ps + (write ? config_.latency_ps(true) + config_.t_wr_ps : config_.t_rtp_ps));
    record(time_ps, write ? DramCommandKind::write : DramCommandKind::read, place);
}

void DramBanks::close() {
    for (std::size_t b = 0; b < banks_.size(); ++b) {
        if (banks_[b].row >= 0) precharge(b, banks_[b].precharge_ready_ps);
    }
}

void DramBanks::refresh(std::int64_t due_ps) {
    bool any_open = false;
    std::int64_t start = due_ps;
    // Rows are closed ahead of time, so that a refresh starts when it is due.
    std::int64_t precharge_all = due_ps - config_.t_rp_all_ps;
    for (const Bank& bank : banks_) {
        any_open = any_open || bank.row >= 0;
        raise(precharge_all, bank.precharge_ready_ps);
        raise(start, bank.activate_ready_ps);
    }
    if (any_open) {
        record(precharge_all, DramCommandKind::precharge_all, {});
        raise(start, precharge_all + config_.t_rp_all_ps);
    }
    for (Bank& bank : banks_) {
        bank.row = -1;
        bank.activate_ready_ps = start + config_.t_rfc_ps;
    }
    record(start, DramCommandKind::refresh, {});
}

}  // namespace axesim::models
