// SPDX-License-Identifier: Apache-2.0
// What the modules count while they run. Energy and the memory figures of a report are computed
// from these and from nothing else.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>

namespace axesim::models {

/// Traffic classes of the memory interface and the DRAM. `outputs` is every value in the output
/// format: results, and what the vector unit reads and writes. Keys and values are read through the
/// buffer of the weights.
enum class Stream { weights, activations, outputs, kv_cache };
constexpr std::array<Stream, 4> kStreams{Stream::weights, Stream::activations, Stream::outputs,
                                         Stream::kv_cache};
/// Those that have a buffer and a packer of their own.
constexpr std::array<Stream, 3> kBufferStreams{Stream::weights, Stream::activations,
                                               Stream::outputs};

/// Accesses of one SRAM buffer, in whole words of its port.
struct BufferCounts {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
};

/// Bits on the memory interface. transferred = payload + metadata + padding + burst_tail.
struct TrafficCounts {
    std::uint64_t payload_bits = 0;     ///< the elements themselves
    std::uint64_t metadata_bits = 0;    ///< scales, zero points, weight sums
    std::uint64_t padding_bits = 0;     ///< containers wider than their element, unused word ends
    std::uint64_t burst_tail_bits = 0;  ///< rest of bursts that a transfer only partly needed
    std::uint64_t transferred_bits = 0;
    std::uint64_t bursts = 0;
};

struct DramCounts {
    std::uint64_t row_hits = 0;    ///< atoms that found their row open
    std::uint64_t row_misses = 0;  ///< atoms that needed an activate
    std::uint64_t activates = 0;
    std::uint64_t refreshes = 0;
    std::uint64_t read_bits = 0;  ///< whole atoms
    std::uint64_t written_bits = 0;
};

/// Bits that crossed the interconnect between clusters and DRAM. All 0 with one cluster.
struct InterconnectCounts {
    std::uint64_t read_bits = 0;
    std::uint64_t written_bits = 0;
};

/// Bits that toggled in the units that formed products, and that would have with the operands that
/// unit energies are measured with (compute/activity.h). All 0 where nobody watched.
struct ActivityCounts {
    std::uint64_t partial_product_toggles = 0;
    std::uint64_t accumulator_toggles = 0;
    std::uint64_t nominal_partial_product_toggles = 0;
    std::uint64_t nominal_accumulator_toggles = 0;
};

struct ComputeCounts {
    std::uint64_t macs = 0;              ///< useful multiply-accumulates (m n k)
    std::uint64_t multiplies = 0;        ///< products formed, idle lanes of short steps excluded
    std::uint64_t inner_steps = 0;       ///< adds into an inner accumulator (one per step)
    std::uint64_t outer_adds = 0;        ///< adds into an outer accumulator (one per tile)
    std::uint64_t weight_shifts = 0;     ///< held weights that entered a register on their way in
    std::uint64_t outer_shifts = 0;      ///< outer sums that entered a register between tiles
    std::uint64_t scaled_outputs = 0;    ///< results scaled back and converted
    std::uint64_t bias_adds = 0;         ///< biases added to these
    std::uint64_t quantized_values = 0;  ///< activations turned into codes
    std::uint64_t rotation_adds = 0;     ///< additions of online Hadamard rotations
    std::uint64_t vector_adds = 0;       ///< additions of the vector unit's other functions
    std::uint64_t vector_multiplies = 0;
    std::uint64_t vector_steps = 0;  ///< lane-cycles of everything that the vector unit does
    ActivityCounts activity;
};

/// Where the cycles of an operation went: cycles = busy + fill_drain + the stalls. Of several
/// clusters, `cycles` end with the last of them, and each cause is the mean over the clusters.
struct CycleCounts {
    std::uint64_t cycles = 0;
    std::uint64_t busy = 0;            ///< products enter the array's accumulators
    std::uint64_t fill_drain = 0;      ///< held weights shift in, the pipeline fills or drains
    std::uint64_t stall_dram = 0;      ///< the array waits for operands, or results for the DRAM
    std::uint64_t stall_buffer = 0;    ///< ... for room in the output buffer, or a port of a buffer
    std::uint64_t stall_vector = 0;    ///< the array waits for activations to be quantized
    std::uint64_t stall_clusters = 0;  ///< the cluster has done its part, and waits for others
};

struct Counts {
    CycleCounts cycles;
    ComputeCounts compute;
    BufferCounts weights_buffer, activations_buffer, outputs_buffer;
    std::array<TrafficCounts, kStreams.size()> traffic;      ///< indexed by Stream
    std::array<std::uint64_t, kStreams.size()> dram_bits{};  ///< whole atoms, indexed by Stream
    DramCounts dram;
    InterconnectCounts interconnect;

    TrafficCounts total_traffic() const;
};

/// Sums and differences, counter by counter. Every struct above holds nothing but 64-bit counters.
template <class C>
C combined(const C& a, const C& b, bool subtract) {
    using Raw = std::array<std::uint64_t, sizeof(C) / sizeof(std::uint64_t)>;
    Raw sum = std::bit_cast<Raw>(a);
    const Raw other = std::bit_cast<Raw>(b);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += subtract ? 0 - other[i] : other[i];
    return std::bit_cast<C>(sum);
}
template <class C>
concept CounterStruct = std::same_as<C, Counts> || std::same_as<C, CycleCounts> ||
    std::same_as<C, ComputeCounts> || std::same_as<C, ActivityCounts> ||
    std::same_as<C, BufferCounts> || std::same_as<C, TrafficCounts> ||
    std::same_as<C, DramCounts> || std::same_as<C, InterconnectCounts>;
template <CounterStruct C>
C& operator+=(C& a, const C& b) {
    return a = combined(a, b, false);
}
template <CounterStruct C>
C operator-(const C& a, const C& b) {
    return combined(a, b, true);
}

/// Every counter `times` as often.
template <CounterStruct C>
C operator*(const C& counts, std::uint64_t times) {
    auto raw = std::bit_cast<std::array<std::uint64_t, sizeof(C) / sizeof(std::uint64_t)>>(counts);
    for (std::uint64_t& counter : raw) counter *= times;
    return std::bit_cast<C>(raw);
}

inline TrafficCounts Counts::total_traffic() const {
    TrafficCounts total;
    for (const TrafficCounts& stream : traffic) total += stream;
    return total;
}

}  // namespace axesim::models
