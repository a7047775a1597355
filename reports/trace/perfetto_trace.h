// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "models/hardware_config.h"
#include "reports/trace/dram_runs.h"
#include "reports/trace/trace_writer.h"

namespace axesim::reports {

/// Chrome's trace event format (JSON), which ui.perfetto.dev and chrome://tracing show: tracks for
/// operations, array (states coloured by `cname`), vector unit, streams of the memory interface
/// (`bytes`), slots in use of each buffer, and of each DRAM channel its data bus and banks. Several
/// clusters have all of these but the DRAM's, each its own.
/// Times are exact to the picosecond, in the format's unit, microseconds.
///
/// Column commands of one row of a bank that come within one turn of all banks are one interval
/// with their number in `commands`, as are `bits` that follow each other on the data bus without a
/// pause.
class PerfettoTrace : public TraceWriter {
public:
    /// Of hardware with this DRAM; `out` must outlive the trace.
    PerfettoTrace(std::ostream& out, const models::HardwareConfig& hardware);

    void begin_operation(const std::string& part, const std::string& name,
                         std::int64_t time_ps) override;
    void end_operation(std::int64_t time_ps) override;
    void finish(const std::string& note) override;

    void array(int cluster, models::ArrayState state, models::TraceInterval when) override;
    void vector_unit(int cluster, models::VectorTask task, models::TraceInterval when) override;
    void transfer(int cluster, const models::TransferTrace& transfer,
                  models::TraceInterval when) override;
    void buffer(int cluster, models::Stream of, std::size_t slots_in_use,
                std::int64_t time_ps) override;
    void dram(int channel, const models::DramCommand& command) override;

private:
    struct Track {
        int process, thread;
    };
    /// One channel: the intervals that may still grow.
    struct Channel {
        DramRunJoiner bus, all_banks;
        std::vector<DramRunJoiner> banks;
    };

    void name_tracks();
    void name(const Track& track, const std::string& process, const std::string& thread);
    void interval(const Track& track, const std::string& name, models::TraceInterval when,
                  const std::string& more = "");
    void bus(int channel, const std::optional<DramRun>& run);
    void bank(const Track& track, const std::optional<DramRun>& run);
    void event(const std::string& text);

    /// The process of the first DRAM channel, behind those of all clusters.
    int first_channel() const;

    std::ostream& out_;
    const models::DramConfig dram_;
    const int clusters_;
    std::vector<Channel> channels_;
    bool first_ = true;
    std::string part_, operation_;
    std::int64_t operation_begin_ps_ = 0;
};

}  // namespace axesim::reports
