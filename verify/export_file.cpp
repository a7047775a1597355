// SPDX-License-Identifier: Apache-2.0
#include "verify/export_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "common/error.h"
#include "common/safetensors_file.h"

namespace axesim::verify {

namespace {

const std::string kWeight = ".weight";
const std::string kTileScale = ".tile_scale";

struct Bounds {
    std::int64_t least;
    std::int64_t greatest;
};
constexpr Bounds kOperandBits{2, 16};
constexpr Bounds kAccumulatorBits{2, 62};
constexpr Bounds kActivation{-65536, 65536};
constexpr Bounds kCount{1, std::int64_t{1} << 40};

/// Typed access to the metadata of one file.
class Metadata {
public:
    explicit Metadata(const SafeTensorsFile& file) : file_(file) {}

    bool has(const std::string& key) const { return file_.metadata().count(key) > 0; }
    bool is(const std::string& key, const std::string& word) const {
        return has(key) && file_.metadata().at(key) == word;
    }

    std::int64_t integer(const std::string& key, const Bounds& bounds) const {
        if (!has(key)) fail("has no metadata '" + key + "'");
        const std::string& text = file_.metadata().at(key);
        std::int64_t value = 0;
        const char* end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, value);
        if (parsed.ec != std::errc{} || parsed.ptr != end || value < bounds.least ||
            value > bounds.greatest) {
            fail(fmt::format("metadata '{}' is '{}', must be an integer in {}..{}", key, text,
                             bounds.least, bounds.greatest));
        }
        return value;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw UserError(fmt::format("{}: {}", file_.path().string(), what));
    }

private:
    const SafeTensorsFile& file_;
};

/// "NAME.key" when the file has it, else "key". No layer is called "".
std::string own_or_common(const Metadata& metadata, const std::string& layer,
                          const std::string& key) {
    const std::string own = layer + "." + key;
    return metadata.has(own) ? own : key;
}

Operands operands(const Metadata& metadata, const std::string& layer) {
    const auto read = [&](const char* key, const Bounds& bounds) {
        return metadata.integer(own_or_common(metadata, layer, key), bounds);
    };
    Operands found{
        .weight_bits = static_cast<int>(read("weight_bits", kOperandBits)),
        .activation_bits = static_cast<int>(read("activation_bits", kOperandBits)),
        .activations = {read("activation_min", kActivation), read("activation_max", kActivation)}};
    if (found.activations.min > found.activations.max) {
        metadata.fail((layer.empty() ? "" : layer + ": ") +
                      "activation_min is greater than activation_max");
    }
    return found;
}

std::int64_t tile_length(const Metadata& metadata, const std::string& layer, std::int64_t depth) {
    const std::string key = own_or_common(metadata, layer, "tile_size");
    if (metadata.is(key, "monolithic") || metadata.is(key, "0")) return depth;
    return std::min(metadata.integer(key, kCount), depth);
}

int outer_bits(const Metadata& metadata, const std::string& layer, std::int64_t tiles,
               int scaled_bits) {
    const std::string key = own_or_common(metadata, layer, "outer_bits");
    if (metadata.has(key) && !metadata.is(key, "auto") && !metadata.is(key, "0")) {
        return static_cast<int>(metadata.integer(key, kAccumulatorBits));
    }
    int bits = scaled_bits;
    for (std::int64_t reach = 1; reach < tiles; reach *= 2) ++bits;
    return bits;
}

std::vector<std::int16_t> codes_of(const SafeTensor& tensor) {
    if (tensor.type == "I8") {
        const auto* first = reinterpret_cast<const std::int8_t*>(tensor.bytes.data());
        return {first, first + tensor.bytes.size()};
    }
    std::vector<std::int16_t> codes(tensor.bytes.size() / sizeof(std::int16_t));
    // The tensor need not be aligned in the file.
    if (!codes.empty()) std::memcpy(codes.data(), tensor.bytes.data(), tensor.bytes.size());
    return codes;
}

/// Scales of a layer of grouped weights.
std::vector<std::uint8_t> tile_scales_of(const SafeTensorsFile& file, const Metadata& metadata,
                                         const ExportedLayer& layer, std::int64_t tiles) {
    const auto found = file.tensors().find(layer.name + kTileScale);
    if (found == file.tensors().end()) {
        metadata.fail("weights have groups, but there is no tensor '" + layer.name + kTileScale +
                      "'");
    }
    const SafeTensor& tensor = found->second;
    if (tensor.type != "U8" || tensor.shape.size() != 2 || tensor.shape[0] != layer.channels ||
        tensor.shape[1] != tiles) {
        metadata.fail(fmt::format("tensor '{}' must be U8 [{}, {}], one scale a channel and tile",
                                  layer.name + kTileScale, layer.channels, tiles));
    }
    const auto* first = reinterpret_cast<const std::uint8_t*>(tensor.bytes.data());
    return {first, first + tensor.bytes.size()};
}

Groups groups_of(const Metadata& metadata) {
    if (!metadata.has("weight_groups") || metadata.is("weight_groups", "none")) return Groups::none;
    if (metadata.is("weight_groups", "power_of_two")) return Groups::power_of_two;
    if (metadata.is("weight_groups", "integer")) return Groups::integer;
    metadata.fail("metadata 'weight_groups' must be none, power_of_two or integer");
}

/// Bits by which the greatest scale widens a value.
int scale_bits(Groups groups) {
    switch (groups) {
        case Groups::none:
            break;
        case Groups::power_of_two:
            return 7;
        case Groups::integer:
            return 6;
    }
    return 0;
}

ExportedLayer read_layer(const SafeTensorsFile& file, const Metadata& metadata, Groups groups,
                         const std::string& name, const SafeTensor& tensor) {
    if (tensor.shape.size() != 2 || tensor.shape[0] < 1 || tensor.shape[1] < 1) {
        metadata.fail("tensor '" + name + kWeight + "' must have a shape [out, in], neither 0");
    }
    ExportedLayer layer;
    layer.name = name;
    layer.operands = operands(metadata, name);
    layer.channels = tensor.shape[0];
    layer.depth = tensor.shape[1];
    layer.inner_bits = static_cast<int>(
        metadata.integer(own_or_common(metadata, name, "inner_bits"), kAccumulatorBits));
    layer.tile_length = tile_length(metadata, name, layer.depth);
    const std::int64_t tiles = (layer.depth + layer.tile_length - 1) / layer.tile_length;
    layer.outer_bits = outer_bits(metadata, name, tiles, layer.inner_bits + scale_bits(groups));
    layer.codes = codes_of(tensor);
    if (groups != Groups::none) layer.tile_scales = tile_scales_of(file, metadata, layer, tiles);
    return layer;
}

/// The layer's name when the tensor holds the codes of a layer.
std::optional<std::string> layer_name(const SafeTensorsFile& file, const Metadata& metadata,
                                      const std::string& tensor_name, const SafeTensor& tensor) {
    if (!tensor_name.ends_with(kWeight)) return std::nullopt;
    const std::string name = tensor_name.substr(0, tensor_name.size() - kWeight.size());
    if (tensor.type == "I8" || tensor.type == "I16") return name;
    // Float tensors may travel along (norms), but not in the place of a quantized layer.
    if (file.tensors().count(tensor_name + "_scale") > 0) {
        metadata.fail(fmt::format("tensor '{}' has a scale but is {}, must be I8 or I16",
                                  tensor_name, tensor.type));
    }
    return std::nullopt;
}

}  // namespace

ExportedModel read_export(const std::filesystem::path& path) {
    const SafeTensorsFile file(path);
    const Metadata metadata(file);
    ExportedModel model;
    model.operands = operands(metadata, "");
    if (metadata.has("lanes")) model.lanes = metadata.integer("lanes", kCount);
    model.groups = groups_of(metadata);
    for (const auto& [tensor_name, tensor] : file.tensors()) {
        const auto name = layer_name(file, metadata, tensor_name, tensor);
        if (name) {
            model.layers.push_back(read_layer(file, metadata, model.groups, *name, tensor));
        }
    }
    if (model.layers.empty()) metadata.fail("has no integer tensor NAME.weight to verify");
    return model;
}

}  // namespace axesim::verify
