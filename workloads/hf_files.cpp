// SPDX-License-Identifier: Apache-2.0
#include "workloads/hf_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/error.h"
#include "workloads/json_file.h"

namespace axesim::workloads {

namespace fs = std::filesystem;

namespace {

bool is_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

// The folder's name. The cache of the package huggingface_hub has the model's name two levels up,
// as in models--HuggingFaceTB--SmolLM2-135M/snapshots/4e53f73.
std::string folder_name(const fs::path& folder) {
    std::error_code error;
    fs::path full = fs::absolute(folder.empty() ? "." : folder, error).lexically_normal();
    if (!full.has_filename()) full = full.parent_path();
    const std::string repository = full.parent_path().parent_path().filename().string();
    if (full.parent_path().filename() == "snapshots" && repository.starts_with("models--")) {
        return repository.substr(repository.rfind("--") + 2);
    }
    return full.filename().string();
}

void read_index(HfFiles& files) {
    const JsonFile json(files.index);
    const JsonNode map = json.root()["weight_map"];
    std::map<std::string, std::size_t> known;
    for (const auto& [tensor, file] : map.object().items()) {
        const std::string name = map[tensor].text();
        if (name.empty() || name != fs::path(name).filename()) {
            map[tensor].fail(fmt::format("is '{}', not the name of a file beside it", name));
        }
        const auto [entry, is_new] = known.try_emplace(name, files.weights.size());
        if (is_new) files.weights.push_back(files.index.parent_path() / name);
        files.weight_of_tensor[tensor] = entry->second;
        if (is_new && !is_file(files.weights.back())) {
            throw UserError(fmt::format("{}: is not there, but {} lists it",
                                        files.weights.back().string(),
                                        files.index.filename().string()));
        }
    }
}

void find_weights(HfFiles& files, const fs::path& folder) {
    if (is_file(folder / "model.safetensors")) {
        files.weights = {folder / "model.safetensors"};
        return;
    }
    files.index = folder / "model.safetensors.index.json";
    if (!is_file(files.index)) {
        throw UserError(
            fmt::format("{}: has neither model.safetensors nor model.safetensors.index.json "
                        "(weights in another format must be converted to safetensors)",
                        folder.string()));
    }
    read_index(files);
}

}  // namespace

HfFiles find_hf_files(const fs::path& path) {
    std::error_code error;
    const bool is_folder = fs::is_directory(path, error);
    const fs::path folder = is_folder ? path : path.parent_path();
    HfFiles files;
    const bool own_name = !is_folder && path.stem() != "model";
    files.name = own_name ? path.stem().string() : folder_name(folder);
    files.config = folder / "config.json";
    files.tokenizer = folder / "tokenizer.json";
    if (!is_file(files.config)) {
        throw UserError(fmt::format("{}: is not there; it tells the shape of the model in {}",
                                    files.config.string(), path.string()));
    }
    if (is_folder) {
        find_weights(files, folder);
    } else {
        files.weights = {path};
    }
    return files;
}

HfTensors::HfTensors(const HfFiles& files)
    : table_((files.index.empty() ? files.weights.front() : files.index).string()) {
    for (const fs::path& path : files.weights) files_.emplace_back(path);
    if (files.index.empty()) {
        for (const auto& [name, tensor] : files_.front().tensors()) {
            entries_.try_emplace(name, Entry{&tensor, table_});
        }
    }
    for (const auto& [name, file] : files.weight_of_tensor) {
        const SafeTensor& tensor = files_[file].at(name);
        entries_.try_emplace(name, Entry{&tensor, files.weights[file].string()});
    }
}

const SafeTensor* HfTensors::find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : found->second.tensor;
}

const SafeTensor& HfTensors::at(const std::string& name) const {
    if (const SafeTensor* tensor = find(name)) return *tensor;
    fail(name, "is missing");
}

void HfTensors::fail(const std::string& name, const std::string& what) const {
    const auto found = entries_.find(name);
    throw UserError(fmt::format("{}: tensor {} {}",
                                found == entries_.end() ? table_ : found->second.file, name, what));
}

}  // namespace axesim::workloads
