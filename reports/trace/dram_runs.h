// SPDX-License-Identifier: Apache-2.0
// DRAM commands as intervals that a person can look at: what takes a bank or the data bus for how
// long, column commands that follow each other in one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "models/memory/dram_banks.h"
#include "models/memory/dram_config.h"

namespace axesim::reports {

/// Commands of one kind to one row, from the first until the last is over.
struct DramRun {
    models::DramCommandKind kind{};
    std::int64_t row = 0;
    std::int64_t begin_ps = 0, end_ps = 0;
    std::uint64_t commands = 1;
};

bool is_column(models::DramCommandKind kind);

/// What one command keeps busy of its bank (of all banks, where it is one for all): an activate
/// until the first column command may follow, a precharge until the next activate may, a refresh
/// until it is over, a read or write for the length of its data.
DramRun bank_run(const models::DramCommand& command, const models::DramConfig& config);
/// What a column command keeps busy of the channel's data bus: its data. Row 0, so that those of
/// all rows are alike.
DramRun bus_run(const models::DramCommand& command, const models::DramConfig& config);

/// Joins runs of one place, which come in the order of time: a run of column commands goes on with
/// the next of the same kind and row that begins no later than `gap_ps` after its end.
class DramRunJoiner {
public:
    explicit DramRunJoiner(std::int64_t gap_ps) : gap_ps_(gap_ps) {}

    /// Returns the run that `next` ends: it is not part of it.
    std::optional<DramRun> add(const DramRun& next);
    /// Returns the open run, if there is one.
    std::optional<DramRun> take();

private:
    std::int64_t gap_ps_;
    std::optional<DramRun> open_;
};

}  // namespace axesim::reports
