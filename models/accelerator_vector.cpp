// SPDX-License-Identifier: Apache-2.0
// The accelerator's passes of the vector unit.
#include "models/accelerator.h"
#include "models/tlm_command.h"

namespace axesim::models {

namespace {

/// Without words only time passes.
TransferCommand transfer_of(const TensorRun& run, bool write, std::span<std::int32_t> words,
                            bool is_signed) {
    return {.stream = run.stream,
            .write = write,
            .metadata = run.metadata,
            .address = run.address,
            .format = run.format,
            .is_signed = is_signed,
            .first_element = run.first_element,
            .elements = run.elements,
            .narrow = {},
            .wide = words};
}

Stream stream_of(const OperandRef& operand) {
    return operand.from_kv_cache ? Stream::kv_cache : Stream::activations;
}

}  // namespace

void Accelerator::vector(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<VectorCommand>(payload);
    if (command == nullptr) return;
    const std::uint64_t begin = clock_.now();
    for (const TensorRun& run : command->reads) read(run);
    VectorWorkCommand work{.work = command->work, .cycles = 0};
    send_command(vector_work_socket, work);
    std::uint64_t cycles = work.cycles;
    for (const Quantization& quantization : command->quantizations) {
        cycles += quantize(quantization, command->has_values);
    }
    for (ValueRun& run : command->writes) {
        const TensorRun values{.stream = Stream::outputs,
                               .metadata = false,
                               .address = run.address,
                               .format = {Layout::packed, output_bits(config_.output_format)},
                               .first_element = run.first_element,
                               .elements = run.elements};
        TransferCommand transfer = transfer_of(values, true, run.words, true);
        pass_through_buffer(values);
        send_command(memory_socket, transfer);
    }
    // All of it streams: the pass takes as long as the slower of memory and lanes.
    const std::uint64_t moved = clock_.now();
    clock_.wait_until(begin + cycles);
    trace_.vector_unit(VectorTask::pass, begin, begin + cycles);
    trace_.array(ArrayState::stall_dram, begin, moved);
    trace_.array(ArrayState::stall_vector, moved, clock_.now());
    command->cycles.stall_dram = moved - begin;
    command->cycles.stall_vector = clock_.now() - moved;
    command->cycles.cycles = clock_.now() - begin;
}

/// The host knows the values, so that only the time of reading them is of interest.
void Accelerator::read(const TensorRun& run) {
    TransferCommand transfer = transfer_of(run, false, {}, true);
    send_command(memory_socket, transfer);
    pass_through_buffer(run);
}

/// Rows stay in the buffer of the outputs until the unit has seen all of them (a norm needs the
/// sum before the first result): each value is written there once and read once.
void Accelerator::pass_through_buffer(const TensorRun& run) {
    const std::uint64_t bits = static_cast<std::uint64_t>(run.elements) *
                               static_cast<std::uint64_t>(run.format.element_bits);
    outputs_buffer_.count_write(bits);
    outputs_buffer_.count_read(bits);
}

/// Returns the cycles that the lanes take.
std::uint64_t Accelerator::quantize(const Quantization& quantization, bool has_values) {
    QuantizedActivations codes;
    QuantizeActivationsCommand vector{.input = quantization.input,
                                      .first_row = quantization.input_row,
                                      .rows = quantization.rows,
                                      .columns = quantization.columns,
                                      .rotation = quantization.rotation,
                                      .format = quantization.format,
                                      .ranges = quantization.ranges,
                                      .codes = has_values ? &codes : nullptr,
                                      .cycles = 0};
    send_command(vector_quantize_socket, vector);
    const OperandRef& destination = quantization.destination;
    const Index columns = quantization.columns;
    const TensorRun elements{.stream = stream_of(destination),
                             .metadata = false,
                             .address = destination.address,
                             .format = destination.format,
                             .first_element = quantization.first_row * columns,
                             .elements = quantization.rows * columns};
    TransferCommand transfer = transfer_of(
        elements, true, {codes.codes.data(), static_cast<std::size_t>(codes.codes.size())},
        destination.is_signed);
    send_command(memory_socket, transfer);
    write_metadata(quantization, codes);
    return vector.cycles;
}

void Accelerator::write_metadata(const Quantization& quantization,
                                 const QuantizedActivations& codes) {
    const Index words_a_row = quantization.row_word == RowWord::none ? 1 : kMetadataWords;
    std::vector<std::int32_t> words;
    for (std::size_t row = 0; row < codes.step.size(); ++row) {
        words.push_back(float_bits(codes.step[row]));
        switch (quantization.row_word) {
            case RowWord::zero_point:
                words.push_back(codes.zero_point[row]);
                break;
            case RowWord::sum:
                words.push_back(codes.codes.row(static_cast<Index>(row)).sum());
                break;
            case RowWord::none:
                break;
        }
    }
    const TensorRun run{.stream = stream_of(quantization.destination),
                        .metadata = true,
                        .address = quantization.destination.metadata_address,
                        .format = kWordFormat,
                        .first_element = quantization.first_row * words_a_row,
                        .elements = quantization.rows * words_a_row};
    TransferCommand transfer = transfer_of(run, true, words, true);
    send_command(memory_socket, transfer);
}

}  // namespace axesim::models
