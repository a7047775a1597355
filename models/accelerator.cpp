// SPDX-License-Identifier: Apache-2.0
#include "models/accelerator.h"

#include <algorithm>
#include <map>
#include <utility>

#include "models/tlm_command.h"

namespace axesim::models {

/// Contents of an operand's tiles that came during one GEMM, by first row and first column. What
/// lies in memory there stays the same meanwhile: of a tile that comes again the bits are moved and
/// counted, but need not be unpacked once more.
template <class Element>
class Accelerator::KnownTiles {
public:
    using Contents = std::shared_ptr<const TileContents<Element>>;

    Contents find(Index first_row, Index first_column) const {
        const auto found = tiles_.find({first_row, first_column});
        return found == tiles_.end() ? nullptr : found->second;
    }
    void keep(Index first_row, Index first_column, const Contents& contents) {
        if (elements_ + contents->elements.size() > kMostElements) return;
        elements_ += contents->elements.size();
        tiles_[{first_row, first_column}] = contents;
    }

private:
    static constexpr Index kMostElements = Index{1} << 26;  // a quarter of a GiB at the most

    std::map<std::pair<Index, Index>, Contents> tiles_;
    Index elements_ = 0;
};

/// One GEMM in progress.
struct Accelerator::Job {
    GemmCommand& command;
    GemmShape shape;
    OutputWords output;
    int result_bits = 0;  ///< of one result in the outputs buffer; a raw accumulator has P_O
    Visits visits;
    Index tiles_to_store = 0;
    KnownTiles<std::int16_t> known_weights = {};
    KnownTiles<std::int32_t> known_activations = {};
};

std::int64_t output_offset(const GemmShape& shape, Index first_m, Index m, Index first_n) {
    return first_m * shape.n + first_n * m;
}

Accelerator::Accelerator(const sc_core::sc_module_name& name, const HardwareConfig& config,
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
    gemm_socket.register_b_transport(this, &Accelerator::gemm);
    vector_socket.register_b_transport(this, &Accelerator::vector);
    SC_THREAD(load_weights);
    SC_THREAD(load_activations);
    SC_THREAD(store_outputs);
}

void Accelerator::gemm(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<GemmCommand>(payload);
    if (command == nullptr) return;
    const OutputWords output = output_words(config_.output_format, command->raw_accumulators);
    const GemmShape shape = command->shape();
    const int result_bits = command->raw_accumulators
                                ? config_.accumulator.outer_bits_for(command->weights.columns)
                                : output.bits;
    command->mapping =
        choose_mapping(shape,
                       {command->weights.format.element_bits,
                        command->activations.format.element_bits, output.words * output.bits},
                       {slot_bits(Stream::weights), slot_bits(Stream::activations), result_bits},
                       hardware_for_mapping(config_, command->format.accumulator, shape.n,
                                            command->weights.depth_first));
    const Visits visits(shape, command->mapping);
    Job job{.command = *command,
            .shape = shape,
            .output = output,
            .result_bits = result_bits,
            .visits = visits,
            .tiles_to_store = visits.tiles()};
    weights_buffer_.configure(command->mapping.weight_slots);
    activations_buffer_.configure(command->mapping.activation_slots);
    outputs_buffer_.configure(command->mapping.output_slots);

    const std::uint64_t begin = clock_.now();
    job_ = &job;
    start_.notify(sc_core::SC_ZERO_TIME);
    run_array(job);
    const std::uint64_t computed = clock_.now();
    while (job.tiles_to_store > 0) wait(stored_);
    command->cycles.stall_dram += clock_.now() - computed;
    trace_.array(ArrayState::stall_dram, computed, clock_.now());
    command->cycles.cycles = clock_.now() - begin;
}

/// The array's side of the loop nest. Runs in the process of the caller.
void Accelerator::run_array(Job& job) {
    CycleCounts& cycles = job.command.cycles;
    std::size_t weights = 0, activations = 0;
    bool has_weights = false, has_activations = false;
    Matrix<std::int64_t> sums;
    Matrix<std::int64_t>* const outer = job.command.has_values ? &sums : nullptr;
    const auto next_tile = [&](auto& ready, auto& buffer, std::size_t& slot, bool& has) {
        if (has) buffer.release(slot);
        const std::uint64_t before = clock_.now();
        ready.read(slot);
        has = true;
        clock_.wait_until(buffer.tile(slot).ready_cycle);
        cycles.stall_dram += clock_.now() - before;
        trace_.array(ArrayState::stall_dram, before, clock_.now());
    };
    for (const Visit& visit : job.visits) {
        if (visit.loads_weights) next_tile(weights_ready_, weights_buffer_, weights, has_weights);
        if (visit.loads_activations) {
            next_tile(activations_ready_, activations_buffer_, activations, has_activations);
        }
        ComputeTileCommand compute{.weights = &weights_buffer_.tile(weights),
                                   .activations = &activations_buffer_.tile(activations),
                                   .format = &job.command.format,
                                   .visit = visit,
                                   .depth = job.shape.k,
                                   .outer = outer,
                                   .observed = &job.command.observed,
                                   .output_slot = 0,
                                   .cycles = {}};
        send_command(array_socket, compute);
        cycles += compute.cycles;
        if (!visit.last_chunk) continue;
        const std::size_t slot = compute.output_slot;
        OutputTile& tile = outputs_buffer_.tile(slot);
        tile.results = visit.m * visit.n;
        ScaleCommand scale{.results = static_cast<std::uint64_t>(tile.results),
                           .has_bias = job.command.weights.has_bias(),
                           .outer = outer,
                           .activations = compute.activations,
                           .weights = compute.weights,
                           .raw_accumulators = job.command.raw_accumulators,
                           .words = &tile.words,
                           .lane_cycles = 0,
                           .cycles = 0};
        send_command(scale_socket, scale);
        const std::uint64_t drained = clock_.now();
        clock_.wait_cycles(scale.cycles);
        cycles.stall_vector += scale.cycles;
        trace_.array(ArrayState::stall_vector, drained, clock_.now());
        trace_.vector_unit(VectorTask::scale, clock_.now() - scale.lane_cycles, clock_.now());
        outputs_buffer_.count_write(result_bits(job, tile));
        tile.first_word = (job.command.first_output +
                           output_offset(job.shape, visit.first_m, visit.m, visit.first_n)) *
                          job.output.words;
        outputs_ready_.write(slot);
    }
}

/// Bits of the results of a tile as they lie in the outputs buffer.
std::uint64_t Accelerator::result_bits(const Job& job, const OutputTile& tile) {
    return static_cast<std::uint64_t>(tile.results) * static_cast<std::uint64_t>(job.result_bits);
}

/// Bits that one element of an operand takes in its buffer: the multiplier's, also where the layer
/// has fewer.
int Accelerator::slot_bits(Stream stream) const {
    return stream == Stream::weights ? config_.weight_bits : config_.activations.bits;
}

namespace {

/// The words of rows of an operand, as they lie in memory, into its tile.
template <class Element>
void keep_metadata(const OperandRef& operand, std::span<const std::int32_t> words,
                   TileContents<Element>& tile) {
    const auto words_a_row = static_cast<std::size_t>(operand.metadata_words);
    const std::size_t rows = words.size() / words_a_row;
    tile.row_scale_bits.resize(rows);
    tile.row_integer.resize(rows);
    tile.row_bias_bits.resize(operand.has_bias() ? rows : 0);
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t first = words_a_row * row;
        tile.row_scale_bits[row] = words[first];
        tile.row_integer[row] = words[first + 1];
        if (operand.has_bias()) tile.row_bias_bits[row] = words[first + 2];
    }
}

}  // namespace

/// Waits as the policy says; returns the cycle when the last element arrives.
std::uint64_t Accelerator::fetch(TransferCommand& transfer, tlm::tlm_generic_payload& payload) {
    transfer.queued = config_.memory_interface.transfers == TransferPolicy::coalesced;
    send_command(memory_socket, transfer, payload);
    return transfer.done_cycle;
}

template <class Element>
void Accelerator::load_operand(const OperandRef& operand, Stream stream, Index first_row,
                               Index rows, Index first_column, Index columns,
                               KnownTiles<Element>& known_tiles,
                               TileBuffer<OperandTile<Element>>& buffer,
                               OperandTile<Element>& tile) {
    first_row += operand.first_row;
    tile.contents = known_tiles.find(first_row, first_column);
    const bool has_values = job_->command.has_values && tile.contents == nullptr;
    TileContents<Element> contents;
    const Stream counted = operand.from_kv_cache ? Stream::kv_cache : stream;
    TransferCommand transfer{.stream = counted,
                             .write = false,
                             .metadata = false,
                             .address = operand.address,
                             .format = operand.format,
                             .is_signed = operand.is_signed,
                             .first_element = 0,
                             .elements = 0,
                             .narrow = {},
                             .wide = {}};
    tlm::tlm_generic_payload payload;  // of all transfers
    Matrix<Element>& elements = contents.elements;
    const Index lines = operand.depth_first ? columns : rows;
    const Index in_line = operand.depth_first ? rows : columns;
    if (has_values) elements.resize(lines, in_line);
    const TransferPolicy policy = config_.memory_interface.transfers;
    const auto fetch_lines = [&](Index at, std::int64_t first_element, Index count) {
        transfer.first_element = first_element;
        transfer.elements = count;
        transfer.continues = policy == TransferPolicy::coalesced && at > 0;
        if (has_values) {
            const std::span values(elements.row(at).data(), static_cast<std::size_t>(count));
            if constexpr (std::is_same_v<Element, std::int16_t>) {
                transfer.narrow = values;
            } else {
                transfer.wide = values;
            }
        }
        fetch(transfer, payload);
        buffer.count_write(static_cast<std::uint64_t>(count) *
                           static_cast<std::uint64_t>(slot_bits(stream)));
    };
    const Index first_line = operand.depth_first ? first_column : first_row;
    const Index first_in_line = operand.depth_first ? first_row : first_column;
    const Index line = operand.depth_first ? operand.rows : operand.columns;
    if (in_line == line && policy != TransferPolicy::per_row) {
        fetch_lines(0, first_line * line, lines * line);  // lines lie back to back
    } else {
        for (Index i = 0; i < lines; ++i) {
            fetch_lines(i, (first_line + i) * line + first_in_line, in_line);
        }
    }
    // The array takes weights depth by depth, so these need no turning on the way in; only the
    // model's arithmetic wants rows.
    if (operand.depth_first) elements = elements.transpose().eval();
    std::vector<std::int32_t> words(
        static_cast<std::size_t>(has_values ? rows * operand.metadata_words : 0));
    TransferCommand metadata{.stream = counted,
                             .write = false,
                             .metadata = true,
                             .address = operand.metadata_address,
                             .format = kWordFormat,
                             .is_signed = true,
                             .first_element = first_row * operand.metadata_words,
                             .elements = rows * operand.metadata_words,
                             .narrow = {},
                             .wide = words};
    tile.ready_cycle = fetch(metadata, payload);  // a stream's transfers end in their order
    if (has_values) keep_metadata(operand, words, contents);
    if (operand.tiles_per_row > 0) {
        tile.ready_cycle = load_tile_scales(operand, stream, first_row, rows, first_column, columns,
                                            has_values, contents.tile_scales);
    }
    if (!has_values) return;
    tile.contents = std::make_shared<const TileContents<Element>>(std::move(contents));
    known_tiles.keep(first_row, first_column, tile.contents);
}

std::int32_t tile_scale_word(WeightGroups groups, std::uint8_t scale) {
    return groups == WeightGroups::power_of_two ? ceil_log2(scale) : scale;
}

std::uint8_t tile_scale_of(WeightGroups groups, std::int32_t word) {
    return static_cast<std::uint8_t>(groups == WeightGroups::power_of_two ? 1 << word : word);
}

/// The scales of the accumulation tiles in [first_column, first_column + columns), which starts
/// with a whole tile: chunks of depth are whole tiles. Returns the cycle when the last arrives.
std::uint64_t Accelerator::load_tile_scales(const OperandRef& operand, Stream stream,
                                            Index first_row, Index rows, Index first_column,
                                            Index columns, bool has_values,
                                            TileScales& tile_scales) {
    const Index length = config_.accumulator.tile_length(operand.columns);
    const Index first_tile = first_column / length;
    const Index tiles = (columns + length - 1) / length;
    Matrix<std::int32_t> words;
    if (has_values) words.resize(rows, tiles);
    TransferCommand transfer{.stream = stream,
                             .write = false,
                             .metadata = true,
                             .address = operand.tile_scales_address,
                             .format = tile_scale_format(config_.accumulator),
                             .is_signed = false,
                             .first_element = 0,
                             .elements = 0,
                             .narrow = {},
                             .wide = {}};
    tlm::tlm_generic_payload payload;
    const auto fetch_rows = [&](Index row, Index count) {
        transfer.first_element = (first_row + row) * operand.tiles_per_row + first_tile;
        transfer.elements = count;
        if (has_values) transfer.wide = {words.row(row).data(), static_cast<std::size_t>(count)};
        fetch(transfer, payload);
    };
    if (tiles == operand.tiles_per_row) {
        fetch_rows(0, rows * tiles);  // rows lie back to back
    } else {
        for (Index row = 0; row < rows; ++row) fetch_rows(row, tiles);
    }
    if (has_values) {
        tile_scales = words.unaryExpr(
            [&](std::int32_t word) { return tile_scale_of(config_.accumulator.groups, word); });
    }
    return transfer.done_cycle;
}

void Accelerator::load_weights() {
    while (true) {
        wait(start_);
        Job& job = *job_;
        for (const Visit& visit : job.visits) {
            if (!visit.loads_weights) continue;
            const std::size_t slot = weights_buffer_.acquire();
            load_operand(job.command.weights, Stream::weights, visit.first_n, visit.n,
                         visit.first_k, visit.k, job.known_weights, weights_buffer_,
                         weights_buffer_.tile(slot));
            weights_ready_.write(slot);
        }
    }
}

void Accelerator::load_activations() {
    while (true) {
        wait(start_);
        Job& job = *job_;
        for (const Visit& visit : job.visits) {
            if (!visit.loads_activations) continue;
            const std::size_t slot = activations_buffer_.acquire();
            load_operand(job.command.activations, Stream::activations, visit.first_m, visit.m,
                         visit.first_k, visit.k, job.known_activations, activations_buffer_,
                         activations_buffer_.tile(slot));
            activations_ready_.write(slot);
        }
    }
}

void Accelerator::store_outputs() {
    while (true) {
        wait(start_);
        Job& job = *job_;
        while (job.tiles_to_store > 0) {
            std::size_t slot = 0;
            outputs_ready_.read(slot);
            OutputTile& tile = outputs_buffer_.tile(slot);
            TransferCommand transfer{
                .stream = Stream::outputs,
                .write = true,
                .metadata = false,
                .address = job.command.output_address,
                .format = {.layout = Layout::packed, .element_bits = job.output.bits},
                .is_signed = true,
                .first_element = tile.first_word,
                .elements = tile.results * job.output.words,
                .narrow = {},
                .wide = tile.words};
            send_command(memory_socket, transfer);
            outputs_buffer_.count_read(result_bits(job, tile));
            outputs_buffer_.release(slot);
            --job.tiles_to_store;
        }
        stored_.notify(sc_core::SC_ZERO_TIME);
    }
}

}  // namespace axesim::models
