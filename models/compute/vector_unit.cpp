// SPDX-License-Identifier: Apache-2.0
#include "models/compute/vector_unit.h"

#include <algorithm>

#include "common/parallel.h"
#include "models/tlm_command.h"

namespace axesim::models {

namespace {

constexpr Index kScaledRows = 32;

QuantizedActivations codes_of(const QuantizeActivationsCommand& command) {
    const auto quantized = [&](const Eigen::Ref<const Matrix<float>>& input) {
        return command.ranges.empty() ? quantize_per_token(input, command.format)
                                      : quantize_static(input, command.format, command.ranges);
    };
    const auto rows = command.input->middleRows(command.first_row, command.rows);
    if (command.rotation == nullptr) return quantized(rows);
    Matrix<float> rotated = rows;
    command.rotation->rotate_rows(rotated);
    return quantized(rotated);
}

ChannelScales scales_of(const TileContents<std::int16_t>& weights) {
    ChannelScales channels;
    for (const std::int32_t bits : weights.row_scale_bits) {
        channels.steps.push_back(bits_float(bits));
    }
    channels.shifted_sums.assign(weights.row_integer.begin(), weights.row_integer.end());
    for (const std::int32_t bits : weights.row_bias_bits) {
        channels.biases.push_back(bits_float(bits));
    }
    channels.biases.resize(channels.steps.size(), 0.0);
    return channels;
}

}  // namespace

OutputWords output_words(OutputFormat format, bool raw_accumulators) {
    if (raw_accumulators) return {2, 32};
    return {1, output_bits(format)};
}

void scale_back(const Matrix<std::int64_t>& outer, const TileContents<std::int32_t>& activations,
                const TileContents<std::int16_t>& weights, OutputFormat format,
                std::vector<std::int32_t>& words) {
    words.resize(static_cast<std::size_t>(outer.size()));
    const ChannelScales channels = scales_of(weights);
    const auto columns = static_cast<std::size_t>(outer.cols());
    for_blocks(outer.rows(), kScaledRows, [&](Index first, Index count) {
        std::vector<float> values(columns);
        for (Index row = first; row < first + count; ++row) {
            const auto r = static_cast<std::size_t>(row);
            scale_row({outer.row(row).data(), columns}, bits_float(activations.row_scale_bits[r]),
                      activations.row_integer[r], channels, values);
            values_to_words(values, format, std::span(words).subspan(r * columns, columns));
        }
    });
}

std::vector<std::int32_t> raw_words(const Matrix<std::int64_t>& outer) {
    std::vector<std::int32_t> words(static_cast<std::size_t>(outer.size()) * 2);
    for (Index i = 0; i < outer.size(); ++i) {
        const auto bits = static_cast<std::uint64_t>(outer.data()[i]);
        words[static_cast<std::size_t>(2 * i)] = static_cast<std::int32_t>(bits);
        words[static_cast<std::size_t>(2 * i + 1)] = static_cast<std::int32_t>(bits >> 32);
    }
    return words;
}

VectorUnit::VectorUnit(const sc_core::sc_module_name& name, const HardwareConfig& config)
    : sc_module(name), config_(config) {
    scale_socket.register_b_transport(this, &VectorUnit::scale);
    quantize_socket.register_b_transport(this, &VectorUnit::quantize);
    work_socket.register_b_transport(this, &VectorUnit::work);
}

/// Returns the cycles that all lanes take for them.
std::uint64_t VectorUnit::spend(std::uint64_t steps) {
    steps_ += steps;
    const auto lanes = static_cast<std::uint64_t>(config_.vector_lanes());
    return (steps + lanes - 1) / lanes;
}

void VectorUnit::work(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<VectorWorkCommand>(payload);
    if (command == nullptr) return;
    work_ += command->work;
    command->cycles = spend(command->work.steps);
}

void VectorUnit::scale(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<ScaleCommand>(payload);
    if (command == nullptr) return;
    const bool raw = command->raw_accumulators;
    if (command->outer != nullptr) {
        if (raw) {
            *command->words = raw_words(*command->outer);
        } else {
            scale_back(*command->outer, *command->activations->contents,
                       *command->weights->contents, config_.output_format, *command->words);
        }
    }
    if (raw) return;
    scaled_outputs_ += command->results;
    if (command->has_bias) bias_adds_ += command->results;
    const auto columns = static_cast<std::uint64_t>(config_.array.columns);
    const std::uint64_t drain = (command->results + columns - 1) / columns;
    command->lane_cycles = spend(command->results);
    command->cycles = std::max(command->lane_cycles, drain) - drain;
}

void VectorUnit::quantize(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<QuantizeActivationsCommand>(payload);
    if (command == nullptr) return;
    if (command->rotation != nullptr) {
        const auto adds =
            static_cast<std::uint64_t>(command->rows * command->rotation->additions());
        rotation_adds_ += adds;
        command->cycles += spend(adds);
    }
    const auto values = static_cast<std::uint64_t>(command->rows * command->columns);
    quantized_values_ += values;
    command->cycles += spend(values);
    if (command->codes != nullptr) *command->codes = codes_of(*command);
}

}  // namespace axesim::models
