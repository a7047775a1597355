// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "models/simulation_clock.h"
#include "models/trace.h"

namespace axesim::models {

/// A module's way to its observer: tells it cycles as times, and nothing where nobody observes or
/// nothing took time. Intervals are [begin, end) in clock cycles.
class TracePort {
public:
    explicit TracePort(const SimulationClock& clock) : clock_(clock) {}

    /// Null: nobody. The sink must outlive the events, which are those of this cluster.
    void connect(TraceSink* sink, int cluster) {
        sink_ = sink;
        cluster_ = cluster;
    }

    void array(ArrayState state, std::uint64_t begin, std::uint64_t end) const {
        if (sink_ != nullptr && end > begin) sink_->array(cluster_, state, interval(begin, end));
    }
    void vector_unit(VectorTask task, std::uint64_t begin, std::uint64_t end) const {
        if (sink_ != nullptr && end > begin)
            sink_->vector_unit(cluster_, task, interval(begin, end));
    }
    void transfer(const TransferTrace& transfer, std::uint64_t begin, std::uint64_t end) const {
        if (sink_ != nullptr && end > begin)
            sink_->transfer(cluster_, transfer, interval(begin, end));
    }

private:
    TraceInterval interval(std::uint64_t begin, std::uint64_t end) const {
        return {clock_.picoseconds(begin), clock_.picoseconds(end)};
    }

    const SimulationClock& clock_;
    TraceSink* sink_ = nullptr;
    int cluster_ = 0;
};

}  // namespace axesim::models
