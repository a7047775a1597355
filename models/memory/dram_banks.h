// SPDX-License-Identifier: Apache-2.0
// The banks of one DRAM channel: which row is open where, and when JEDEC allows each next command.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "models/memory/dram_address.h"
#include "models/memory/dram_config.h"

namespace axesim::models {

enum class DramCommandKind { activate, precharge, precharge_all, read, write, refresh };
/// ACT, PRE, PREA, RD, WR, REF.
const char* mnemonic(DramCommandKind kind);

/// A command as it goes to the device. What it does not need of `place` is 0 (a precharge has no
/// row, precharge_all and refresh have nothing).
struct DramCommand {
    std::int64_t time_ps = 0;
    DramCommandKind kind{};
    DramPlace place;
};

/// Gets each command when it is decided. Decisions run ahead of time (rows are opened for queued
/// atoms), so commands of different banks do not come in the order of their times.
using DramTrace = std::function<void(const DramCommand&)>;

/// Constraints are kept as the earliest times at which commands may follow. The command bus is not
/// modelled: commands of different banks may share a clock cycle.
class DramBanks {
public:
    explicit DramBanks(const DramConfig& config);

    void trace_to(DramTrace trace) { trace_ = std::move(trace); }
    bool traced() const { return trace_ != nullptr; }

    bool is_open(const DramPlace& place) const { return at(place).row == place.row; }
    /// Opens the row of `place`, precharging its bank before where another row is open, with
    /// commands as early as possible but not before `not_before_ps`.
    void open(const DramPlace& place, std::int64_t not_before_ps);
    /// When a read or write of any place may be issued at the earliest.
    std::int64_t bus_ready_ps(bool write) const { return ready_ps_[write]; }
    /// When a read or write of `place`, whose row is open, may be issued.
    std::int64_t column_ready_ps(const DramPlace& place, bool write) const {
        return std::max(
            {ready_ps_[write], group(place).ready_ps[write], at(place).ready_ps[write]});
    }
    /// From one column command to the next of the same kind, of the same bank group or another one.
    std::int64_t column_gap_ps(bool write, bool same_group) const {
        return (same_group ? same_group_gap_ps_ : other_group_gap_ps_)[write][write];
    }
    /// Issues it. `time_ps` is not before column_ready_ps.
    void column(const DramPlace& place, bool write, std::int64_t time_ps);
    /// Precharges every open bank as early as possible.
    void close();
    /// Precharges all banks and refreshes them, as early as possible but not before `due_ps`.
    void refresh(std::int64_t due_ps);

    /// The position of a bank among all.
    std::size_t index(const DramPlace& place) const {
        const int position = place.bank * bank_groups_ + place.bank_group;
        return static_cast<std::size_t>(position);
    }
    std::size_t size() const { return banks_.size(); }
    std::uint64_t activates() const { return activates_; }

private:
    /// Indexed by whether the column command that follows is a write.
    using Ready = std::array<std::int64_t, 2>;

    struct Bank {
        std::int64_t row = -1;  ///< open row, -1: precharged
        std::int64_t activate_ready_ps = 0;
        std::int64_t precharge_ready_ps = 0;
        Ready ready_ps{};
    };
    struct Group {
        std::int64_t activate_ready_ps = 0;
        Ready ready_ps{};
    };

    const Bank& at(const DramPlace& place) const { return banks_[index(place)]; }
    const Group& group(const DramPlace& place) const {
        return groups_[static_cast<std::size_t>(place.bank_group)];
    }
    void precharge(std::size_t bank, std::int64_t time_ps);
    void record(std::int64_t time_ps, DramCommandKind kind, const DramPlace& place) const {
        if (trace_) trace_({time_ps, kind, place});
    }

    static constexpr std::size_t kActivateWindow = 4;

    DramConfig config_;
    int bank_groups_;
    /// From a column command to the next one: [is a write][next is a write].
    std::array<Ready, 2> other_group_gap_ps_, same_group_gap_ps_;
    std::vector<Bank> banks_;    ///< [bank * groups + group]
    std::vector<Group> groups_;  ///< [group]
    std::int64_t activate_ready_ps_ = 0;
    Ready ready_ps_{};
    std::array<std::int64_t, kActivateWindow> window_ready_ps_{};  ///< of the last four activates
    std::uint64_t activates_ = 0;
    DramTrace trace_;
};

}  // namespace axesim::models
