// SPDX-License-Identifier: Apache-2.0
// One design point of the hardware, as typed values. sim/config/ makes it from YAML.
#pragma once

#include <compare>
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

struct ArrayConfig {
    int rows = 32;     ///< tokens in flight
    int columns = 32;  ///< output channels in flight
};

struct BufferConfig {
    std::int64_t weights_kib = 256;
    std::int64_t activations_kib = 256;
    std::int64_t outputs_kib = 128;
    bool double_buffered = true;
};

struct MemoryInterfaceConfig {
    Layout layout = Layout::packed;
    int word_bits = 64;  ///< aligned_fields only
    int bus_bits = 256;  ///< one beat a clock cycle
    int burst_beats = 8;
    int batch_bursts = 4;  ///< bursts of one stream before another stream may take the bus

    int burst_bits() const { return bus_bits * burst_beats; }
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
    MemoryInterfaceConfig memory_interface;
    DramConfig dram;

    const LayerFormat& layer_format() const { return *this; }
};

}  // namespace axesim::models
