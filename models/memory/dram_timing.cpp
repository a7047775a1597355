// SPDX-License-Identifier: Apache-2.0
#include "models/memory/dram_timing.h"

#include <algorithm>
#include <limits>

namespace axesim::models {

namespace {
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
}  // namespace

DramChannelTiming::DramChannelTiming(const DramConfig& config)
    : config_(config),
      map_(config),
      banks_(config),
      even_gap_ps_{even_gap_ps(false), even_gap_ps(true)},
      next_refresh_ps_(config.t_refi_ps > 0 ? config.t_refi_ps : kNever),
      bank_seen_(banks_.size()) {}

DramCounts DramChannelTiming::counts() const {
    DramCounts counts = counts_;
    counts.activates = banks_.activates();
    return counts;
}

std::int64_t DramChannelTiming::transfer(std::int64_t first, std::int64_t count, bool write,
                                         std::int64_t arrival_ps) {
    if (count == 0) return arrival_ps;
    if (arrival_ps > last_column_ps_) run_.next_atom = -1;
    const Request request{first + count, write, arrival_ps};
    if (config_.policy.scheduling == DramScheduling::fr_fcfs) {
        serve_reordered(first, request);
    } else {
        serve_in_order(first, request);
    }
    if (config_.policy.page == DramPagePolicy::closed) {
        catch_up();
        banks_.close();
        run_.next_atom = -1;
    }
    (write ? counts_.written_bits : counts_.read_bits) +=
        static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(config_.atom_bits);
    return last_column_ps_ + config_.latency_ps(write);
}

void DramChannelTiming::serve_in_order(std::int64_t first, const Request& request) {
    DramPlace place = first == run_.next_atom ? run_.next_place : map_.place(first);
    for (std::int64_t atom = first; atom < request.end;) {
        const std::int64_t limit = std::min(request.end, run_.end_atom);
        if (const std::int64_t skipped = skip_hits(atom, place, limit, request)) {
            atom += skipped;
            continue;
        }
        catch_up();
        refresh_until(std::max(request.arrival_ps, last_column_ps_));
        if (const std::int64_t hit = hit_open_rows(atom, place, request)) {
            atom += hit;
            continue;
        }
        const bool missed = !banks_.is_open(place);
        if (missed) banks_.open(place, entered_ps(0, request));
        issue(atom, place, missed, request);
        ++atom;
        map_.advance(place);
    }
    run_.next_place = place;
}

void DramChannelTiming::serve_reordered(std::int64_t first, const Request& request) {
    std::int64_t next = first;
    DramPlace next_place = map_.place(first);
    while (true) {
        fill_queue(next, next_place, request);
        if (queue_.empty()) return;
        const Queued oldest = queue_.front();
        if (next - oldest.atom == static_cast<std::int64_t>(queue_.size())) {  // none was preferred
            // No atom of other rows may have come into the queue.
            const std::int64_t limit = request.end <= run_.end_atom
                                           ? request.end
                                           : run_.end_atom - std::int64_t{kQueueAtoms};
            DramPlace place = oldest.place;
            if (const std::int64_t skipped = skip_hits(oldest.atom, place, limit, request)) {
                catch_up();
                queue_.clear();
                passed_ = 0;
                next = oldest.atom + skipped;
                next_place = place;
                continue;
            }
        }
        refresh_until(std::max(request.arrival_ps, last_column_ps_));
        const std::size_t chosen = pick(request);
        const Queued& atom = queue_[chosen];
        issue(atom.atom, atom.place, atom.missed, request);
        passed_ = chosen == 0 ? 0 : passed_ + 1;
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
}

void DramChannelTiming::fill_queue(std::int64_t& next, DramPlace& place, const Request& request) {
    while (queue_.size() < kQueueAtoms && next < request.end) {
        queue_.push_back({next++, place, entered_ps(queue_.size(), request)});
        rows_to_open_ = rows_to_open_ || !banks_.is_open(place);
        map_.advance(place);
    }
}

/// Opens the rows that the queue waits for, and finds the atom that goes next.
std::size_t DramChannelTiming::pick(const Request& request) {
    const std::int64_t soonest_ps =
        std::max(request.arrival_ps, banks_.bus_ready_ps(request.write));
    ++picks_;
    bool all_open = true;
    std::size_t chosen = 0;
    std::int64_t chosen_ps = kNever;
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        Queued& atom = queue_[i];
        std::uint64_t& seen = bank_seen_[banks_.index(atom.place)];
        if (seen != picks_ && !banks_.is_open(atom.place)) {
            banks_.open(atom.place, atom.entered_ps);
            atom.missed = true;
        }
        seen = picks_;
        if (!banks_.is_open(atom.place)) {  // older atoms still need the other row
            all_open = false;
            continue;
        }
        const std::int64_t ready =
            std::max(request.arrival_ps, banks_.column_ready_ps(atom.place, request.write));
        if (ready < chosen_ps) {
            chosen = i;
            chosen_ps = ready;
        }
        if (!rows_to_open_ && chosen_ps == soonest_ps) break;
    }
    rows_to_open_ = !all_open;
    return passed_ >= kMostPassed ? 0 : chosen;
}

void DramChannelTiming::issue(std::int64_t atom, const DramPlace& place, bool missed,
                              const Request& request) {
    const std::int64_t time =
        std::max(request.arrival_ps, banks_.column_ready_ps(place, request.write));
    banks_.column(place, request.write, time);
    extend_run(atom, request.write, time);
    ++columns_issued_;
    column_ps(1) = time;
    last_column_ps_ = time;
    ++(missed ? counts_.row_misses : counts_.row_hits);
}

/// When an atom with `ahead` others before it came into the queue: as the atom kQueueAtoms before
/// it left.
std::int64_t DramChannelTiming::entered_ps(std::size_t ahead, const Request& request) const {
    return std::max(request.arrival_ps,
                    recent_columns_ps_[(columns_issued_ + ahead) % kQueueAtoms]);
}

void DramChannelTiming::extend_run(std::int64_t atom, bool write, std::int64_t time_ps) {
    if (atom != run_.next_atom || write != run_.write || atom == run_.end_atom) {
        const std::int64_t rows = map_.atoms_of_open_rows();
        run_ = {};
        run_.end_atom = (atom / rows + 1) * rows;
        run_.write = write;
    }
    run_.next_atom = atom + 1;
    const std::int64_t turn = map_.banks_in_turn();
    if (++run_.atoms <= turn || turn > std::int64_t{kQueueAtoms}) return;
    const std::int64_t took = time_ps - column_ps(static_cast<std::size_t>(turn));
    run_.steady = took == run_.turn_ps ? run_.steady + 1 : 1;
    run_.turn_ps = took;
}

/// Advances by whole turns of the banks in closed form, to `limit` or the next refresh at most.
/// Returns the atoms, and `place` behind them; 0 when `atom` must be walked. Banks and columns hear
/// of it by catch_up(), for many requests at once.
///
/// Why that is right: in a run, a column command waits only for those of the turn before it, by
/// fixed gaps. (Whatever else it could wait for, an activate, an arrival or a turn of the bus, the
/// same bank's command in the turn before has waited for.) So when one turn repeats the turn before
/// it, each command t later, the next turn does too.
std::int64_t DramChannelTiming::skip_hits(std::int64_t atom, DramPlace& place, std::int64_t limit,
                                          const Request& request) {
    const std::int64_t turn = map_.banks_in_turn();
    if (run_.steady < turn || atom != run_.next_atom || request.write != run_.write) return 0;
    if (banks_.traced()) return 0;
    if (limit - atom < turn) return 0;
    std::int64_t turns = (limit - atom) / turn;
    const std::int64_t left_ps = next_refresh_ps_ - 1 - last_column_ps_;
    if (turns * run_.turn_ps > left_ps) turns = left_ps / run_.turn_ps;
    if (turns <= 0) return 0;

    const std::int64_t atoms = turns * turn;
    skipped_turns_ += turns;
    last_turn_ = place;
    last_turn_.column += static_cast<int>(turns - 1);
    last_column_ps_ += turns * run_.turn_ps;
    run_.next_atom += atoms;
    run_.atoms += atoms;
    counts_.row_hits += static_cast<std::uint64_t>(atoms);
    if (run_.next_atom == run_.end_atom) {
        place = map_.place(run_.next_atom);
    } else {
        place.column += static_cast<int>(turns);
    }
    return atoms;
}

/// The time between column commands where all of them go to open rows, in the order of addresses,
/// and wait for nothing but each other; 0 where that is not one time for all of them.
std::int64_t DramChannelTiming::even_gap_ps(bool write) const {
    const std::int64_t turn = map_.banks_in_turn();
    const std::int64_t other = banks_.column_gap_ps(write, false);
    const std::int64_t same = std::max(other, banks_.column_gap_ps(write, true));
    // Commands from one of a group to its next one in two turns, where that is not the next.
    std::int64_t nearest = turn;
    bool one_group = true;
    for (std::int64_t i = 0; i < turn; ++i) {
        const int group = map_.place(i).bank_group;
        one_group = one_group && group == map_.place(0).bank_group;
        for (std::int64_t apart = 1; apart < nearest; ++apart) {
            if (map_.place((i + apart) % turn).bank_group == group) nearest = apart;
        }
    }
    if (one_group) return same;
    return nearest * other >= same ? other : 0;
}

/// Serves atoms from `atom` on that hit open rows at even gaps, up to where rows end or a refresh
/// is due, at once. Returns how many, and `place` behind them; 0 when `atom` must be walked.
///
/// Why that is right: every bank has one atom in a turn of all banks. Where none of the first turn
/// waits for its bank, its group or the bus longer than for the atom before it, none of the turns
/// after it does: nothing but these atoms happens meanwhile, and those wait for each other by even
/// gaps.
std::int64_t DramChannelTiming::hit_open_rows(std::int64_t atom, DramPlace& place,
                                              const Request& request) {
    const std::int64_t gap = even_gap_ps_[request.write];
    if (gap == 0 || banks_.traced() || !banks_.is_open(place)) return 0;
    const std::int64_t rows = map_.atoms_of_open_rows();
    const std::int64_t end_of_rows = (atom / rows + 1) * rows;
    std::int64_t count = std::min(request.end, end_of_rows) - atom;
    const std::int64_t first_ps =
        std::max(request.arrival_ps, banks_.column_ready_ps(place, request.write));
    if (first_ps + (count - 2) * gap >= next_refresh_ps_) {  // due before the last of them
        count = first_ps >= next_refresh_ps_ ? 1 : (next_refresh_ps_ - 1 - first_ps) / gap + 2;
    }
    const std::int64_t turn = map_.banks_in_turn();
    DramPlace other = place;
    for (std::int64_t i = 1; i < std::min(turn, count); ++i) {
        map_.advance(other);
        if (!banks_.is_open(other) ||
            banks_.column_ready_ps(other, request.write) > first_ps + i * gap) {
            count = i;
        }
    }
    // Banks and groups need to know of the last command only.
    const std::int64_t turns = count / turn;
    const std::int64_t rest = count % turn;
    other = place;
    for (std::int64_t i = 0; i < std::min(turn, count); ++i) {
        const std::int64_t last = i + (i < rest ? turns : turns - 1) * turn;
        banks_.column(other, request.write, first_ps + last * gap);
        if (i == rest) place = other;
        map_.advance(other);
    }
    if (turns == 0) {
        place = other;
    } else {
        place.column += static_cast<int>(turns);
    }
    if (atom + count == end_of_rows) place = map_.place(end_of_rows);

    for (std::int64_t i = std::max<std::int64_t>(0, count - std::int64_t{kQueueAtoms}); i < count;
         ++i) {
        recent_columns_ps_[(columns_issued_ + static_cast<std::size_t>(i)) % kQueueAtoms] =
            first_ps + i * gap;
    }
    columns_issued_ += static_cast<std::size_t>(count);
    last_column_ps_ = first_ps + (count - 1) * gap;
    counts_.row_hits += static_cast<std::uint64_t>(count);
    run_ = {.next_atom = atom + count,
            .next_place = {},
            .end_atom = end_of_rows,
            .write = request.write,
            .atoms = count,
            .turn_ps = turn * gap,
            .steady = turns > 0 && turn <= std::int64_t{kQueueAtoms} ? turn : 0};
    return count;
}

/// Brings banks and recent columns to where skip_hits() stands. Must come before either is used.
void DramChannelTiming::catch_up() {
    if (skipped_turns_ == 0) return;
    const std::int64_t turn = map_.banks_in_turn();
    const auto turn_atoms = static_cast<std::size_t>(turn);
    // Only the commands that the queue looks back at are kept: those of turns before come at once.
    const std::int64_t kept_turns =
        std::min(skipped_turns_, (std::int64_t{kQueueAtoms} + turn - 1) / turn);
    for (std::size_t age = 1; age <= turn_atoms; ++age) {
        column_ps(age) += (skipped_turns_ - kept_turns) * run_.turn_ps;
    }
    for (std::int64_t i = 0; i < kept_turns * turn; ++i) {
        const std::int64_t time = column_ps(turn_atoms) + run_.turn_ps;
        ++columns_issued_;
        column_ps(1) = time;
    }
    for (std::size_t age = turn_atoms; age > 0; --age) {
        banks_.column(last_turn_, run_.write, column_ps(age));
        map_.advance(last_turn_);
    }
    skipped_turns_ = 0;
}

void DramChannelTiming::refresh_until(std::int64_t now_ps) {
    while (next_refresh_ps_ <= now_ps) {
        banks_.refresh(next_refresh_ps_);
        ++counts_.refreshes;
        next_refresh_ps_ += config_.t_refi_ps;
        run_.next_atom = -1;
        rows_to_open_ = true;
    }
}

}  // namespace axesim::models
