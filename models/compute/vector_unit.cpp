// SPDX-License-Identifier: Apache-2.0
#include "models/compute/vector_unit.h"

#include <algorithm>
#include <bit>

#include "common/parallel.h"
#include "models/tlm_command.h"

namespace axesim::models {

namespace {

constexpr Index kScaledRows = 32;

QuantizedActivations codes_of(const QuantizeActivationsCommand& command) {
    const auto quantized = [&](const Matrix<float>& input) {
        return command.ranges.empty() ? quantize_per_token(input, command.format)
                                      : quantize_static(input, command.format, command.ranges);
    };
    if (command.rotation == nullptr) return quantized(*command.input);
    Matrix<float> rotated = *command.input;
    command.rotation->rotate_rows(rotated);
    return quantized(rotated);
}

}  // namespace

std::int32_t float_bits(float value) { return std::bit_cast<std::int32_t>(value); }
float bits_float(std::int32_t bits) { return std::bit_cast<float>(bits); }

std::int32_t output_word(float value, OutputFormat format) {
    switch (format) {
        case OutputFormat::float16:
            return std::bit_cast<std::uint16_t>(static_cast<Eigen::half>(value));
        case OutputFormat::bfloat16:
            return std::bit_cast<std::uint16_t>(static_cast<Eigen::bfloat16>(value));
        case OutputFormat::float32:
            break;
    }
    return float_bits(value);
}

float output_value(std::int32_t word, OutputFormat format) {
    const auto bits = static_cast<std::uint16_t>(word);
    switch (format) {
        case OutputFormat::float16:
            return static_cast<float>(std::bit_cast<Eigen::half>(bits));
        case OutputFormat::bfloat16:
            return static_cast<float>(std::bit_cast<Eigen::bfloat16>(bits));
        case OutputFormat::float32:
            break;
    }
    return bits_float(word);
}

OutputWords output_words(OutputFormat format, bool raw_accumulators) {
    if (raw_accumulators) return {2, 32};
    return {1, output_bits(format)};
}

std::vector<std::int32_t> scale_back(const Matrix<std::int64_t>& outer,
                                     const ActivationTile& activations, const WeightTile& weights,
                                     OutputFormat format) {
    std::vector<std::int32_t> words(static_cast<std::size_t>(outer.size()));
    const bool has_bias = !weights.row_bias_bits.empty();
    for_blocks(outer.rows(), kScaledRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            const auto r = static_cast<std::size_t>(row);
            const double token_step = bits_float(activations.row_scale_bits[r]);
            const std::int64_t zero_point = activations.row_integer[r];
            std::int32_t* out = words.data() + row * outer.cols();
            for (Index column = 0; column < outer.cols(); ++column) {
                const auto c = static_cast<std::size_t>(column);
                const double step = token_step * bits_float(weights.row_scale_bits[c]);
                const auto sum =
                    static_cast<double>(outer(row, column) - zero_point * weights.row_integer[c]);
                const double bias = has_bias ? bits_float(weights.row_bias_bits[c]) : 0.0;
                out[column] = output_word(static_cast<float>(step * sum + bias), format);
            }
        }
    });
    return words;
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
        *command->words = raw ? raw_words(*command->outer)
                              : scale_back(*command->outer, *command->activations,
                                           *command->weights, config_.output_format);
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
            static_cast<std::uint64_t>(command->input->rows() * command->rotation->additions());
        rotation_adds_ += adds;
        command->cycles += spend(adds);
    }
    const auto values = static_cast<std::uint64_t>(command->input->size());
    quantized_values_ += values;
    command->cycles += spend(values);
    if (command->codes != nullptr) *command->codes = codes_of(*command);
}

}  // namespace axesim::models
