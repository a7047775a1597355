// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <systemc>

#include "models/accelerator.h"
#include "models/cluster.h"
#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/memory/dram.h"
#include "models/memory/interconnect.h"
#include "models/simulation_clock.h"

namespace axesim::sim {

/// What a platform's DRAM must hold beside the weights: the largest operands of any one GEMM.
struct PlatformSize {
    std::uint64_t weight_bytes = 0;  ///< sum of Platform::weight_bytes over all matrices
    Index max_tokens = 1, max_depth = 1, max_outputs = 1;
    std::uint64_t other_bytes = 0;  ///< what Platform::allocate will be asked for
    /// False: timing only. The DRAM has no contents, operands and results have no values; time and
    /// all counters but overflows are the same, since they depend on no value.
    bool has_values = true;
    bool measures_activity = false;  ///< counts the toggles of the array's operands too
};

/// What one GEMM on the hardware took and saw.
struct GemmReport {
    models::GemmShape shape;
    models::GemmShape part;   ///< what the first cluster did of it, which is the largest part
    models::Mapping mapping;  ///< of that part
    models::CycleCounts cycles;
    models::AccumulatorObservation observed;

    /// The mapping in words.
    std::string describe_mapping() const;
};

/// The modules of one design point, joined: host -> accelerator -> array, vector unit, buffers,
/// memory interface -> DRAM. Of several clusters each has all of these but the DRAM, to which an
/// interconnect leads; they work at the same time on parts of each operation (work_division.h), and
/// the operation is done when the last of them is. One platform a process (SystemC has one kernel);
/// the host program runs in a SystemC process and calls the methods below, which suspend it until
/// the hardware is done.
/// A `format` is that of the layer that runs, no wider than `config`, which may stand for it.
class Platform : public sc_core::sc_module {
public:
    Platform(const sc_core::sc_module_name& name, const models::HardwareConfig& config,
             const PlatformSize& size);
    ~Platform() override;

    /// Bytes of DRAM that a platform of this size has.
    static std::uint64_t dram_bytes(const PlatformSize& size, const models::HardwareConfig& config);

    /// Bytes of DRAM that a weight matrix [channels, depth] takes with its scales and biases.
    static std::uint64_t weight_bytes(Index channels, Index depth,
                                      const models::LayerFormat& format,
                                      const models::HardwareConfig& config, bool has_bias = false);

    /// What a tensor of this many bytes or elements takes of DRAM: whole bursts and atoms.
    static std::uint64_t whole_bytes(std::uint64_t bytes, const models::HardwareConfig& config);
    static std::uint64_t element_bytes(std::int64_t elements, int bits,
                                       const models::HardwareConfig& config);

    /// Runs `program` as the host's process until it returns; rethrows what it throws. Once.
    void run(std::function<void()> program);

    /// The place of weights [channels, depth] in DRAM; with groups, `tiles_per_row` for each
    /// channel. Nothing is written there.
    models::OperandRef reserve_weights(Index channels, Index depth,
                                       const models::LayerFormat& format, bool has_bias);
    /// Packs weights [channels, depth] into DRAM before time starts (loading a model is not part
    /// of a measurement). `step` has one scale a channel; `tile_scales` [channels, tiles] or,
    /// without groups, empty; `bias` one a channel, or empty. Throws UserError when a channel's sum
    /// of scaled codes needs more than the 32 bits that the zero-point correction has.
    models::OperandRef store_weights(const Matrix<std::int16_t>& codes,
                                     const std::vector<double>& step,
                                     const models::LayerFormat& format,
                                     const TileScales& tile_scales = {},
                                     const std::vector<double>& bias = {});
    /// The same for ready activation codes [tokens, depth], with step 1 and zero point 0.
    models::OperandRef store_activations(const Matrix<std::int32_t>& codes,
                                         const models::LayerFormat& format);

    /// Takes room in DRAM, at the start of a burst. Throws RunError when PlatformSize left none.
    std::uint64_t allocate(std::uint64_t bytes);
    /// Writes 32-bit words before time starts.
    void store_words(std::uint64_t address, std::vector<std::int32_t> words);
    /// What lies in DRAM now, without taking time; zeros where there are no values.
    std::vector<std::int32_t> read_words(std::uint64_t address, std::int64_t words, int bits);
    models::PackingFormat element_format(int bits) const;
    /// Values in the output format that lie there.
    models::TensorRun values_at(std::uint64_t address, std::int64_t elements) const;
    /// The same, of which every row of a pass needs all.
    models::TensorRun constants_at(std::uint64_t address, std::int64_t elements) const;

    /// Timed: one pass of the vector unit.
    void vector_pass(models::VectorCommand command);
    /// Timed: rotates (unless `rotation` is null) and quantizes activations [tokens, depth] (null
    /// where there are no values), to `ranges` or (when there are none) to each row's own, and
    /// writes them to DRAM, at the end of `pass`, which holds what else that pass of the vector
    /// unit does.
    models::OperandRef quantize(const Matrix<float>* input, Index tokens, Index depth,
                                const models::Hadamard* rotation,
                                std::span<const models::StaticRange> ranges,
                                const models::LayerFormat& format, models::VectorCommand pass = {});
    models::OperandRef quantize(const Matrix<float>& input, const models::Hadamard* rotation,
                                std::span<const models::StaticRange> ranges,
                                const models::LayerFormat& format) {
        return quantize(&input, input.rows(), input.cols(), rotation, ranges, format);
    }
    /// Timed: one GEMM of operands of this format, its results written to `output_address` (or to
    /// room of the platform's own). `outputs` [tokens, channels] are read back from there, or left
    /// alone where there are no values.
    GemmReport multiply(const models::OperandRef& weights, const models::OperandRef& activations,
                        const models::LayerFormat& format, Matrix<float>& outputs,
                        std::optional<std::uint64_t> output_address = {});
    GemmReport multiply_raw(const models::OperandRef& weights,
                            const models::OperandRef& activations,
                            const models::LayerFormat& format, Matrix<std::int64_t>& outputs);

    /// All counters since the start.
    models::Counts counts() const;

    /// From now on `sink` gets the events of all modules; null: nobody. To be called between the
    /// timed calls above. No time and no counter depends on it.
    void trace_to(models::TraceSink* sink);
    /// Picoseconds of simulated time.
    std::int64_t now_ps() const { return clock_.picoseconds(clock_.now()); }
    const models::HardwareConfig& config() const { return config_; }
    bool has_values() const { return has_values_; }

private:
    SC_HAS_PROCESS(Platform);

    void host_process();
    void write_dram(std::uint64_t address, std::vector<std::byte>& bytes);
    void write_packed(std::uint64_t address, std::span<const std::int16_t> values,
                      const models::PackingFormat& format);
    tlm_utils::simple_initiator_socket<models::MemoryInterface>& memory_socket() {
        return clusters_.front()->dram_socket();
    }
    template <class Command>
    models::CycleCounts run_parts(std::vector<Command>& parts);
    /// The parts of one GEMM, done, that of the first cluster first.
    struct GemmRun {
        std::vector<models::GemmCommand> parts;
        GemmReport report;
    };
    GemmRun run_gemm(const models::OperandRef& weights, const models::OperandRef& activations,
                     const models::LayerFormat& format, std::uint64_t output_address, bool raw);
    template <class Place>
    void for_each_output_row(const GemmRun& run, Place&& place);

    const models::HardwareConfig config_;
    const std::uint64_t capacity_;  ///< bytes of DRAM
    const bool has_values_;
    std::uint64_t allocated_ = 0;
    models::SimulationClock clock_;
    models::Dram dram_;
    std::vector<std::unique_ptr<models::Cluster>> clusters_;
    std::optional<models::Interconnect> interconnect_;  ///< of several clusters

    std::uint64_t activations_address_ = 0, activations_metadata_address_ = 0, outputs_address_ = 0;
    models::CycleCounts cycles_;
    std::function<void()> program_;
    std::exception_ptr error_;
};

}  // namespace axesim::sim
