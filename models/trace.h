// SPDX-License-Identifier: Apache-2.0
// What the hardware tells whoever wants to watch it. Modules have no observer by default and then
// tell nothing; observing changes no time and no value. Times are picoseconds of simulated time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "models/counts.h"
#include "models/memory/dram_banks.h"

namespace axesim::models {

/// What the array does, or waits for: the parts of CycleCounts. An array whose cluster has done its
/// part of an operation is in none of them.
enum class ArrayState { busy, fill_drain, stall_dram, stall_buffer, stall_vector };
constexpr std::array<ArrayState, 5> kArrayStates{ArrayState::busy, ArrayState::fill_drain,
                                                 ArrayState::stall_dram, ArrayState::stall_buffer,
                                                 ArrayState::stall_vector};

/// What the vector unit's lanes do: scale back a tile of results, or one pass between products
/// (norms, softmax, quantization, ...).
enum class VectorTask { scale, pass };

/// From `begin_ps` to before `end_ps`.
struct TraceInterval {
    std::int64_t begin_ps = 0, end_ps = 0;
};

/// A run of elements over the memory interface, from when it is asked for and the run before it in
/// its stream has arrived, until its last element has. Runs that lay in bursts which came for
/// others take no time and are not told.
struct TransferTrace {
    Stream stream = Stream::weights;
    bool write = false;
    bool metadata = false;
    std::uint64_t payload_bits = 0;  ///< of the elements
    std::uint64_t moved_bits = 0;    ///< of the bursts that hold them
};

/// Each call is one event; none is empty. `cluster` counts from 0. Those of one unit (an array, a
/// vector unit, a stream of a cluster, a bank) come in the order of time and do not overlap.
/// Intervals come when they have ended, DRAM commands when they are decided, ahead of their time:
/// events of different units do not come in order.
class TraceSink {
public:
    virtual ~TraceSink() = default;

    /// The array. One tile's cycles are told by cause, at most once each between two waits for a
    /// buffer's slot: folds fill, work and drain by turns, which is not told apart.
    virtual void array(int cluster, ArrayState state, TraceInterval when) = 0;
    virtual void vector_unit(int cluster, VectorTask task, TraceInterval when) = 0;
    virtual void transfer(int cluster, const TransferTrace& transfer, TraceInterval when) = 0;
    /// From now on so many slots of the buffer of weights, activations or outputs hold a tile.
    virtual void buffer(int cluster, Stream of, std::size_t slots_in_use, std::int64_t time_ps) = 0;
    virtual void dram(int channel, const DramCommand& command) = 0;
};

}  // namespace axesim::models
