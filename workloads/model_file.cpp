// SPDX-License-Identifier: Apache-2.0
#include "workloads/model_file.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/files.h"
#include "workloads/bpe_tokenizer.h"
#include "workloads/gguf_llama.h"
#include "workloads/gguf_tokenizer.h"

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

}  // namespace

const std::vector<KnownModel>& known_models() {
    static const std::vector<KnownModel> models = {
        {"smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf",
         "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98362432}};
    return models;
}

std::filesystem::path find_model(const std::string& name_or_path) {
    std::vector<std::string> names;
    for (const KnownModel& model : known_models()) {
        if (model.name == name_or_path) return find_known(model);
        names.push_back(model.name);
    }
    std::error_code error;
    if (std::filesystem::is_regular_file(name_or_path, error)) return name_or_path;
    const bool is_there = std::filesystem::exists(name_or_path, error);
    throw UserError(fmt::format("model '{}' is {} (allowed: {}, or the path of a .gguf file){}",
                                name_or_path,
                                is_there ? "not a file" : "neither a known name nor a file",
                                fmt::join(names, ", "), did_you_mean(name_or_path, names)));
}

LoadedModel load_model(const std::filesystem::path& path) {
    const auto file = std::make_shared<const GgufFile>(path);
    LoadedModel model;
    model.path = path;
    model.weights = std::make_unique<GgufLlama>(file);
    const Index vocabulary = model.weights->shape().vocabulary;
    model.tokenizer = make_tokenizer([&] { return read_gguf_tokenizer(*file); }, vocabulary);
    if (model.tokenizer->vocabulary() > vocabulary) {
        file->fail(fmt::format("its tokenizer has {} tokens, its embedding only {}",
                               model.tokenizer->vocabulary(), vocabulary));
    }
    return model;
}

}  // namespace axesim::workloads
