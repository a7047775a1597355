// SPDX-License-Identifier: Apache-2.0
// What a trace's writers share: the operations that events belong to, and names.
#pragma once

#include <cstdint>
#include <string>

#include "models/trace.h"

namespace axesim::reports {

/// Writes events to a stream as they come; at the most those of one operation are kept. Operations
/// follow each other in time; every event belongs to the one that runs. Events outside of all are
/// not to be sent.
class TraceWriter : public models::TraceSink {
public:
    /// An operation of this name begins; `part` is that of the workload: "prefill", "decode".
    virtual void begin_operation(const std::string& part, const std::string& name,
                                 std::int64_t time_ps) = 0;
    virtual void end_operation(std::int64_t time_ps) = 0;
    /// Ends the file. `note` stands in it: what it shows, and what not.
    virtual void finish(const std::string& note) = 0;
    /// Written so far; what the size of the file goes by.
    std::uint64_t events() const { return events_; }

protected:
    void count_event() { ++events_; }

private:
    std::uint64_t events_ = 0;
};

/// "weights", "activations", "outputs", "kv_cache".
const char* trace_name(models::Stream stream);
/// "busy", "fill_drain", "stall_dram", "stall_buffer", "stall_vector".
const char* trace_name(models::ArrayState state);

}  // namespace axesim::reports
