// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <systemc>
#include <vector>

#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/memory/dram.h"
#include "models/simulation_clock.h"
#include "models/trace_port.h"

namespace axesim::models {

/// Moves elements of one tensor between DRAM, where they lie in the tensor's layout, and an
/// on-chip buffer. The command is done when the last element has arrived, or when it is `queued`,
/// as soon as the DRAM has taken all of its bursts.
struct TransferCommand {
    Stream stream = Stream::weights;
    bool write = false;         ///< false: DRAM to chip
    bool metadata = false;      ///< scales, zero points, sums: counted apart from elements
    std::uint64_t address = 0;  ///< where the tensor starts in DRAM, bytes, a multiple of a burst
    PackingFormat format;
    bool is_signed = true;
    std::int64_t first_element = 0;  ///< within the tensor
    std::int64_t elements = 0;
    /// Their values on the chip's side, in one of the two. With both empty nothing but time passes:
    /// the bits are moved and counted, whatever they are.
    std::span<std::int16_t> narrow;
    std::span<std::int32_t> wide;

    bool queued = false;
    /// The first burst may be the last of this stream's command before, a read of the same tensor:
    /// it is still here then, and not moved again.
    bool continues = false;
    std::uint64_t done_cycle = 0;  ///< result: when the last element arrives

    bool has_values() const { return !narrow.empty() || !wide.empty(); }
};

/// The bits that a run of elements occupies and the whole bursts that hold them.
struct BurstRange {
    std::uint64_t first_burst = 0;  ///< relative to the tensor's start
    std::uint64_t bursts = 0;
    std::uint64_t used_bits = 0;  ///< from the first to the last bit of the run
};
BurstRange bursts_of(const PackingFormat& format, std::int64_t first_element, std::int64_t elements,
                     int burst_bits);

/// The bytes of a run's bursts on their way through the interface, placed so that packing can start
/// at a whole period of the layout (a byte that starts an element) at or before the run.
struct StagedRun {
    StagedRun(const TransferCommand& command, const BurstRange& range, int burst_bits);

    std::span<std::byte> bursts(std::uint64_t first, std::uint64_t count);
    void pack(const TransferCommand& command);
    void unpack(const TransferCommand& command) const;

private:
    std::vector<std::byte> bytes_;
    std::uint64_t burst_bytes_ = 0;
    std::uint64_t lead_ = 0;            ///< bytes before the first burst
    std::uint64_t period_begin_ = 0;    ///< byte at which the period starts
    std::int64_t first_in_period_ = 0;  ///< the run's first element, counted from there
};

/// The memory interface: packs and unpacks elements, moves whole bursts of bus_bits x burst_beats,
/// and lets streams take turns after batch_bursts bursts. Up to kOutstanding batches are queued at
/// the DRAM, so that a stream pays its latency once. Partial bursts are written masked, but their
/// whole length is transferred and counted.
///
/// Other interfaces may write to the same burst meanwhile. The bits of a write are merged into the
/// DRAM in one step, as its debug transport, when the command comes: TLM's byte enables could not
/// mask parts of a byte. The timed writes carry no data.
class MemoryInterface : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<MemoryInterface> command_socket{"command_socket"};
    tlm_utils::simple_initiator_socket<MemoryInterface> dram_socket{"dram_socket"};

    MemoryInterface(const sc_core::sc_module_name& name, const MemoryInterfaceConfig& config,
                    const SimulationClock& clock);

    const TrafficCounts& traffic(Stream stream) const {
        return traffic_[static_cast<std::size_t>(stream)];
    }
    /// Bits of the bursts that went over the DRAM's pins for this stream.
    std::uint64_t dram_bits(Stream stream) const { return traffic(stream).transferred_bits; }
    /// Tells of every transfer; null: nobody.
    void trace_to(TraceSink* sink, int cluster) { trace_.connect(sink, cluster); }

private:
    SC_HAS_PROCESS(MemoryInterface);

    struct Request {
        TransferCommand* command;
        BurstRange range;
        std::optional<StagedRun> staged;  ///< of a command with values
        std::uint64_t bursts_done = 0;
        std::uint64_t bursts_kept = 0;  ///< of these, that were here before
        std::uint64_t asked_cycle = 0, done_cycle = 0;
        sc_core::sc_event done;
    };

    /// The burst that a stream's reads ended in, [address, its bytes].
    struct LastBurst {
        std::uint64_t address = ~std::uint64_t{0};
        std::vector<std::byte> bytes;
    };

    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void take_kept_burst(Request& request);
    void keep_last_burst(Request& request);
    void serve();
    void look_ahead();
    void advance_to(std::uint64_t cycle);
    Request* next_request();
    void move_batch(Request& request);
    void count(const Request& request);
    void store(Request& request);
    void move_bursts(Request& request, std::uint64_t first, std::uint64_t count,
                     tlm::tlm_command direction);

    static constexpr std::size_t kOutstanding = 4;

    MemoryInterfaceConfig config_;
    const SimulationClock& clock_;
    TracePort trace_;
    std::array<std::deque<Request*>, kStreams.size()> queues_;
    std::size_t turn_ = 0;  ///< the stream that may go next
    sc_core::sc_event work_;
    // Where serve() stands, ahead of SystemC's time while nobody could notice; that time; and the
    // cycle from which on somebody could.
    std::uint64_t cycle_ = 0, now_ = 0, noticed_ = 0;
    std::array<std::uint64_t, kOutstanding> accepted_{};  ///< cycles when batches left the queue
    std::size_t batches_ = 0;
    tlm::tlm_generic_payload payload_;                       ///< of one batch after the other
    DramAcceptExtension* accept_ = new DramAcceptExtension;  ///< the payload's, which deletes it
    std::uint64_t bus_free_ = 0;  ///< cycle at which the on-chip bus has moved all batches so far
    std::array<LastBurst, kStreams.size()> last_burst_;
    std::array<std::uint64_t, kStreams.size()> arrived_{};  ///< cycle of a stream's last element
    std::array<TrafficCounts, kStreams.size()> traffic_;
};

}  // namespace axesim::models
