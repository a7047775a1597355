// SPDX-License-Identifier: Apache-2.0
#include "sim/export.h"

#include <deque>

#include "common/safetensors_file.h"

namespace axesim::sim {

namespace {

using Metadata = std::map<std::string, std::string>;

/// What the certificate of a layer assumes and what may differ from layer to layer. `prefix`: ""
/// for the whole file, "NAME." for one layer.
Metadata format_metadata(const std::string& prefix, const models::LayerFormat& format) {
    const IntegerRange activations = format.activations.codes();
    return {{prefix + "weight_bits", std::to_string(format.weight_bits)},
            {prefix + "activation_bits", std::to_string(format.activations.bits)},
            {prefix + "activation_min", std::to_string(activations.min)},
            {prefix + "activation_max", std::to_string(activations.max)},
            {prefix + "inner_bits", std::to_string(format.accumulator.inner_bits)}};
}

/// As in the config; null without groups.
const char* groups_name(WeightGroups groups) {
    switch (groups) {
        case WeightGroups::none:
            return nullptr;
        case WeightGroups::power_of_two:
            return "power_of_two";
        case WeightGroups::integer:
            return "integer";
    }
    return nullptr;
}

/// The codes of a layer, as int8 or int16.
std::vector<std::byte> code_bytes(const QuantizedModel& model, const workloads::LinearId& id,
                                  bool narrow) {
    quant::QuantizedLinear room;
    const Matrix<std::int16_t>& codes = model.linear(id, room).codes;
    const auto copy = [](const auto& matrix) {
        const auto bytes = bytes_of(matrix);
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    return narrow ? copy(Matrix<std::int8_t>(codes.cast<std::int8_t>())) : copy(codes);
}

}  // namespace

void export_weights(const std::filesystem::path& directory, const QuantizedModel& model,
                    const Config& config) {
    const models::HardwareConfig& hardware = config.hardware;
    Metadata metadata{{"format", "axesim/1"},
                      {"activation_granularity",
                       hardware.activations.granularity == models::ActivationGranularity::per_token
                           ? "per_token"
                           : "per_tensor"},
                      {"tile_size", hardware.accumulator.tile_size == 0
                                        ? "monolithic"
                                        : std::to_string(hardware.accumulator.tile_size)},
                      {"lanes", std::to_string(hardware.accumulator.lanes)}};
    metadata.merge(format_metadata("", hardware));
    if (const char* groups = groups_name(hardware.accumulator.groups)) {
        metadata["weight_groups"] = groups;
    }
    std::map<std::string, SafeTensor> tensors;
    std::deque<std::vector<float>> scales;  // deques: spans into their elements stay valid
    std::deque<std::vector<std::int32_t>> zero_points;
    const auto add_input = [&](const std::string& name, const models::ActivationFormat& format,
                               const models::StaticRange& range) {
        const auto stored = models::quantize_static(Matrix<float>::Zero(1, 1), format, {{range}});
        tensors[name + "_scale"] = {
            .type = "F32", .shape = {}, .bytes = bytes_of(scales.emplace_back(stored.step))};
        tensors[name + "_zero_point"] = {
            .type = "I32",
            .shape = {},
            .bytes = bytes_of(zero_points.emplace_back(stored.zero_point))};
    };
    for (const auto& [id, layer] : model.layers) {
        const std::string name = workloads::layer_name(id);
        metadata[name + ".outer_bits"] = std::to_string(layer.certificate.outer_bits);
        if (layer.format != hardware) metadata.merge(format_metadata(name + ".", layer.format));
        const bool narrow = layer.format.weight_bits <= 8;
        tensors[name + ".weight"] = {
            .type = narrow ? "I8" : "I16",
            .shape = {layer.channels, layer.depth},
            .bytes = {},
            .make_bytes = [&model, id = id, narrow] { return code_bytes(model, id, narrow); }};
        if (layer.input_ranges) {
            const models::ActivationFormat& format = layer.format.activations;
            add_input(name + ".input", format, layer.input_ranges->rest);
            if (config.quantizer.first_position_apart) {
                add_input(name + ".first_input", format, layer.input_ranges->first);
            }
        }
        const auto& scale = scales.emplace_back(layer.linear.step.begin(), layer.linear.step.end());
        tensors[name + ".weight_scale"] = {
            .type = "F32", .shape = {layer.channels}, .bytes = bytes_of(scale)};
        if (!layer.linear.bias.empty()) {
            const auto& bias =
                scales.emplace_back(layer.linear.bias.begin(), layer.linear.bias.end());
            tensors[name + ".bias"] = {
                .type = "F32", .shape = {layer.channels}, .bytes = bytes_of(bias)};
        }
        const TileScales& tile_scales = layer.linear.tile_scales;
        if (tile_scales.size() > 0) {
            tensors[name + ".tile_scale"] = {.type = "U8",
                                             .shape = {tile_scales.rows(), tile_scales.cols()},
                                             .bytes = bytes_of(tile_scales)};
        }
    }
    write_safetensors(directory / "quantized.safetensors", tensors, metadata);
}

}  // namespace axesim::sim
