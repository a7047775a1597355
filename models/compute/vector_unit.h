// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <span>
#include <systemc>
#include <vector>

#include "models/compute/activation_quantizer.h"
#include "models/compute/hadamard.h"
#include "models/compute/output_format.h"
#include "models/compute/vector_work.h"
#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/memory/buffer.h"

namespace axesim::models {

/// 32-bit words that one result takes in an output tile, and bits of each that reach memory.
struct OutputWords {
    int words = 1;
    int bits = 16;
};
OutputWords output_words(OutputFormat format, bool raw_accumulators);

/// words[i] of outer [m, n], of the tile whose rows are `activations` and whose columns are
/// `weights`: each accumulator scaled as scale_row does, rounded to the output format.
void scale_back(const Matrix<std::int64_t>& outer, const TileContents<std::int32_t>& activations,
                const TileContents<std::int16_t>& weights, OutputFormat format,
                std::vector<std::int32_t>& words);
/// Each 64-bit accumulator as two words, low word first: for a bare integer GEMM.
std::vector<std::int32_t> raw_words(const Matrix<std::int64_t>& outer);

/// Turns m x n outer accumulators into words for memory; `words` is the result. Where values are
/// not simulated, the pointers are null and time passes all the same.
struct ScaleCommand {
    std::uint64_t results = 0;  ///< m n
    bool has_bias = false;
    const Matrix<std::int64_t>* outer = nullptr;
    const ActivationTile* activations = nullptr;
    const WeightTile* weights = nullptr;
    bool raw_accumulators = false;
    std::vector<std::int32_t>* words = nullptr;
    std::uint64_t lane_cycles = 0;  ///< result: that the lanes take, up to the last result
    std::uint64_t cycles = 0;       ///< result: of these, longer than the array takes to drain
};

/// Turns rows of activations [tokens, K] into codes; `codes` is the result. The codes stream out
/// while later ones are computed, so the caller decides what `cycles` overlap with.
struct QuantizeActivationsCommand {
    const Matrix<float>* input = nullptr;  ///< may be null without codes
    Index first_row = 0, rows = 0, columns = 0;
    const Hadamard* rotation = nullptr;     ///< of the rows, before they are quantized; null: none
    ActivationFormat format;                ///< of the codes
    std::span<const StaticRange> ranges;    ///< of the rows; empty: found at run time
    QuantizedActivations* codes = nullptr;  ///< null: only time passes
    std::uint64_t cycles = 0;
};

/// Everything else that the unit computes on the way: its work, and the cycles that it takes.
struct VectorWorkCommand {
    VectorWork work;
    std::uint64_t cycles = 0;
};

/// hardware.vector_lanes() lanes. With one a column of the array or more, scaling keeps up with the
/// array's drain (a row of results a cycle) and takes no cycles of its own. Quantizing takes one
/// cycle for as many values as there are lanes, a rotation before it one for as many additions.
class VectorUnit : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<VectorUnit> scale_socket{"scale_socket"};
    tlm_utils::simple_target_socket<VectorUnit> quantize_socket{"quantize_socket"};
    tlm_utils::simple_target_socket<VectorUnit> work_socket{"work_socket"};

    VectorUnit(const sc_core::sc_module_name& name, const HardwareConfig& config);

    std::uint64_t scaled_outputs() const { return scaled_outputs_; }
    std::uint64_t bias_adds() const { return bias_adds_; }
    std::uint64_t quantized_values() const { return quantized_values_; }
    std::uint64_t rotation_adds() const { return rotation_adds_; }
    const VectorWork& other_work() const { return work_; }
    /// Lane-cycles of all of it.
    std::uint64_t steps() const { return steps_; }

private:
    std::uint64_t spend(std::uint64_t steps);
    void work(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void scale(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    void quantize(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

    const HardwareConfig& config_;
    std::uint64_t scaled_outputs_ = 0;
    std::uint64_t bias_adds_ = 0;
    std::uint64_t quantized_values_ = 0;
    std::uint64_t rotation_adds_ = 0;
    VectorWork work_;
    std::uint64_t steps_ = 0;
};

}  // namespace axesim::models
