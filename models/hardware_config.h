// SPDX-License-Identifier: Apache-2.0
// One design point of the hardware, as typed values. sim/config/ makes it from YAML.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <string>

#include "common/integer_format.h"
#include "models/compute/activation_quantizer.h"
#include "models/compute/gemm.h"
#include "models/memory/dram_config.h"
#include "models/memory/packing.h"

namespace axesim::models {

enum class Dataflow { output_stationary, weight_stationary };

/// What the scaling unit writes to memory.
enum class OutputFormat { float32, float16, bfloat16 };

/// Bits of one result as it is written to memory.
inline int output_bits(OutputFormat format) { return format == OutputFormat::float32 ? 32 : 16; }

/// What rows and columns are to a dataflow, see compute/array_dataflow.h.
struct ArrayConfig {
    int rows = 32;
    int columns = 32;        ///< output channels in flight
    int pipeline_depth = 1;  ///< stages of a unit, from its operands to its accumulator
};

struct BufferConfig {
    std::int64_t weights_kib = 256;
    std::int64_t activations_kib = 256;
    std::int64_t outputs_kib = 128;
    bool double_buffered = true;
    int banks = 1;  ///< of each buffer, equal, words taking turns
    int ports = 2;  ///< 1: a bank reads or writes a word a cycle; 2: it does both
    /// Bits of a bank's word; 0: what the array takes or gives in a step.
    int weights_word_bits = 0, activations_word_bits = 0, outputs_word_bits = 0;

    /// Whether filling a buffer and working from it meet at the same ports. With two banks or more,
    /// the halves of a double buffer lie in different ones.
    bool halves_apart() const { return double_buffered && banks > 1; }
    bool filling_takes_turns() const { return ports == 1 && !halves_apart(); }
    /// Of words read and written, those that pass the ports that most of them pass.
    std::uint64_t port_words(std::uint64_t reads, std::uint64_t writes) const {
        return ports == 1 ? reads + writes : std::max(reads, writes);
    }
    /// Banks that serve the array at a time.
    int banks_in_use() const { return ports == 1 && halves_apart() ? banks / 2 : banks; }
};

/// Of one buffer: bits of a bank's word, and bits that the array takes or gives in a step.
struct BufferWidths {
    int word_bits = 0, step_bits = 0;
};

enum class OuterLoop { automatic, weights, activations };

/// What the user decides of the mapping of every GEMM; 0: left to the mapper. Tiles larger than a
/// GEMM are cut to it.
struct MappingConfig {
    std::int64_t tokens = 0, outputs = 0, depth = 0;
    OuterLoop outer_loop = OuterLoop::automatic;
};

struct VectorUnitConfig {
    int lanes = 0;  ///< 0: one a column of the array
};

/// How the transfers that fill a tile follow each other.
enum class TransferPolicy {
    per_row,   ///< one a row of the tile, asked for when the one before it has arrived
    per_tile,  ///< one for rows that follow each other in memory, else as per_row
    /// As per_tile, but queued behind each other without a wait, also those of the next tile; a
    /// burst in which one row of a tile ends and the next begins is moved once.
    coalesced,
};

inline constexpr int kMaxPrefetchTiles = 15;

struct MemoryInterfaceConfig {
    Layout layout = Layout::packed;
    int word_bits = 64;  ///< aligned_fields only
    int bus_bits = 256;  ///< one beat a clock cycle
    int burst_beats = 8;
    int batch_bursts = 4;  ///< bursts of one stream before another stream may take the bus
    TransferPolicy transfers = TransferPolicy::per_tile;
    int prefetch_tiles = 1;  ///< tiles that a double-buffered operand is loaded ahead

    int burst_bits() const { return bus_bits * burst_beats; }
};

/// How one GEMM is divided among clusters.
enum class ClusterSplit {
    output_channels,  ///< each has some channels' weights, and all activations
    tokens,           ///< each has some tokens' activations, and all weights
};

/// Between the memory interfaces of several clusters and the DRAM that they share.
struct InterconnectConfig {
    int bits_per_cycle = 512;  ///< of read data, and as many of written data, of all clusters
    int latency_cycles = 4;    ///< each way
};

/// The integers of one layer: what is multiplied, and how products are summed.
struct LayerFormat {
    int weight_bits = 8;          ///< M
    bool weights_narrow = false;  ///< codes are +-(2^(M-1)-1)
    ActivationFormat activations;
    AccumulatorFormat accumulator;

    IntegerRange weight_codes() const {
        return weights_narrow ? narrow_range(weight_bits) : signed_range(weight_bits);
    }
    GemmFormat gemm() const { return {weight_codes(), activations.codes(), accumulator}; }

    auto operator<=>(const LayerFormat&) const = default;
};

/// The hardware is built for the LayerFormat that it is: that of all layers, or the widest of them.
/// A layer of fewer bits has these in memory and on the bus. At the interface its operands are
/// extended to the width of the buffers and multipliers, whose upper bits then rest, and its
/// accumulators wrap or saturate at their own width. The cycles of the array do not depend on it.
struct HardwareConfig : LayerFormat {
    double clock_mhz = 1000;
    Dataflow dataflow = Dataflow::output_stationary;
    OutputFormat output_format = OutputFormat::float16;
    ArrayConfig array;
    BufferConfig buffers;
    MappingConfig mapping;
    VectorUnitConfig vector_unit;
    MemoryInterfaceConfig memory_interface;
    DramConfig dram;
    /// Equal data paths, each with all of the above but the DRAM, which they share.
    int clusters = 1;
    ClusterSplit cluster_split = ClusterSplit::output_channels;
    InterconnectConfig interconnect;  ///< of several clusters

    const LayerFormat& layer_format() const { return *this; }
    int vector_lanes() const { return vector_unit.lanes > 0 ? vector_unit.lanes : array.columns; }
};

}  // namespace axesim::models
