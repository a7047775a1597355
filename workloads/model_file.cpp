// SPDX-License-Identifier: Apache-2.0
#include "workloads/model_file.h"

#include <fmt/format.h>

#include <map>

#include "common/error.h"
#include "common/files.h"
#include "workloads/bpe_tokenizer.h"
#include "workloads/gguf_llama.h"
#include "workloads/gguf_tokenizer.h"
#include "workloads/hf_llama.h"
#include "workloads/hf_tokenizer.h"
#include "workloads/synthetic_llama.h"

namespace axesim::workloads {

namespace {

std::filesystem::path find_known(const KnownModel& model) {
    const std::filesystem::path path = cache_directory() / model.file_name;
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(path, error);
    if (error) {
        throw UserError(
            fmt::format("{}: the model {} is not there; get it with scripts/fetch_model",
                        path.string(), model.name));
    }
    if (bytes != model.bytes) {
        throw UserError(
            fmt::format("{}: has {} bytes instead of the {} of the model {}; get it "
                        "again with scripts/fetch_model",
                        path.string(), bytes, model.bytes, model.name));
    }
    return path;
}

LoadedModel load_gguf(const std::filesystem::path& path) {
    const auto file = std::make_shared<const GgufFile>(path);
    LoadedModel model;
    model.files = {path};
    model.weights = std::make_unique<GgufLlama>(file);
    model.tokenizer = make_tokenizer([&] { return read_gguf_tokenizer(*file); },
                                     model.weights->shape().vocabulary);
    return model;
}

LoadedModel load_hf(const std::filesystem::path& path) {
    const HfFiles files = find_hf_files(path);
    LoadedModel model;
    model.files = files.weights;
    model.files.push_back(files.config);
    model.weights = std::make_unique<HfLlama>(files);
    model.tokenizer = make_tokenizer([&] { return read_hf_tokenizer(files.tokenizer); },
                                     model.weights->shape().vocabulary);
    return model;
}

std::string sha256_of(const std::vector<std::filesystem::path>& files) {
    std::map<std::string, std::string> digests;  // by name
    for (const std::filesystem::path& path : files) {
        digests[path.filename().string()] = sha256_of_file(path);
    }
    if (digests.size() == 1) return digests.begin()->second;
    std::string list;
    for (const auto& [name, digest] : digests) list += fmt::format("{}  {}\n", digest, name);
    return sha256_hex(std::as_bytes(std::span(list)));
}

}  // namespace

const std::vector<KnownModel>& known_models() {
    static const std::vector<KnownModel> models = {
        {"smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf",
         "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98362432}};
    return models;
}

std::filesystem::path find_model(const std::string& name_or_path,
                                 const std::vector<std::string>& other_names) {
    std::vector<std::string> names;
    for (const KnownModel& model : known_models()) {
        if (model.name == name_or_path) return find_known(model);
        names.push_back(model.name);
    }
    names.insert(names.end(), other_names.begin(), other_names.end());
    const std::filesystem::path path = name_or_path;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
    const bool is_folder = std::filesystem::is_directory(path, error);
    if (is_folder && std::filesystem::exists(path / "config.json", error)) return path;
    throw UserError(fmt::format(
        "model '{}' is {} (allowed: {}, or the path of a .gguf file, of a Hugging Face folder or "
        "of a .safetensors file in one){}",
        name_or_path,
        is_folder ? "a folder without a config.json" : "neither a known name nor a file or folder",
        fmt::join(names, ", "), did_you_mean(name_or_path, names)));
}

LoadedModel load_model(const std::filesystem::path& path) {
    std::error_code error;
    const bool is_hf =
        std::filesystem::is_directory(path, error) || path.extension() == ".safetensors";
    LoadedModel model = is_hf ? load_hf(path) : load_gguf(path);
    model.path = path;
    const Index vocabulary = model.weights->shape().vocabulary;
    if (model.tokenizer->vocabulary() > vocabulary) {
        throw UserError(fmt::format("{}: its tokenizer has {} tokens, its embedding only {}",
                                    path.string(), model.tokenizer->vocabulary(), vocabulary));
    }
    model.sha256 = sha256_of(model.files);
    return model;
}

LoadedModel synthetic_model(LlamaShape shape, std::uint64_t seed,
                            const std::filesystem::path& file) {
    shape.repeats = shape.blocks;
    shape.blocks = 1;
    LoadedModel model;
    model.tokenizer = std::make_unique<RandomTokenizer>(shape.vocabulary, seed);
    model.weights = std::make_unique<SyntheticLlama>(std::move(shape), seed);
    model.path = file;
    model.files = {file};
    model.sha256 = sha256_of(model.files);
    model.synthetic = true;
    return model;
}

}  // namespace axesim::workloads
