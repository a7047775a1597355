// SPDX-License-Identifier: Apache-2.0
#include "models/compute/fma_array.h"

#include "models/tlm_command.h"

namespace axesim::models {

FmaArray::FmaArray(const sc_core::sc_module_name& name, const HardwareConfig& config,
                   const SimulationClock& clock, TileBuffer<WeightTile>& weights_buffer,
                   TileBuffer<ActivationTile>& activations_buffer)
    : sc_module(name),
      config_(config),
      clock_(clock),
      weights_buffer_(weights_buffer),
      activations_buffer_(activations_buffer) {
    command_socket.register_b_transport(this, &FmaArray::b_transport);
}

void FmaArray::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<ComputeTileCommand>(payload);
    if (command == nullptr) return;
    const Visit& visit = command->visit;
    HardwareConfig in_use = config_;
    in_use.accumulator = command->format->accumulator;  // a layer's tiles may be shorter
    command->cycles = array_cycles(visit.m, visit.n, visit.k, in_use);
    // The pipeline fills before the first chunk and drains after the last, once a fold.
    if (!visit.last_chunk) command->cycles.fill_drain = 0;
    multiply(*command);
    count(*command);
    clock_.wait_cycles(command->cycles.busy + command->cycles.fill_drain);
}

void FmaArray::multiply(const ComputeTileCommand& command) {
    const Visit& visit = command.visit;
    const Matrix<std::int16_t>* weights = &command.weights->elements;
    const TileShifts* shifts = &command.weights->row_shifts;
    const Matrix<std::int32_t>* activations = &command.activations->elements;
    if (!(visit.first_chunk && visit.last_chunk)) {
        chunked_weights_.conservativeResize(visit.n, visit.first_k + visit.k);
        chunked_activations_.conservativeResize(visit.m, visit.first_k + visit.k);
        chunked_weights_.rightCols(visit.k) = *weights;
        chunked_activations_.rightCols(visit.k) = *activations;
        weights = &chunked_weights_;
        activations = &chunked_activations_;
        if (shifts->size() > 0) {
            const Index tiles = config_.accumulator.tile_count(visit.first_k + visit.k);
            chunked_shifts_.conservativeResize(visit.n, tiles);
            chunked_shifts_.rightCols(shifts->cols()) = *shifts;
            shifts = &chunked_shifts_;
        }
    }
    if (!visit.last_chunk) return;
    // The last chunk's version stands for those before it: they are loaded together.
    AccumulatorObservation observed =
        prepared(*weights, *shifts, command.weights->version, *command.format)
            .multiply(*activations, *command.outer);
    if (observed.first_overflow) {
        observed.first_overflow->token += visit.first_m;
        observed.first_overflow->channel += visit.first_n;
    }
    command.observed->merge(observed);
}

const PreparedWeights& FmaArray::prepared(const Matrix<std::int16_t>& weights,
                                          const TileShifts& shifts, std::uint64_t version,
                                          const GemmFormat& format) {
    if (!prepared_ || version != prepared_version_) {
        prepared_.emplace(weights, format, shifts);
        prepared_version_ = version;
    }
    return *prepared_;
}

void FmaArray::count(const ComputeTileCommand& command) {
    const Visit& visit = command.visit;
    const auto outputs = static_cast<std::uint64_t>(visit.m * visit.n);
    const auto products = outputs * static_cast<std::uint64_t>(visit.k);
    const Index tile = command.format->accumulator.tile_length(command.depth);
    const auto tiles = static_cast<std::uint64_t>((visit.k + tile - 1) / tile);
    counts_.macs += products;
    counts_.multiplies += products;
    counts_.inner_steps += outputs * command.cycles.steps;
    counts_.outer_adds += outputs * tiles;
    weights_buffer_.count_read_words(command.cycles.busy);
    activations_buffer_.count_read_words(command.cycles.busy);
}

}  // namespace axesim::models
