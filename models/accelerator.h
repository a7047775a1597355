// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <optional>
#include <systemc>

#include "models/compute/fma_array.h"
#include "models/compute/gemm.h"
#include "models/compute/vector_unit.h"
#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/mapping.h"
#include "models/memory/buffer.h"
#include "models/memory/memory_interface.h"
#include "models/simulation_clock.h"
#include "models/trace_port.h"

namespace axesim::models {

/// Words of metadata that a row of an operand has, and how words lie in memory.
inline constexpr int kMetadataWords = 2;
inline constexpr int kMetadataWordsWithBias = 3;
inline constexpr PackingFormat kWordFormat{.layout = Layout::packed, .element_bits = 32};

/// Scales of tiles in memory; the accumulators have groups. Exponents where scales are powers of
/// two.
inline PackingFormat tile_scale_format(const AccumulatorFormat& accumulator) {
    return {.layout = Layout::packed, .element_bits = tile_scale_bits(accumulator.groups)};
}
std::int32_t tile_scale_word(WeightGroups groups, std::uint8_t scale);
std::uint8_t tile_scale_of(WeightGroups groups, std::int32_t word);

/// An operand in DRAM: its elements, row after row in one stream, and two 32-bit words a row (scale
/// as float32; zero point of a token or sum of scaled codes of a channel), or with a bias as
/// float32 three, in another. Weights in groups have a third: the scale of each row and
/// accumulation tile, row after row.
struct OperandRef {
    std::uint64_t address = 0;
    std::uint64_t metadata_address = 0;
    int metadata_words = kMetadataWords;  ///< a row
    std::uint64_t tile_scales_address = 0;
    Index tiles_per_row = 0;  ///< accumulation tiles; 0: no groups
    Index first_row = 0;      ///< of these rows among those that lie at the addresses
    Index rows = 0, columns = 0;
    PackingFormat format;
    bool is_signed = true;
    bool from_kv_cache = false;  ///< counted as such
    /// Elements lie column after column (from the first row on): values of a KV cache.
    bool depth_first = false;

    bool has_bias() const { return metadata_words == kMetadataWordsWithBias; }
};

/// Elements that follow each other in DRAM.
struct TensorRun {
    Stream stream = Stream::outputs;
    bool metadata = false;
    std::uint64_t address = 0;
    PackingFormat format;
    std::int64_t first_element = 0;  ///< of those that lie there
    std::int64_t elements = 0;
    bool for_all_rows = false;  ///< not a share for each row of a pass: all rows need all of it
};

/// What follows a row's scale in its metadata: an activation's zero point, the sum of the codes
/// where the row takes a weight's place, or nothing.
enum class RowWord { zero_point, sum, none };

/// Rotates (if asked to) and quantizes rows of `input` [.., K], and writes codes and metadata to
/// `destination` from `first_row` on.
struct Quantization {
    const Matrix<float>* input = nullptr;  ///< may be null where only time passes
    Index input_row = 0;                   ///< the first of them
    Index rows = 0, columns = 0;           ///< columns: K
    /// Which of the pass's rows these belong to: from which one on, and how many to each.
    Index first_pass_row = 0, rows_a_pass_row = 1;
    const Hadamard* rotation = nullptr;
    ActivationFormat format;
    std::span<const StaticRange> ranges;
    OperandRef destination;
    Index first_row = 0;
    RowWord row_word = RowWord::zero_point;
};

/// Values in the output format on their way to DRAM.
struct ValueRun {
    std::uint64_t address = 0;
    std::int64_t first_element = 0;  ///< of those that lie there
    std::int64_t elements = 0;
    std::vector<std::int32_t> words;  ///< empty without values
};

/// One pass of the vector unit: rows come in, are worked on and quantized, and go out, each of them
/// while others are under way. The host knows the values that come in.
struct VectorCommand {
    Index rows = 1;  ///< that do not need each other: what clusters divide
    std::vector<TensorRun> reads;
    VectorWork work;
    std::vector<Quantization> quantizations;
    std::vector<ValueRun> writes;
    bool has_values = true;  ///< false: only time passes
    CycleCounts cycles;      ///< result
};

/// outputs [m, n] = activations [m, k] x weights [n, k]^T, scaled back and written to
/// `output_address` tile after tile (or as raw 64-bit accumulators). The operands' widths are those
/// of `format`, which the hardware must be wide enough for.
struct GemmCommand {
    OperandRef weights, activations;
    GemmFormat format;
    std::uint64_t output_address = 0;
    std::int64_t first_output = 0;  ///< results that lie there before these
    bool raw_accumulators = false;
    bool has_values = true;           ///< false: only time passes and events are counted
    Mapping mapping;                  ///< result
    CycleCounts cycles;               ///< result
    AccumulatorObservation observed;  ///< result

    GemmShape shape() const { return {activations.rows, weights.rows, weights.columns}; }
};

/// Where the tile at (first_m, first_n) starts in a GEMM's output stream, in results: tiles lie one
/// after the other, all tiles of a panel of tokens together.
std::int64_t output_offset(const GemmShape& shape, Index first_m, Index m, Index first_n);

/// The controller: takes commands from the host, cuts a GEMM into tiles and keeps three things
/// going at once for different tiles: operands coming in, the array, results going out.
class Accelerator : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<Accelerator> gemm_socket{"gemm_socket"};
    tlm_utils::simple_target_socket<Accelerator> vector_socket{"vector_socket"};
    tlm_utils::simple_initiator_socket<Accelerator> memory_socket{"memory_socket"};
    tlm_utils::simple_initiator_socket<Accelerator> array_socket{"array_socket"};
    tlm_utils::simple_initiator_socket<Accelerator> scale_socket{"scale_socket"};
    tlm_utils::simple_initiator_socket<Accelerator> vector_quantize_socket{
        "vector_quantize_socket"};
    tlm_utils::simple_initiator_socket<Accelerator> vector_work_socket{"vector_work_socket"};

    Accelerator(const sc_core::sc_module_name& name, const HardwareConfig& config,
                const SimulationClock& clock, TileBuffer<WeightTile>& weights_buffer,
                TileBuffer<ActivationTile>& activations_buffer,
                TileBuffer<OutputTile>& outputs_buffer);

    /// Tells what the array waits for between tiles, and what the vector unit does; null: nobody.
    void trace_to(TraceSink* sink, int cluster) { trace_.connect(sink, cluster); }

private:
    SC_HAS_PROCESS(Accelerator);

    struct Job;
    template <class Element>
    class KnownTiles;

    void gemm(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void vector(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void read(const TensorRun& run);
    void pass_through_buffer(const TensorRun& run);
    std::uint64_t quantize(const Quantization& quantization, bool has_values);
    void write_metadata(const Quantization& quantization, const QuantizedActivations& codes);
    void load_weights();
    void load_activations();
    void store_outputs();
    void run_array(Job& job);
    template <class Element>
    void load_operand(const OperandRef& operand, Stream stream, Index first_row, Index rows,
                      Index first_column, Index columns, KnownTiles<Element>& known_tiles,
                      TileBuffer<OperandTile<Element>>& buffer, OperandTile<Element>& tile);
    static std::uint64_t result_bits(const Job& job, const OutputTile& tile);
    int slot_bits(Stream stream) const;
    std::uint64_t fetch(TransferCommand& transfer, tlm::tlm_generic_payload& payload);
    std::uint64_t load_tile_scales(const OperandRef& operand, Stream stream, Index first_row,
                                   Index rows, Index first_column, Index columns, bool has_values,
                                   TileScales& tile_scales);

    static constexpr int kMaxSlots = kMaxPrefetchTiles + 1;

    const HardwareConfig& config_;
    const SimulationClock& clock_;
    TracePort trace_;
    TileBuffer<WeightTile>& weights_buffer_;
    TileBuffer<ActivationTile>& activations_buffer_;
    TileBuffer<OutputTile>& outputs_buffer_;
    Job* job_ = nullptr;
    sc_core::sc_event start_;
    sc_core::sc_event stored_;
    sc_core::sc_fifo<std::size_t> weights_ready_{"weights_ready", kMaxSlots};
    sc_core::sc_fifo<std::size_t> activations_ready_{"activations_ready", kMaxSlots};
    sc_core::sc_fifo<std::size_t> outputs_ready_{"outputs_ready", kMaxSlots};
};

}  // namespace axesim::models
