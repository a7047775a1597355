// SPDX-License-Identifier: Apache-2.0
#include "models/cost/design_view.h"

#include "models/cost/costs.h"

namespace axesim::models {

int buffer_word_bits(const HardwareConfig& hardware, Stream stream) {
    const int lanes = hardware.accumulator.lanes;
    const int bits = element_bits(hardware, stream);
    switch (stream) {
        case Stream::weights:
        case Stream::kv_cache:
            return hardware.array.columns * lanes * bits;
        case Stream::activations:
            return hardware.array.rows * lanes * bits;
        case Stream::outputs:
            break;
    }
    return hardware.array.columns * bits;
}

ElementDesign element_design(const HardwareConfig& hardware, int outer_bits) {
    const bool monolithic = hardware.accumulator.tile_size == 0;
    return {.weight_bits = hardware.weight_bits,
            .activation_bits = hardware.activations.bits,
            .inner_bits = hardware.accumulator.inner_bits,
            .outer_bits = monolithic ? 0 : outer_bits,
            .lanes = hardware.accumulator.lanes,
            .saturate = hardware.accumulator.overflow == OverflowMode::saturate,
            .largest_shift = hardware.accumulator.largest_shift()};
}

double element_count(const HardwareConfig& hardware) {
    return static_cast<double>(hardware.array.rows) * hardware.array.columns;
}

int element_bits(const HardwareConfig& hardware, Stream stream) {
    switch (stream) {
        case Stream::weights:
        case Stream::kv_cache:
            return hardware.weight_bits;
        case Stream::activations:
            return hardware.activations.bits;
        case Stream::outputs:
            break;
    }
    return output_bits(hardware.output_format);
}

int container_bits(const HardwareConfig& hardware, Stream stream) {
    return PackingFormat{.layout = hardware.memory_interface.layout,
                         .element_bits = element_bits(hardware, stream),
                         .word_bits = hardware.memory_interface.word_bits}
        .container_bits();
}

std::int64_t buffer_kib(const HardwareConfig& hardware, Stream stream) {
    switch (stream) {
        case Stream::weights:
        case Stream::kv_cache:
            return hardware.buffers.weights_kib;
        case Stream::activations:
            return hardware.buffers.activations_kib;
        case Stream::outputs:
            break;
    }
    return hardware.buffers.outputs_kib;
}

bool corrects_zero_point(const HardwareConfig& hardware) {
    return hardware.activations.range == ActivationRange::asymmetric;
}

}  // namespace axesim::models
