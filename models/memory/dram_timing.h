// SPDX-License-Identifier: Apache-2.0
// Timing of the requests to one DRAM channel. Times are integer picoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "models/counts.h"
#include "models/memory/dram_address.h"
#include "models/memory/dram_banks.h"
#include "models/memory/dram_config.h"

namespace axesim::models {

/// The controller of one channel. It sees kQueueAtoms atoms ahead, so that a row that is needed
/// soon is opened while the transfers before it go on. Requests are blocking, so its freedom is the
/// order within one request:
/// - in_order: column commands in the order of addresses.
/// - fr_fcfs: of the queued atoms whose row is open the one that can go first, the oldest among
///   equals; after kMostPassed others the oldest goes whatever is ready. Addresses of a request
///   rise, so the queue never holds a hit behind an atom of another row of its bank.
/// All-bank refresh every t_refi; it waits for the command before it.
///
/// Where all queued atoms hit open rows and column commands come at a fixed rate, the rest of the
/// row is advanced in closed form, with the times and counts of the walk atom by atom (a channel
/// with a trace walks).
class DramChannelTiming {
public:
    explicit DramChannelTiming(const DramConfig& config);

    /// From now on `trace` gets every command.
    void trace_to(DramTrace trace) { banks_.trace_to(std::move(trace)); }

    /// Moves atoms [first, first + count) of this channel, with commands not before `arrival_ps`.
    /// Returns when the last data bit is over the bus. Arrivals must not fall.
    std::int64_t transfer(std::int64_t first, std::int64_t count, bool write,
                          std::int64_t arrival_ps);

    /// When the last column command was issued: from then on the next request can be queued
    /// behind it without losing bandwidth.
    std::int64_t last_column_ps() const { return last_column_ps_; }
    DramCounts counts() const;

private:
    struct Request {
        std::int64_t end;  ///< after its last atom
        bool write;
        std::int64_t arrival_ps;
    };
    struct Queued {
        std::int64_t atom;
        DramPlace place;
        std::int64_t entered_ps;
        bool missed = false;  ///< its row had to be opened
    };
    /// Atoms that followed each other without a break: no refresh, no wait for an arrival, no turn
    /// of the bus, no change of row in a bank.
    struct Run {
        std::int64_t next_atom = -1;
        DramPlace next_place;       ///< in_order: of next_atom, between two requests
        std::int64_t end_atom = 0;  ///< where the open rows end
        bool write = false;
        std::int64_t atoms = 0;
        std::int64_t turn_ps = 0;  ///< time from the same bank's column command before
        std::int64_t steady = 0;   ///< the latest atoms that took this time
    };

    void serve_in_order(std::int64_t first, const Request& request);
    void serve_reordered(std::int64_t first, const Request& request);
    void fill_queue(std::int64_t& next, DramPlace& place, const Request& request);
    std::size_t pick(const Request& request);
    void issue(std::int64_t atom, const DramPlace& place, bool missed, const Request& request);
    void extend_run(std::int64_t atom, bool write, std::int64_t time_ps);
    std::int64_t skip_hits(std::int64_t atom, DramPlace& place, std::int64_t limit,
                           const Request& request);
    void catch_up();
    std::int64_t hit_open_rows(std::int64_t atom, DramPlace& place, const Request& request);
    std::int64_t even_gap_ps(bool write) const;
    void refresh_until(std::int64_t now_ps);
    std::int64_t entered_ps(std::size_t ahead, const Request& request) const;
    /// Of the latest column command (1), the one before (2), ... up to kQueueAtoms back.
    std::int64_t& column_ps(std::size_t age) {
        return recent_columns_ps_[(columns_issued_ - age) % kQueueAtoms];
    }

    static constexpr std::size_t kQueueAtoms = 32;
    static constexpr int kMostPassed = 32;

    DramConfig config_;
    DramAddressMap map_;
    DramBanks banks_;
    std::array<std::int64_t, 2> even_gap_ps_;  ///< [is a write]
    std::array<std::int64_t, kQueueAtoms> recent_columns_ps_{};
    std::size_t columns_issued_ = 0;
    std::int64_t last_column_ps_ = 0;
    std::int64_t next_refresh_ps_;
    Run run_;
    std::int64_t skipped_turns_ = 0;  ///< of the run, that banks_ and columns do not know of yet
    DramPlace last_turn_;             ///< where the last of these begins
    std::deque<Queued> queue_;        ///< fr_fcfs: oldest first
    bool rows_to_open_ = false;       ///< some queued atom may wait for its row
    int passed_ = 0;                  ///< column commands since the oldest became the oldest
    std::vector<std::uint64_t> bank_seen_;  ///< the pick that last met a bank
    std::uint64_t picks_ = 0;
    DramCounts counts_;
};

}  // namespace axesim::models
