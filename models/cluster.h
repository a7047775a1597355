// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <exception>
#include <functional>
#include <systemc>

#include "models/accelerator.h"
#include "models/compute/fma_array.h"
#include "models/compute/vector_unit.h"
#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/memory/buffer.h"
#include "models/memory/memory_interface.h"
#include "models/simulation_clock.h"

namespace axesim::models {

/// Widths of a cluster's buffers.
struct ClusterBuffers {
    BufferWidths weights, activations, outputs;
};

/// One data path: accelerator, array, vector unit, buffers and memory interface, joined.
class Cluster : public sc_core::sc_module {
public:
    /// With `has_process`, it can start() work.
    Cluster(const sc_core::sc_module_name& name, const HardwareConfig& config,
            const ClusterBuffers& buffers, const SimulationClock& clock, bool has_process);

    /// Does a command in the calling process, which waits until it is done.
    void run(GemmCommand& command);
    void run(VectorCommand& command);
    /// Starts `job` in a process of this cluster's own, so that several clusters work at once. One
    /// at a time.
    void start(std::function<void()> job);
    /// Waits until it is done; returns what it threw.
    std::exception_ptr finish();

    void measure_activity() { array_.measure_activity(); }
    /// The side of the DRAM.
    tlm_utils::simple_initiator_socket<MemoryInterface>& dram_socket() {
        return memory_interface_.dram_socket;
    }
    /// All counters of its parts since the start; the DRAM's and the cycles are not among them.
    Counts counts() const;
    /// Tells of its parts, as those of the cluster with this number; null: nobody.
    void trace_to(TraceSink* sink, int number);

private:
    SC_HAS_PROCESS(Cluster);

    void work();

    const SimulationClock& clock_;
    TileBuffer<WeightTile> weights_buffer_;
    TileBuffer<ActivationTile> activations_buffer_;
    TileBuffer<OutputTile> outputs_buffer_;
    FmaArray array_;
    VectorUnit vector_unit_;
    MemoryInterface memory_interface_;
    Accelerator accelerator_;
    tlm_utils::simple_initiator_socket<Cluster> gemm_socket_{"gemm_socket"};
    tlm_utils::simple_initiator_socket<Cluster> vector_socket_{"vector_socket"};

    std::function<void()> job_;  ///< empty: done
    std::exception_ptr error_;
    sc_core::sc_event start_, done_;
};

}  // namespace axesim::models
