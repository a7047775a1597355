// SPDX-License-Identifier: Apache-2.0
// One design point of the hardware, as typed values. sim/config/ makes it from YAML.
#pragma once

#include <string>

#include "common/integer_format.h"
#include "models/compute/activation_quantizer.h"
#include "models/memory/dram_timing.h"
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

struct HardwareConfig {
    double clock_mhz = 1000;
    Dataflow dataflow = Dataflow::output_stationary;
    int weight_bits = 8;
    bool weights_narrow = false;
    ActivationFormat activations;
    OutputFormat output_format = OutputFormat::float16;
    AccumulatorFormat accumulator;
    ArrayConfig array;
    BufferConfig buffers;
    MemoryInterfaceConfig memory_interface;
    DramConfig dram;

    IntegerRange weight_codes() const {
        return weights_narrow ? narrow_range(weight_bits) : signed_range(weight_bits);
    }
};

}  // namespace axesim::models
