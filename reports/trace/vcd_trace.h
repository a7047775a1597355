// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "models/hardware_config.h"
#include "reports/trace/dram_runs.h"
#include "reports/trace/trace_writer.h"

namespace axesim::reports {

/// Waveforms as a value change dump (IEEE 1364, 21.7), for GTKWave and the like: which operation
/// runs (a `string`, an extension that GTKWave and Surfer know), the array's state and what it
/// waits for, streams under way, slots in use of each buffer, reads and writes on the data bus of
/// each DRAM channel. Several clusters have a scope each. The unit of time is a picosecond; between
/// the traced operations all is at rest.
///
/// SystemC's own tracing samples signals while time passes. These are intervals that are known when
/// they are over, and DRAM commands that are decided ahead, so changes are kept until their
/// operation ends and then written in the order of time.
class VcdTrace : public TraceWriter {
public:
    /// Of hardware with this DRAM; `out` must outlive the trace.
    VcdTrace(std::ostream& out, const models::HardwareConfig& hardware);

    void begin_operation(const std::string& part, const std::string& name,
                         std::int64_t time_ps) override;
    void end_operation(std::int64_t time_ps) override;
    void finish(const std::string& note) override;

    void array(int cluster, models::ArrayState state, models::TraceInterval when) override;
    void vector_unit(int cluster, models::VectorTask task, models::TraceInterval when) override;
    void transfer(int cluster, const models::TransferTrace& transfer,
                  models::TraceInterval when) override;
    void buffer(int cluster, models::Stream stream, std::size_t slots_in_use,
                std::int64_t time_ps) override;
    void dram(int channel, const models::DramCommand& command) override;

private:
    using Signal = std::size_t;  ///< number of a declared signal
    struct Change {
        std::int64_t time_ps;
        Signal signal;
        std::uint64_t value;
    };

    Signal declare(const std::string& name, int bits);
    void scope(const std::string& name);
    void end_scope();
    /// `slots`: the most that a buffer has.
    void declare_all(int clusters, int slots);
    void set(Signal signal, std::uint64_t value, std::int64_t time_ps);
    void raise(Signal signal, models::TraceInterval when);
    void write_changes();
    void write_value(Signal signal);
    void write_operation(const std::string& text, std::int64_t time_ps);
    void raise_bus(std::size_t channel, const std::optional<DramRun>& run);
    void advance(std::int64_t time_ps);

    std::ostream& out_;
    const models::DramConfig dram_;
    std::vector<int> bits_;              ///< by signal
    std::vector<std::uint64_t> values_;  ///< by signal, as written
    Signal operation_ = 0;
    struct Cluster {
        std::array<Signal, models::kArrayStates.size()> array{};
        Signal vector_unit = 0;
        std::array<Signal, models::kStreams.size()> streams{};
        std::array<Signal, models::kBufferStreams.size()> buffers{};
    };
    Cluster declare_cluster(int slot_bits);
    Cluster& of(int cluster) { return clusters_[static_cast<std::size_t>(cluster)]; }

    std::vector<Cluster> clusters_;
    /// One channel's data bus.
    struct Channel {
        Signal read, write;
        DramRunJoiner runs;
    };
    std::vector<Channel> channels_;
    std::vector<Change> changes_;        ///< of the operation that runs
    std::int64_t time_ps_ = 0;           ///< as written
    std::int64_t operation_end_ps_ = 0;  ///< of the last one, not written until another begins
};

}  // namespace axesim::reports
