// SPDX-License-Identifier: Apache-2.0
#include "tests/models/dram_trace_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace axesim::models {

namespace {

using Kind = DramCommandKind;

enum class Scope { bank, group, channel };

/// `after` comes at least `gap_ps` after every `before` of the same scope.
struct Rule {
    const char* name;
    Kind before, after;
    Scope scope;
    std::int64_t gap_ps;
};

std::vector<Rule> rules_of(const DramConfig& t) {
    const std::int64_t written = t.t_cwl_ps + t.t_burst_ps;
    return {{"tRC", Kind::activate, Kind::activate, Scope::bank, t.t_rc_ps},
            {"tRRD_L", Kind::activate, Kind::activate, Scope::group, t.t_rrd_l_ps},
            {"tRRD_S", Kind::activate, Kind::activate, Scope::channel, t.t_rrd_s_ps},
            {"tRCD", Kind::activate, Kind::read, Scope::bank, t.t_rcd_read_ps},
            {"tRCD write", Kind::activate, Kind::write, Scope::bank, t.t_rcd_write_ps},
            {"tRAS", Kind::activate, Kind::precharge, Scope::bank, t.t_ras_ps},
            {"tRAS", Kind::activate, Kind::precharge_all, Scope::channel, t.t_ras_ps},
            {"tRC", Kind::activate, Kind::refresh, Scope::channel, t.t_rc_ps},
            {"tRP", Kind::precharge, Kind::activate, Scope::bank, t.t_rp_ps},
            {"tRP", Kind::precharge, Kind::refresh, Scope::channel, t.t_rp_ps},
            {"tRP all", Kind::precharge_all, Kind::activate, Scope::channel, t.t_rp_all_ps},
            {"tRP all", Kind::precharge_all, Kind::refresh, Scope::channel, t.t_rp_all_ps},
            {"tRTP", Kind::read, Kind::precharge, Scope::bank, t.t_rtp_ps},
            {"tRTP", Kind::read, Kind::precharge_all, Scope::channel, t.t_rtp_ps},
            {"tWR", Kind::write, Kind::precharge, Scope::bank, written + t.t_wr_ps},
            {"tWR", Kind::write, Kind::precharge_all, Scope::channel, written + t.t_wr_ps},
            {"tCCD_S", Kind::read, Kind::read, Scope::channel, t.t_ccd_s_ps},
            {"tCCD_L", Kind::read, Kind::read, Scope::group, t.t_ccd_l_ps},
            {"tCCD_S", Kind::write, Kind::write, Scope::channel, t.t_ccd_s_ps},
            {"tCCD_L", Kind::write, Kind::write, Scope::group, t.t_ccd_l_ps},
            {"tRTW", Kind::read, Kind::write, Scope::channel, t.t_rtw_ps},
            {"tWTR_S", Kind::write, Kind::read, Scope::channel, written + t.t_wtr_s_ps},
            {"tWTR_L", Kind::write, Kind::read, Scope::group, written + t.t_wtr_l_ps},
            {"tRFC", Kind::refresh, Kind::activate, Scope::channel, t.t_rfc_ps},
            {"tRFC", Kind::refresh, Kind::refresh, Scope::channel, t.t_rfc_ps},
            {"tRFC", Kind::refresh, Kind::precharge_all, Scope::channel, t.t_rfc_ps}};
}

bool in_scope(Scope scope, const DramPlace& a, const DramPlace& b) {
    if (scope == Scope::channel) return true;
    if (a.bank_group != b.bank_group) return false;
    return scope == Scope::group || a.bank == b.bank;
}

class Checker {
public:
    Checker(const DramConfig& table, std::vector<DramCommand> trace)
        : table_(table), trace_(std::move(trace)) {
        std::stable_sort(trace_.begin(), trace_.end(), earlier);
    }

    std::vector<std::string> run() {
        check_pairs();
        check_rows();
        check_window();
        check_data_bus();
        check_refresh_intervals();
        return std::move(violations_);
    }

private:
    static bool earlier(const DramCommand& a, const DramCommand& b) {
        return a.time_ps < b.time_ps;
    }
    void add(const char* rule, const DramCommand& command, std::int64_t other) {
        violations_.push_back(fmt::format("{}: group {} bank {} at {} ps, against {}", rule,
                                          command.place.bank_group, command.place.bank,
                                          command.time_ps, other));
    }

    void check_pairs() {
        const std::vector<Rule> rules = rules_of(table_);
        std::int64_t longest = 0;
        for (const Rule& rule : rules) longest = std::max(longest, rule.gap_ps);
        for (std::size_t i = 0; i < trace_.size(); ++i) {
            for (std::size_t j = i + 1; j < trace_.size(); ++j) {
                const std::int64_t apart = trace_[j].time_ps - trace_[i].time_ps;
                if (apart >= longest) break;
                for (const Rule& rule : rules) {
                    if (trace_[i].kind == rule.before && trace_[j].kind == rule.after &&
                        apart < rule.gap_ps &&
                        in_scope(rule.scope, trace_[i].place, trace_[j].place)) {
                        add(rule.name, trace_[j], trace_[i].time_ps);
                    }
                }
            }
        }
    }

    void check_rows() {
        std::map<std::pair<int, int>, std::int64_t> open;  // (group, bank): row
        for (const DramCommand& command : trace_) {
            const std::pair bank{command.place.bank_group, command.place.bank};
            switch (command.kind) {
                case Kind::activate:
                    if (open.contains(bank)) add("activate of an open bank", command, open[bank]);
                    open[bank] = command.place.row;
                    break;
                case Kind::precharge:
                    if (open.erase(bank) == 0) add("precharge of a closed bank", command, 0);
                    break;
                case Kind::precharge_all:
                    open.clear();
                    break;
                case Kind::refresh:
                    if (!open.empty()) add("refresh with an open bank", command, 0);
                    break;
                case Kind::read:
                case Kind::write:
                    if (!open.contains(bank) || open[bank] != command.place.row) {
                        add("row is not open", command, command.place.row);
                    }
                    break;
            }
        }
    }

    void check_window() {
        std::vector<DramCommand> activates;
        for (const DramCommand& command : trace_) {
            if (command.kind == Kind::activate) activates.push_back(command);
        }
        for (std::size_t i = 4; i < activates.size(); ++i) {
            const std::int64_t first = activates[i - 4].time_ps;
            if (activates[i].time_ps - first < table_.t_faw_ps) add("tFAW", activates[i], first);
        }
    }

    void check_data_bus() {
        std::vector<DramCommand> data;  // at the time when it begins
        for (DramCommand command : trace_) {
            if (command.kind != Kind::read && command.kind != Kind::write) continue;
            command.time_ps += command.kind == Kind::read ? table_.t_cl_ps : table_.t_cwl_ps;
            data.push_back(command);
        }
        std::stable_sort(data.begin(), data.end(), earlier);
        for (std::size_t i = 1; i < data.size(); ++i) {
            const std::int64_t before = data[i - 1].time_ps;
            if (data[i].time_ps - before < table_.t_burst_ps) add("data bus", data[i], before);
        }
    }

    /// Never ahead of time, and at most eight postponed.
    void check_refresh_intervals() {
        if (table_.t_refi_ps == 0) return;
        std::int64_t due = 0;
        for (const DramCommand& command : trace_) {
            if (command.kind != Kind::refresh) continue;
            due += table_.t_refi_ps;
            if (command.time_ps < due) add("refresh ahead of time", command, due);
            if (command.time_ps > due + 8 * table_.t_refi_ps) add("tREFI", command, due);
        }
        if (!trace_.empty() && trace_.back().time_ps > due + 9 * table_.t_refi_ps) {
            add("tREFI", trace_.back(), due);
        }
    }

    const DramConfig& table_;
    std::vector<DramCommand> trace_;  ///< by time
    std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> trace_violations(const DramConfig& table, std::vector<DramCommand> trace) {
    return Checker(table, std::move(trace)).run();
}

}  // namespace axesim::models
