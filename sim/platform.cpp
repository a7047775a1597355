// SPDX-License-Identifier: Apache-2.0
#include "sim/platform.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "models/cost/costs.h"
#include "models/trace.h"
#include "models/work_division.h"

namespace axesim::sim {

using models::OperandRef;
using models::PackingFormat;

namespace {

using models::kMetadataWords;
using models::kMetadataWordsWithBias;
using models::kWordFormat;
using models::tile_scale_format;

/// The host program computes a model's forward pass on this stack.
constexpr std::size_t kHostStackBytes = std::size_t{16} << 20;

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

std::uint64_t bytes_for(const PackingFormat& format, std::int64_t elements) {
    return static_cast<std::uint64_t>(format.stream_bits(elements) + 7) / 8;
}

PackingFormat element_format_of(const models::HardwareConfig& config, int bits) {
    return {config.memory_interface.layout, bits, config.memory_interface.word_bits};
}

/// Tensors start at a whole burst and at a whole DRAM atom.
std::uint64_t alignment(const models::HardwareConfig& config) {
    return static_cast<std::uint64_t>(
        std::max(config.memory_interface.burst_bits(), config.dram.atom_bits) / 8);
}

/// DRAM taken by rows x columns elements of `bits` and their metadata words.
std::uint64_t operand_bytes(const models::HardwareConfig& config, Index rows, Index columns,
                            int bits, int metadata_words = kMetadataWords) {
    const std::uint64_t unit = alignment(config);
    const auto metadata = static_cast<std::uint64_t>(rows * metadata_words) * 4;
    return round_up(bytes_for(element_format_of(config, bits), rows * columns), unit) +
           round_up(metadata, unit);
}

/// The sum of a channel's codes, each scaled as its tile: what the zero point is multiplied with.
std::int64_t scaled_sum(const Matrix<std::int16_t>& codes, const TileScales& tile_scales,
                        Index channel, Index tile_length) {
    const auto row = codes.row(channel).cast<std::int64_t>();
    std::int64_t sum = 0;
    for (Index t = 0; t < tile_scales.cols(); ++t) {
        const Index first = t * tile_length;
        sum += row.segment(first, std::min(tile_length, codes.cols() - first)).sum() *
               std::int64_t{tile_scales(channel, t)};
    }
    return tile_scales.cols() > 0 ? sum : row.sum();
}

/// Of a buffer whose partial sums are those of the deepest GEMM.
models::BufferWidths buffer_widths(const models::HardwareConfig& config, const PlatformSize& size,
                                   models::Stream stream) {
    return models::buffer_widths(config, config.accumulator.outer_bits_for(size.max_depth), stream);
}

/// DRAM kept for results: 64-bit accumulators at the most.
std::uint64_t output_bytes(const models::HardwareConfig& config, const PlatformSize& size) {
    return round_up(static_cast<std::uint64_t>(size.max_tokens * size.max_outputs) * 8,
                    alignment(config));
}

}  // namespace

std::string GemmReport::describe_mapping() const {
    const std::string tiles = mapping.describe(part);
    if (part == shape) return tiles;
    return fmt::format("{} x {} x {} a cluster, {}", part.m, part.n, part.k, tiles);
}

Platform::Platform(const sc_core::sc_module_name& name, const models::HardwareConfig& config,
                   const PlatformSize& size)
    : sc_module(name),
      config_(config),
      capacity_(dram_bytes(size, config)),
      has_values_(size.has_values),
      clock_(config.clock_mhz),
      dram_("dram", config.dram, capacity_, size.has_values) {
    const models::ClusterBuffers buffers{
        .weights = buffer_widths(config, size, models::Stream::weights),
        .activations = buffer_widths(config, size, models::Stream::activations),
        .outputs = buffer_widths(config, size, models::Stream::outputs)};
    if (config.clusters > 1) {
        interconnect_.emplace("interconnect", config_.interconnect, config.clusters, clock_);
        interconnect_->dram_socket.bind(dram_.target_socket);
    }
    for (int i = 0; i < config.clusters; ++i) {
        const std::string cluster_name = fmt::format("cluster{}", i);
        auto& cluster = *clusters_.emplace_back(std::make_unique<models::Cluster>(
            cluster_name.c_str(), config_, buffers, clock_, i > 0));
        if (size.measures_activity) cluster.measure_activity();
        if (interconnect_) {
            cluster.dram_socket().bind(interconnect_->cluster_sockets[static_cast<std::size_t>(i)]);
        } else {
            cluster.dram_socket().bind(dram_.target_socket);
        }
    }

    activations_address_ = allocate(
        bytes_for(element_format(config.activations.bits), size.max_tokens * size.max_depth));
    activations_metadata_address_ =
        allocate(static_cast<std::uint64_t>(size.max_tokens * kMetadataWords) * 4);
    outputs_address_ = allocate(output_bytes(config, size));

    SC_THREAD(host_process);
    set_stack_size(kHostStackBytes);
}

Platform::~Platform() = default;

std::uint64_t Platform::dram_bytes(const PlatformSize& size, const models::HardwareConfig& config) {
    return size.weight_bytes +
           operand_bytes(config, size.max_tokens, size.max_depth, config.activations.bits) +
           output_bytes(config, size) + size.other_bytes;
}

std::uint64_t Platform::weight_bytes(Index channels, Index depth, const models::LayerFormat& format,
                                     const models::HardwareConfig& config, bool has_bias) {
    const std::uint64_t bytes = operand_bytes(config, channels, depth, format.weight_bits,
                                              has_bias ? kMetadataWordsWithBias : kMetadataWords);
    if (config.accumulator.groups == WeightGroups::none) return bytes;
    const Index tiles = channels * config.accumulator.tile_count(depth);
    return bytes +
           round_up(bytes_for(tile_scale_format(config.accumulator), tiles), alignment(config));
}

std::uint64_t Platform::whole_bytes(std::uint64_t bytes, const models::HardwareConfig& config) {
    return round_up(bytes, alignment(config));
}

std::uint64_t Platform::element_bytes(std::int64_t elements, int bits,
                                      const models::HardwareConfig& config) {
    return whole_bytes(bytes_for(element_format_of(config, bits), elements), config);
}

void Platform::run(std::function<void()> program) {
    program_ = std::move(program);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_DO_NOTHING);
    sc_core::sc_start();
    if (error_) std::rethrow_exception(error_);
}

void Platform::host_process() {
    // SystemC would turn an exception that leaves a process into a report without its type.
    try {
        program_();
    } catch (...) {
        error_ = std::current_exception();
    }
    sc_core::sc_stop();
}

std::uint64_t Platform::allocate(std::uint64_t bytes) {
    const std::uint64_t address = allocated_;
    allocated_ = round_up(allocated_ + bytes, alignment(config_));
    if (allocated_ > capacity_) throw RunError("the simulated DRAM is full");
    return address;
}

PackingFormat Platform::element_format(int bits) const { return element_format_of(config_, bits); }

models::TensorRun Platform::values_at(std::uint64_t address, std::int64_t elements) const {
    return {.stream = models::Stream::outputs,
            .metadata = false,
            .address = address,
            .format = {models::Layout::packed, models::output_bits(config_.output_format)},
            .elements = elements};
}

models::TensorRun Platform::constants_at(std::uint64_t address, std::int64_t elements) const {
    models::TensorRun run = values_at(address, elements);
    run.for_all_rows = true;
    return run;
}

void Platform::write_dram(std::uint64_t address, std::vector<std::byte>& bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(bytes.data()));
    payload.set_data_length(static_cast<unsigned int>(bytes.size()));
    memory_socket()->transport_dbg(payload);
}

std::vector<std::int32_t> Platform::read_words(std::uint64_t address, std::int64_t words,
                                               int bits) {
    if (!has_values_) return std::vector<std::int32_t>(static_cast<std::size_t>(words));
    const PackingFormat format{models::Layout::packed, bits};
    std::vector<std::byte> bytes(bytes_for(format, words));
    tlm::tlm_generic_payload payload;
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(bytes.data()));
    payload.set_data_length(static_cast<unsigned int>(bytes.size()));
    memory_socket()->transport_dbg(payload);
    std::vector<std::int32_t> values(static_cast<std::size_t>(words));
    models::unpack(bytes, 0, format, true, std::span<std::int32_t>(values));
    return values;
}

void Platform::store_words(std::uint64_t address, std::vector<std::int32_t> words) {
    if (!has_values_) return;
    std::vector<std::byte> bytes(words.size() * 4);
    models::pack(std::span<const std::int32_t>(words), 0, kWordFormat, bytes);
    write_dram(address, bytes);
}

OperandRef Platform::reserve_weights(Index channels, Index depth, const models::LayerFormat& format,
                                     bool has_bias) {
    OperandRef operand{.metadata_words = has_bias ? kMetadataWordsWithBias : kMetadataWords,
                       .rows = channels,
                       .columns = depth,
                       .format = element_format(format.weight_bits),
                       .is_signed = true};
    operand.address = allocate(bytes_for(operand.format, channels * depth));
    operand.metadata_address =
        allocate(static_cast<std::uint64_t>(channels * operand.metadata_words) * 4);
    if (config_.accumulator.groups != WeightGroups::none) {
        operand.tiles_per_row = config_.accumulator.tile_count(depth);
        operand.tile_scales_address = allocate(
            bytes_for(tile_scale_format(config_.accumulator), channels * operand.tiles_per_row));
    }
    return operand;
}

OperandRef Platform::store_weights(const Matrix<std::int16_t>& codes,
                                   const std::vector<double>& step,
                                   const models::LayerFormat& format, const TileScales& tile_scales,
                                   const std::vector<double>& bias) {
    const OperandRef operand = reserve_weights(codes.rows(), codes.cols(), format, !bias.empty());
    write_packed(operand.address, {codes.data(), static_cast<std::size_t>(codes.size())},
                 operand.format);
    std::vector<std::int32_t> words;
    for (Index channel = 0; channel < codes.rows(); ++channel) {
        words.push_back(
            models::float_bits(static_cast<float>(step[static_cast<std::size_t>(channel)])));
        const std::int64_t sum =
            scaled_sum(codes, tile_scales, channel, config_.accumulator.tile_length(codes.cols()));
        if (!signed_range(32).contains(sum)) {
            throw UserError(fmt::format(
                "quantizer.weight_groups: channel {}'s sum of scaled codes, {}, needs more than "
                "32 bits (use fewer number_format.weight_bits, or weight_groups: none)",
                channel, sum));
        }
        words.push_back(static_cast<std::int32_t>(sum));
        if (!bias.empty()) {
            words.push_back(
                models::float_bits(static_cast<float>(bias[static_cast<std::size_t>(channel)])));
        }
    }
    store_words(operand.metadata_address, std::move(words));
    if (operand.tiles_per_row > 0) {
        const Matrix<std::int16_t> values = tile_scales.unaryExpr([&](std::uint8_t scale) {
            return static_cast<std::int16_t>(
                models::tile_scale_word(config_.accumulator.groups, scale));
        });
        write_packed(operand.tile_scales_address,
                     {values.data(), static_cast<std::size_t>(values.size())},
                     tile_scale_format(config_.accumulator));
    }
    return operand;
}

/// Writes elements in their layout before time starts.
void Platform::write_packed(std::uint64_t address, std::span<const std::int16_t> values,
                            const PackingFormat& format) {
    std::vector<std::byte> bytes(bytes_for(format, static_cast<std::int64_t>(values.size())));
    models::pack(values, 0, format, bytes);
    write_dram(address, bytes);
}

OperandRef Platform::store_activations(const Matrix<std::int32_t>& codes,
                                       const models::LayerFormat& format) {
    OperandRef operand{.address = activations_address_,
                       .metadata_address = activations_metadata_address_,
                       .rows = codes.rows(),
                       .columns = codes.cols(),
                       .format = element_format(format.activations.bits),
                       .is_signed = format.activations.is_signed()};
    std::vector<std::byte> bytes(bytes_for(operand.format, codes.size()));
    models::pack(
        std::span<const std::int32_t>(codes.data(), static_cast<std::size_t>(codes.size())), 0,
        operand.format, bytes);
    write_dram(operand.address, bytes);
    std::vector<std::int32_t> words;
    for (Index token = 0; token < codes.rows(); ++token) {
        words.insert(words.end(), {models::float_bits(1.0F), 0});
    }
    store_words(operand.metadata_address, std::move(words));
    return operand;
}

/// Lets each cluster do its part, all at the same time. Returns where the cycles went.
template <class Command>
models::CycleCounts Platform::run_parts(std::vector<Command>& parts) {
    const std::uint64_t begin = clock_.now();
    for (std::size_t i = 1; i < parts.size(); ++i) {
        clusters_[i]->start([this, &parts, i] { clusters_[i]->run(parts[i]); });
    }
    std::exception_ptr error;
    try {
        clusters_.front()->run(parts.front());
    } catch (...) {
        error = std::current_exception();
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const std::exception_ptr of_this = clusters_[i]->finish();
        if (!error) error = of_this;
    }
    if (error) std::rethrow_exception(error);
    if (clusters_.size() == 1) return parts.front().cycles;
    models::CycleCounts sum;
    for (const Command& part : parts) sum += part.cycles;
    const std::uint64_t all = (clock_.now() - begin) * clusters_.size();
    sum.stall_clusters += all - sum.cycles;
    sum.cycles = all;
    return models::mean_over_clusters(sum, static_cast<int>(clusters_.size()));
}

void Platform::vector_pass(models::VectorCommand command) {
    command.has_values = has_values_;
    std::vector<models::VectorCommand> parts;
    if (clusters_.size() == 1) {
        parts.push_back(std::move(command));
    } else {
        for (int i = 0; i < config_.clusters; ++i) {
            if (auto part = models::part_of(command, config_.clusters, i)) {
                parts.push_back(std::move(*part));
            }
        }
    }
    cycles_ += run_parts(parts);
}

OperandRef Platform::quantize(const Matrix<float>* input, Index tokens, Index depth,
                              const models::Hadamard* rotation,
                              std::span<const models::StaticRange> ranges,
                              const models::LayerFormat& format, models::VectorCommand pass) {
    const OperandRef destination{.address = activations_address_,
                                 .metadata_address = activations_metadata_address_,
                                 .rows = tokens,
                                 .columns = depth,
                                 .format = element_format(format.activations.bits),
                                 .is_signed = format.activations.is_signed()};
    pass.rows = tokens;
    pass.quantizations.push_back({.input = input,
                                  .rows = tokens,
                                  .columns = depth,
                                  .rotation = rotation,
                                  .format = format.activations,
                                  .ranges = ranges,
                                  .destination = destination,
                                  .first_row = 0,
                                  .row_word = models::RowWord::zero_point});
    vector_pass(std::move(pass));
    return destination;
}

Platform::GemmRun Platform::run_gemm(const OperandRef& weights, const OperandRef& activations,
                                     const models::LayerFormat& format,
                                     std::uint64_t output_address, bool raw) {
    const models::GemmCommand whole{.weights = weights,
                                    .activations = activations,
                                    .format = format.gemm(),
                                    .output_address = output_address,
                                    .raw_accumulators = raw,
                                    .has_values = has_values_,
                                    .mapping = {},
                                    .cycles = {},
                                    .observed = {}};
    GemmRun run;
    for (int i = 0; i < config_.clusters; ++i) {
        if (auto part = models::part_of(whole, config_.cluster_split, config_.clusters, i)) {
            run.parts.push_back(*part);
        }
    }
    const models::CycleCounts cycles = run_parts(run.parts);
    cycles_ += cycles;
    const models::GemmCommand& first = run.parts.front();
    run.report = {whole.shape(), first.shape(), first.mapping, cycles, {}};
    for (const models::GemmCommand& part : run.parts) {
        models::AccumulatorObservation observed = part.observed;
        if (observed.first_overflow) {
            observed.first_overflow->token += part.activations.first_row - activations.first_row;
            observed.first_overflow->channel += part.weights.first_row - weights.first_row;
        }
        run.report.observed.merge(observed);
    }
    return run;
}

/// Calls place(token, first channel, channels, their words) for every row of results that lies in
/// DRAM in one piece.
template <class Place>
void Platform::for_each_output_row(const GemmRun& run, Place&& place) {
    const models::OutputWords output =
        models::output_words(config_.output_format, run.parts.front().raw_accumulators);
    const Index before_tokens = run.parts.front().activations.first_row;
    const Index before_channels = run.parts.front().weights.first_row;
    for (const models::GemmCommand& part : run.parts) {
        const models::GemmShape shape = part.shape();
        const std::uint64_t first_byte = static_cast<std::uint64_t>(part.first_output) *
                                         static_cast<std::uint64_t>(output.words * output.bits) / 8;
        const std::vector<std::int32_t> words = read_words(
            part.output_address + first_byte, shape.m * shape.n * output.words, output.bits);
        const Index first_token = part.activations.first_row - before_tokens;
        const Index first_channel = part.weights.first_row - before_channels;
        for (const models::Visit& visit : models::Visits(shape, part.mapping)) {
            if (!visit.last_chunk) continue;
            std::int64_t at =
                models::output_offset(shape, visit.first_m, visit.m, visit.first_n) * output.words;
            const Index row_words = visit.n * output.words;
            for (Index token = visit.first_m; token < visit.first_m + visit.m; ++token) {
                place(first_token + token, first_channel + visit.first_n, visit.n,
                      std::span(words).subspan(static_cast<std::size_t>(at),
                                               static_cast<std::size_t>(row_words)));
                at += row_words;
            }
        }
    }
}

GemmReport Platform::multiply(const OperandRef& weights, const OperandRef& activations,
                              const models::LayerFormat& format, Matrix<float>& outputs,
                              std::optional<std::uint64_t> output_address) {
    const GemmRun run =
        run_gemm(weights, activations, format, output_address.value_or(outputs_address_), false);
    if (!has_values_) return run.report;
    outputs.resize(activations.rows, weights.rows);
    for_each_output_row(
        run, [&](Index token, Index first, Index count, std::span<const std::int32_t> words) {
            models::words_to_values(
                words, config_.output_format,
                {outputs.row(token).data() + first, static_cast<std::size_t>(count)});
        });
    return run.report;
}

GemmReport Platform::multiply_raw(const OperandRef& weights, const OperandRef& activations,
                                  const models::LayerFormat& format,
                                  Matrix<std::int64_t>& outputs) {
    const GemmRun run = run_gemm(weights, activations, format, outputs_address_, true);
    if (!has_values_) return run.report;
    outputs.setZero(activations.rows, weights.rows);
    for_each_output_row(
        run, [&](Index token, Index first, Index count, std::span<const std::int32_t> words) {
            for (Index i = 0; i < count; ++i) {
                const auto low = static_cast<std::uint32_t>(words[static_cast<std::size_t>(2 * i)]);
                const auto high =
                    static_cast<std::uint32_t>(words[static_cast<std::size_t>(2 * i + 1)]);
                outputs(token, first + i) =
                    static_cast<std::int64_t>((static_cast<std::uint64_t>(high) << 32) | low);
            }
        });
    return run.report;
}

void Platform::trace_to(models::TraceSink* sink) {
    for (int i = 0; i < config_.clusters; ++i) {
        clusters_[static_cast<std::size_t>(i)]->trace_to(sink, i);
    }
    for (int channel = 0; channel < config_.dram.channels; ++channel) {
        if (sink == nullptr) {
            dram_.trace_to(channel, nullptr);
        } else {
            dram_.trace_to(channel, [sink, channel](const models::DramCommand& command) {
                sink->dram(channel, command);
            });
        }
    }
}

models::Counts Platform::counts() const {
    models::Counts counts;
    for (const auto& cluster : clusters_) counts += cluster->counts();
    counts.cycles = cycles_;
    counts.dram = dram_.counts();
    if (interconnect_) counts.interconnect = interconnect_->counts();
    return counts;
}

}  // namespace axesim::sim
