// SPDX-License-Identifier: Apache-2.0
#include "reports/trace/dram_runs.h"

#include <algorithm>
#include <utility>

namespace axesim::reports {

using models::DramCommandKind;

namespace {

std::int64_t bank_time_ps(DramCommandKind kind, const models::DramConfig& config) {
    switch (kind) {
        case DramCommandKind::activate:
            return std::min(config.t_rcd_read_ps, config.t_rcd_write_ps);
        case DramCommandKind::precharge:
            return config.t_rp_ps;
        case DramCommandKind::precharge_all:
            return config.t_rp_all_ps;
        case DramCommandKind::refresh:
            return config.t_rfc_ps;
        case DramCommandKind::read:
        case DramCommandKind::write:
            break;
    }
    return config.t_burst_ps;
}

}  // namespace

bool is_column(DramCommandKind kind) {
    return kind == DramCommandKind::read || kind == DramCommandKind::write;
}

DramRun bank_run(const models::DramCommand& command, const models::DramConfig& config) {
    return {.kind = command.kind,
            .row = command.place.row,
            .begin_ps = command.time_ps,
            .end_ps = command.time_ps + bank_time_ps(command.kind, config)};
}

DramRun bus_run(const models::DramCommand& command, const models::DramConfig& config) {
    const std::int64_t end =
        command.time_ps + config.latency_ps(command.kind == DramCommandKind::write);
    return {.kind = command.kind, .begin_ps = end - config.t_burst_ps, .end_ps = end};
}

std::optional<DramRun> DramRunJoiner::add(const DramRun& next) {
    if (open_ && is_column(next.kind) && open_->kind == next.kind && open_->row == next.row &&
        next.begin_ps - open_->end_ps <= gap_ps_) {
        open_->end_ps = next.end_ps;
        open_->commands += next.commands;
        return std::nullopt;
    }
    // A precharge may come while the last read's data are under way.
    if (open_) open_->end_ps = std::min(open_->end_ps, next.begin_ps);
    return std::exchange(open_, next);
}

std::optional<DramRun> DramRunJoiner::take() { return std::exchange(open_, std::nullopt); }

}  // namespace axesim::reports
