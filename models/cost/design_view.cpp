// SPDX-License-Identifier: Apache-2.0
#include "models/cost/design_view.h"

#include <algorithm>

#include "models/compute/array_dataflow.h"
#include "models/cost/costs.h"

namespace axesim::models {

namespace {

int step_bits(const HardwareConfig& hardware, int outer_bits, Stream stream) {
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
    if (hardware.dataflow == Dataflow::output_stationary) return hardware.array.columns * bits;
    return hardware.array.columns * std::max(bits, partial_sum_bits(hardware, outer_bits));
}

int given_word_bits(const BufferConfig& buffers, Stream stream) {
    switch (stream) {
        case Stream::weights:
        case Stream::kv_cache:  // takes the place of weights on chip
            return buffers.weights_word_bits;
        case Stream::activations:
            return buffers.activations_word_bits;
        case Stream::outputs:
            break;
    }
    return buffers.outputs_word_bits;
}

}  // namespace

BufferWidths buffer_widths(const HardwareConfig& hardware, int outer_bits, Stream stream) {
    const int step = step_bits(hardware, outer_bits, stream);
    const int word = given_word_bits(hardware.buffers, stream);
    return {.word_bits = word > 0 ? word : step, .step_bits = step};
}

ElementDesign element_design(const HardwareConfig& hardware, int outer_bits) {
    const bool monolithic = hardware.accumulator.tile_size == 0;
    return {.weight_bits = hardware.weight_bits,
            .activation_bits = hardware.activations.bits,
            .inner_bits = hardware.accumulator.inner_bits,
            .outer_bits = monolithic ? 0 : outer_bits,
            .lanes = hardware.accumulator.lanes,
            .saturate = hardware.accumulator.overflow == OverflowMode::saturate,
            .groups = hardware.accumulator.groups,
            .weights_stay = hardware.dataflow == Dataflow::weight_stationary,
            .pipeline_depth = hardware.array.pipeline_depth};
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

double bank_kib(const HardwareConfig& hardware, Stream stream) {
    return static_cast<double>(buffer_kib(hardware, stream)) / hardware.buffers.banks;
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
