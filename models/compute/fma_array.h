// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <optional>
#include <systemc>

#include "models/compute/activity.h"
#include "models/compute/array_dataflow.h"
#include "models/compute/gemm.h"
#include "models/compute/prepared_tiles.h"
#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/mapping.h"
#include "models/memory/buffer.h"
#include "models/simulation_clock.h"
#include "models/trace_port.h"

namespace axesim::models {

/// One tile of outputs, or one chunk of its depth. `outer` is written when the last chunk is done.
struct ComputeTileCommand {
    const WeightTile* weights = nullptr;
    const ActivationTile* activations = nullptr;
    const GemmFormat* format = nullptr;  ///< of the layer, no wider than the array
    Visit visit;
    Index depth = 0;                             ///< K of the whole dot product
    Matrix<std::int64_t>* outer = nullptr;       ///< result [m, n]; null: no values, only time
    AccumulatorObservation* observed = nullptr;  ///< merged into, places relative to the GEMM
    std::size_t output_slot = 0;                 ///< result of the last chunk: where outputs go
    CycleCounts cycles;                          ///< result: what this command took
};

/// rows x columns x lanes multipliers of M x N bits with two-stage accumulators. The cycles are
/// those of the dataflow (array_dataflow.h), the values those of gemm.h in the layer's own format;
/// the SRAM words of operands and partial sums are counted as they are read and written.
class FmaArray : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<FmaArray> command_socket{"command_socket"};

    FmaArray(const sc_core::sc_module_name& name, const HardwareConfig& config,
             const SimulationClock& clock, TileBuffer<WeightTile>& weights_buffer,
             TileBuffer<ActivationTile>& activations_buffer,
             TileBuffer<OutputTile>& outputs_buffer);

    const ComputeCounts& counts() const { return counts_; }
    /// From now on the activity of the units is counted too, where there are values.
    void measure_activity() { meter_.emplace(config_.dataflow); }
    /// Tells of the tiles' cycles; null: nobody.
    void trace_to(TraceSink* sink, int cluster) { trace_.connect(sink, cluster); }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void run(ComputeTileCommand& command, const ArrayWork& work);
    void wait_taking_turns(std::uint64_t cycles);
    void trace(std::uint64_t begin, std::uint64_t fill_drain, std::uint64_t busy) const;
    void count(const ComputeTileCommand& command, const ArrayWork& work);
    void multiply(const ComputeTileCommand& command);
    void forget_tiles();

    const HardwareConfig& config_;
    const SimulationClock& clock_;
    TracePort trace_;
    TileBuffer<WeightTile>& weights_buffer_;
    TileBuffer<ActivationTile>& activations_buffer_;
    TileBuffer<OutputTile>& outputs_buffer_;
    /// Of the tile that is being multiplied, as far as its depth has come.
    std::vector<PreparedTiles<PreparedWeights, std::int16_t>::Contents> weight_chunks_;
    std::vector<PreparedTiles<PreparedActivations, std::int32_t>::Contents> activation_chunks_;
    PreparedTiles<PreparedWeights, std::int16_t> prepared_weights_;
    PreparedTiles<PreparedActivations, std::int32_t> prepared_activations_;
    std::optional<ActivityMeter> meter_;
    ComputeCounts counts_;
};

}  // namespace axesim::models
