// SPDX-License-Identifier: Apache-2.0
#include "models/compute/fma_array.h"

#include "models/tlm_command.h"

namespace axesim::models {

FmaArray::FmaArray(const sc_core::sc_module_name& name, const HardwareConfig& config,
                   const SimulationClock& clock, TileBuffer<WeightTile>& weights_buffer,
                   TileBuffer<ActivationTile>& activations_buffer,
                   TileBuffer<OutputTile>& outputs_buffer)
    : sc_module(name),
      config_(config),
      clock_(clock),
      trace_(clock),
      weights_buffer_(weights_buffer),
      activations_buffer_(activations_buffer),
      outputs_buffer_(outputs_buffer) {
    command_socket.register_b_transport(this, &FmaArray::b_transport);
}

void FmaArray::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<ComputeTileCommand>(payload);
    if (command == nullptr) return;
    const Visit& visit = command->visit;
    HardwareConfig in_use = config_;
    in_use.accumulator = command->format->accumulator;  // a layer's tiles may be shorter
    const ArrayWork work = array_work({.m = visit.m,
                                       .n = visit.n,
                                       .k = visit.k,
                                       .depth = command->depth,
                                       .first_chunk = visit.first_chunk,
                                       .last_chunk = visit.last_chunk},
                                      in_use);
    if (command->outer != nullptr) multiply(*command);
    count(*command, work);
    run(*command, work);
}

/// Spends the cycles of the work. The outputs' slot is taken no earlier than results come out.
void FmaArray::run(ComputeTileCommand& command, const ArrayWork& work) {
    const std::uint64_t begin = clock_.now();
    const std::uint64_t stalls = port_stalls(work,
                                             {.weights = weights_buffer_.step_words(),
                                              .activations = activations_buffer_.step_words(),
                                              .outputs = outputs_buffer_.step_words()},
                                             config_);
    // Each fold of a tile is busy for the same time.
    const std::uint64_t first_busy =
        work.until_last_fold * work.busy / (work.busy + work.fill_drain);
    const std::uint64_t first_fill_drain = work.until_last_fold - first_busy;
    wait_taking_turns(work.until_last_fold);
    trace(begin, first_fill_drain, first_busy);
    const std::uint64_t before = clock_.now();
    if (command.visit.last_chunk) command.output_slot = outputs_buffer_.acquire();
    const std::uint64_t resumed = clock_.now();
    trace_.array(ArrayState::stall_buffer, before, resumed);
    wait_taking_turns(work.busy + work.fill_drain - work.until_last_fold + stalls);
    trace(resumed, work.fill_drain - first_fill_drain, work.busy - first_busy);
    command.cycles = {
        .cycles = clock_.now() - begin, .busy = work.busy, .fill_drain = work.fill_drain};
    command.cycles.stall_buffer = command.cycles.cycles - work.busy - work.fill_drain;
}

/// The cycles from `begin` until now, by cause: what is neither is a wait for ports.
void FmaArray::trace(std::uint64_t begin, std::uint64_t fill_drain, std::uint64_t busy) const {
    trace_.array(ArrayState::fill_drain, begin, begin + fill_drain);
    trace_.array(ArrayState::busy, begin + fill_drain, begin + fill_drain + busy);
    trace_.array(ArrayState::stall_buffer, begin + fill_drain + busy, clock_.now());
}

/// Waits; where a buffer's only port also fills the next tile or empties the last, each word that
/// passed meanwhile took the array's turn, which comes on top. Accumulators that stay need no port
/// of the outputs buffer.
void FmaArray::wait_taking_turns(std::uint64_t cycles) {
    const auto words_of_others = [&] {
        const std::uint64_t operands =
            weights_buffer_.counts().writes + activations_buffer_.counts().writes;
        return config_.dataflow == Dataflow::output_stationary
                   ? operands
                   : operands + outputs_buffer_.counts().reads;
    };
    while (cycles > 0) {
        const std::uint64_t before = words_of_others();
        clock_.wait_cycles(cycles);
        if (!config_.buffers.filling_takes_turns()) return;
        cycles = divide_up(words_of_others() - before,
                           static_cast<std::uint64_t>(config_.buffers.banks));
    }
}

void FmaArray::multiply(const ComputeTileCommand& command) {
    const Visit& visit = command.visit;
    if (visit.first_chunk) {
        if (visit.first_m == 0 && visit.first_n == 0) forget_tiles();
        weight_chunks_.clear();
        activation_chunks_.clear();
    }
    weight_chunks_.push_back(command.weights->contents);
    activation_chunks_.push_back(command.activations->contents);
    if (meter_) {
        counts_.activity += meter_->watch(command.activations->contents->elements,
                                          command.weights->contents->elements, *command.format);
    }
    if (!visit.last_chunk) return;
    const GemmFormat& format = *command.format;
    AccumulatorObservation observed =
        prepared_weights_.of(weight_chunks_, format)
            .multiply(prepared_activations_.of(activation_chunks_, format), *command.outer);
    if (observed.first_overflow) {
        observed.first_overflow->token += visit.first_m;
        observed.first_overflow->channel += visit.first_n;
    }
    command.observed->merge(observed);
}

/// A GEMM begins: its operands are others.
void FmaArray::forget_tiles() {
    prepared_weights_.clear();
    prepared_activations_.clear();
}

void FmaArray::count(const ComputeTileCommand& command, const ArrayWork& work) {
    const Visit& visit = command.visit;
    const auto outputs = static_cast<std::uint64_t>(visit.m * visit.n);
    const auto products = outputs * static_cast<std::uint64_t>(visit.k);
    // A tile's value is added once, where the tile ends: a chunk of a monolithic one may not end
    // it.
    const AccumulatorFormat& accumulator = command.format->accumulator;
    const auto tiles_ended = [&](Index k) {
        return k == command.depth ? accumulator.tile_count(k)
                                  : k / accumulator.tile_length(command.depth);
    };
    const Index tiles = tiles_ended(visit.first_k + visit.k) - tiles_ended(visit.first_k);
    counts_.macs += products;
    counts_.multiplies += products;
    counts_.inner_steps += outputs * work.steps;
    counts_.outer_adds += outputs * static_cast<std::uint64_t>(tiles);
    counts_.weight_shifts += work.weight_shifts;
    counts_.outer_shifts += work.outer_shifts;
    weights_buffer_.count_read_steps(work.weight_reads);
    activations_buffer_.count_read_steps(work.activation_reads);
    outputs_buffer_.count_read_steps(work.partial_reads);
    outputs_buffer_.count_write_steps(work.partial_writes);
}

}  // namespace axesim::models
