// SPDX-License-Identifier: Apache-2.0
#include "sim/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

#include "common/error.h"
#include "common/files.h"
#include "common/safetensors_file.h"
#include "sim/sealed_tensors.h"
#include "sim/version.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using workloads::LinearId;

namespace {

constexpr const char* kKeyFile = "key.json";
constexpr const char* kStateFile = "state.safetensors";

Matrix<std::int16_t> codes_from(const SafeTensorsFile& file, const std::string& name, Index rows,
                                Index columns) {
    if (file.at(name).type == "I16") {
        return matrix_from<std::int16_t>(file, name, "I16", rows, columns);
    }
    return matrix_from<std::int8_t>(file, name, "I8", rows, columns).cast<std::int16_t>();
}

/// Tensors that view what is stored, and what had to be made for that.
struct BlockTensors {
    Tensors tensors;
    Metadata metadata;
    std::deque<Matrix<std::int8_t>> narrow;  // deques: spans into their elements stay valid
    std::deque<Matrix<float>> ranges;

    void add(const std::string& name, const QuantizedLayer& layer) {
        const Matrix<std::int16_t>& codes = layer.linear.codes;
        const std::vector<std::int64_t> shape{codes.rows(), codes.cols()};
        if (codes.size() > 0 && codes.minCoeff() >= -128 && codes.maxCoeff() <= 127) {
            const auto& stored = narrow.emplace_back(codes.cast<std::int8_t>());
            tensors[name + ".codes"] = {"I8", shape, bytes_of(stored)};
        } else {
            tensors[name + ".codes"] = {"I16", shape, bytes_of(codes)};
        }
        tensors[name + ".step"] = {"F64", {codes.rows(), 1}, bytes_of(layer.linear.step)};
        const TileScales& tile_scales = layer.linear.tile_scales;
        if (!layer.linear.bias.empty()) {
            tensors[name + ".bias"] = {
                "F64", {layer.linear.codes.rows(), 1}, bytes_of(layer.linear.bias)};
        }
        if (tile_scales.size() > 0) {
            tensors[name + ".tile_scales"] = {
                "U8", {tile_scales.rows(), tile_scales.cols()}, bytes_of(tile_scales)};
            metadata[name + ".tile_length"] = std::to_string(layer.linear.tile_length);
        }
        if (layer.input_ranges) {
            const auto& [rest, first] = *layer.input_ranges;
            Matrix<float> values(2, 2);
            values << rest.min, rest.max, first.min, first.max;
            tensors[name + ".input_ranges"] = {
                "F32", {2, 2}, bytes_of(ranges.emplace_back(std::move(values)))};
        }
        if (!layer.linear.fallback.empty()) metadata[name + ".fallback"] = layer.linear.fallback;
    }
};

QuantizedLayer layer_from(const SafeTensorsFile& file, const std::string& name, Index rows,
                          Index columns) {
    QuantizedLayer layer;
    layer.linear.codes = codes_from(file, name + ".codes", rows, columns);
    const Matrix<double> step = matrix_from<double>(file, name + ".step", "F64", rows, 1);
    layer.linear.step.assign(step.data(), step.data() + step.size());
    if (file.tensors().contains(name + ".bias")) {
        const Matrix<double> bias = matrix_from<double>(file, name + ".bias", "F64", rows, 1);
        layer.linear.bias.assign(bias.data(), bias.data() + bias.size());
    }
    const auto tile_length = file.metadata().find(name + ".tile_length");
    if (tile_length != file.metadata().end()) {
        layer.linear.tile_length = std::stoll(tile_length->second);
        const Index tiles = (columns + layer.linear.tile_length - 1) / layer.linear.tile_length;
        layer.linear.tile_scales =
            matrix_from<std::uint8_t>(file, name + ".tile_scales", "U8", rows, tiles);
    }
    const std::string ranges = name + ".input_ranges";
    if (file.tensors().contains(ranges)) {
        const Matrix<float> values = matrix_from<float>(file, ranges, "F32", 2, 2);
        layer.input_ranges =
            StaticRanges{{values(0, 0), values(0, 1)}, {values(1, 0), values(1, 1)}};
    }
    const auto fallback = file.metadata().find(name + ".fallback");
    if (fallback != file.metadata().end()) layer.linear.fallback = fallback->second;
    return layer;
}

/// Where two keys first differ, as in "config.quantizer.damping".
std::string first_difference(const Json& stored, const Json& wanted) {
    const Json changes = Json::diff(stored, wanted);
    std::string path = changes.empty() ? "" : changes.at(0).at("path").get<std::string>();
    std::ranges::replace(path, '/', '.');
    return path.empty() ? "it" : path.substr(1);
}

}  // namespace

Json integers_config(const Json& resolved) {
    Json relevant = resolved;
    for (const char* other : {"name", "hardware", "workload"}) relevant.erase(other);
    relevant.erase("attention");  // calibration's is in floating point
    return relevant;
}

Json checkpoint_key(const Config& config, const std::string& model_sha256,
                    const std::vector<std::vector<workloads::TokenId>>& calibration) {
    std::string tokens;
    for (const auto& sequence : calibration)
        tokens += fmt::format("{}\n", fmt::join(sequence, " "));
    return {{"version", version()},
            // Another build of the same version may round differently.
            {"program_sha256", program_sha256()},
            {"model_sha256", model_sha256},
            {"calibration_tokens_sha256", sha256_hex(bytes_of(tokens))},
            {"config", integers_config(config.resolved)}};
}

Checkpoint::Checkpoint(fs::path folder, const Json& key, Progress& progress)
    : folder_(std::move(folder)), key_sha256_(sha256_hex(bytes_of(key.dump()))) {
    std::error_code error;
    if (fs::exists(folder_, error) && has_same_key(key, progress)) return;
    fs::remove_all(folder_, error);
    fs::create_directories(folder_, error);
    if (error) {
        throw RunError(fmt::format("{}: cannot be made a folder for finished blocks: {}",
                                   folder_.string(), error.message()));
    }
    write_file_atomically(folder_ / kKeyFile,
                          [&](std::ostream& out) { out << key.dump(2) << "\n"; });
}

bool Checkpoint::has_same_key(const Json& key, Progress& progress) const {
    Json stored;
    try {
        stored = Json::parse(read_text_file(folder_ / kKeyFile), nullptr, false);
    } catch (const UserError&) {
        // As damaged as one that is no JSON.
    }
    if (stored == key) return true;
    const std::string why =
        stored.is_object() ? first_difference(stored, key) + " differs" : "its key.json is damaged";
    progress.note(
        fmt::format("{}: is of another run ({}): quantization starts anew", folder_.string(), why));
    return false;
}

fs::path Checkpoint::block_file(const fs::path& folder, int block) {
    return folder / fmt::format("block_{:05}.safetensors", block);
}

int Checkpoint::finished_blocks(const fs::path& folder, const Json& key) {
    std::error_code error;
    if (!fs::exists(folder / kKeyFile, error)) return 0;
    if (Json::parse(read_text_file(folder / kKeyFile), nullptr, false) != key) return 0;
    int block = 0;
    while (fs::exists(block_file(folder, block), error)) ++block;
    return block;
}

Checkpoint::Layers Checkpoint::layers(int block, const workloads::LlamaShape& shape) const {
    const auto file = open_sealed(block_file(folder_, block), key_sha256_);
    if (!file) return {};
    std::vector<LinearId> ids;
    if (block == shape.lm_head().block) {
        ids = {shape.lm_head()};
    } else {
        for (const workloads::LinearKind kind : workloads::kLinearKinds)
            ids.push_back({block, kind});
    }
    Layers found;
    try {
        for (const LinearId& id : ids) {
            found[id] = layer_from(*file, workloads::layer_name(id), shape.linear_outputs(id.kind),
                                   shape.linear_inputs(id.kind));
        }
    } catch (const UserError&) {
        return {};
    }
    return found;
}

std::optional<Checkpoint::State> Checkpoint::state(Index rows, Index columns) const {
    const auto file = open_sealed(folder_ / kStateFile, key_sha256_);
    if (!file) return std::nullopt;
    try {
        State state;
        state.hidden = matrix_from<float>(*file, "hidden", "F32", rows, columns);
        const std::string& block = file->metadata().at("block");
        std::from_chars(block.data(), block.data() + block.size(), state.block);
        return state;
    } catch (const UserError&) {
        return std::nullopt;
    }
}

void Checkpoint::store(int block, const Layers& layers) const {
    BlockTensors stored;
    for (const auto& [id, layer] : layers) {
        if (id.block == block) stored.add(workloads::layer_name(id), layer);
    }
    write_sealed(block_file(folder_, block), stored.tensors, stored.metadata, key_sha256_);
}

void Checkpoint::store_state(int block, const Matrix<float>& hidden) const {
    write_sealed(folder_ / kStateFile,
                 {{"hidden", {"F32", {hidden.rows(), hidden.cols()}, bytes_of(hidden)}}},
                 {{"block", std::to_string(block)}}, key_sha256_);
}

void Checkpoint::remove_state() const {
    std::error_code ignored;
    fs::remove(folder_ / kStateFile, ignored);
}

void remove_checkpoint(const fs::path& folder) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
}

}  // namespace axesim::sim
