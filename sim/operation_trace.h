// SPDX-License-Identifier: Apache-2.0
// Which operations of a run a trace shows.
#pragma once

#include <cstdint>
#include <string>

#include "reports/trace/trace_writer.h"
#include "sim/commands.h"
#include "sim/layer_record.h"
#include "sim/platform.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// Connects a platform to a writer while the chosen operations run, part after part of the
/// workload.
class OperationTrace {
public:
    /// `writer` must outlive the trace.
    OperationTrace(reports::TraceWriter& writer, TraceOptions options)
        : writer_(writer), options_(std::move(options)) {}

    /// Throws UserError when no operation of such a model has a name that options.layers matches.
    void check(const workloads::LlamaShape& shape) const;

    /// The operations that follow are those of this part, as in "prefill".
    void begin_part(const std::string& name) { part_ = name; }
    /// The operation that the platform does next; nothing of it is shown unless it was chosen.
    void begin(const OperationId& id, Platform& platform);
    void end(Platform& platform);

    /// As in "12 operations"; says where it stopped, if it did at options.events.
    std::string describe() const;

private:
    reports::TraceWriter& writer_;
    const TraceOptions options_;
    std::string part_;
    bool running_ = false;  ///< an operation that is shown
    std::uint64_t shown_ = 0, left_out_ = 0;
    std::string first_left_out_;
};

}  // namespace axesim::sim
