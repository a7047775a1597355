// SPDX-License-Identifier: Apache-2.0
#include "sim/export.h"

#include <deque>

#include "common/safetensors_file.h"

namespace axesim::sim {

namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& container) {
    return std::as_bytes(std::span(container.data(), static_cast<std::size_t>(container.size())));
}

}  // namespace

void export_weights(const std::filesystem::path& directory, const QuantizedModel& model,
                    const Config& config) {
    const models::HardwareConfig& hardware = config.hardware;
    const IntegerRange activations = hardware.activations.codes();
    std::map<std::string, std::string> metadata{
        {"format", "axesim/1"},
        {"weight_bits", std::to_string(hardware.weight_bits)},
        {"activation_bits", std::to_string(hardware.activations.bits)},
        {"activation_min", std::to_string(activations.min)},
        {"activation_max", std::to_string(activations.max)},
        {"activation_granularity",
         hardware.activations.granularity == models::ActivationGranularity::per_token
             ? "per_token"
             : "per_tensor"},
        {"inner_bits", std::to_string(hardware.accumulator.inner_bits)},
        {"tile_size", hardware.accumulator.tile_size == 0
                          ? "monolithic"
                          : std::to_string(hardware.accumulator.tile_size)},
        {"lanes", std::to_string(hardware.accumulator.lanes)}};
    if (hardware.accumulator.groups == WeightGroups::power_of_two) {
        metadata["weight_groups"] = "power_of_two";
    }
    std::map<std::string, SafeTensor> tensors;
    std::deque<Matrix<std::int8_t>> narrow;  // deques: spans into their elements stay valid
    std::deque<std::vector<float>> scales;
    std::deque<std::vector<std::int32_t>> zero_points;
    const auto add_input = [&](const std::string& name, const models::StaticRange& range) {
        const auto stored =
            models::quantize_static(Matrix<float>::Zero(1, 1), hardware.activations, {{range}});
        tensors[name + "_scale"] = {
            .type = "F32", .shape = {}, .bytes = bytes_of(scales.emplace_back(stored.step))};
        tensors[name + "_zero_point"] = {
            .type = "I32",
            .shape = {},
            .bytes = bytes_of(zero_points.emplace_back(stored.zero_point))};
    };
    for (const auto& [id, layer] : model.layers) {
        const std::string name = workloads::layer_name(id);
        const Matrix<std::int16_t>& codes = layer.linear.codes;
        metadata[name + ".outer_bits"] = std::to_string(layer.certificate.outer_bits);
        SafeTensor weight{
            .type = "I16", .shape = {codes.rows(), codes.cols()}, .bytes = bytes_of(codes)};
        if (hardware.weight_bits <= 8) {
            weight.type = "I8";
            weight.bytes = bytes_of(narrow.emplace_back(codes.cast<std::int8_t>()));
        }
        tensors[name + ".weight"] = weight;
        if (layer.input_ranges) {
            add_input(name + ".input", layer.input_ranges->rest);
            if (config.quantizer.first_position_apart) {
                add_input(name + ".first_input", layer.input_ranges->first);
            }
        }
        const auto& scale = scales.emplace_back(layer.linear.step.begin(), layer.linear.step.end());
        tensors[name + ".weight_scale"] = {
            .type = "F32", .shape = {codes.rows()}, .bytes = bytes_of(scale)};
        const TileShifts& shifts = layer.linear.shifts;
        if (shifts.size() > 0) {
            tensors[name + ".weight_shift"] = {
                .type = "I8", .shape = {shifts.rows(), shifts.cols()}, .bytes = bytes_of(shifts)};
        }
    }
    write_safetensors(directory / "quantized.safetensors", tensors, metadata);
}

}  // namespace axesim::sim
