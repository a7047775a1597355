// SPDX-License-Identifier: Apache-2.0
// From a model's name or path to its weights and tokenizer.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "workloads/llama.h"
#include "workloads/tokenizer.h"

namespace axesim::workloads {

struct LoadedModel {
    std::unique_ptr<LlamaWeights> weights;
    std::unique_ptr<Tokenizer> tokenizer;
    std::filesystem::path path;                ///< as it was asked for
    std::vector<std::filesystem::path> files;  ///< all that decide the values of the weights
    /// Lower-case hexadecimal SHA-256 of the file. Of several files, that of the lines "SHA-256
    /// FILE NAME" in the order of the names, which is what this prints in their folder: LC_ALL=C ls
    /// FILES | xargs sha256sum | sha256sum
    std::string sha256;
    bool synthetic = false;  ///< random weights of a model's sizes: accuracy says nothing
};

/// A model that scripts/fetch_model puts into the cache directory under a short name.
struct KnownModel {
    std::string name;       ///< as in "smollm2-135m"
    std::string file_name;  ///< in the cache directory
    std::string sha256;     ///< of that file
    std::uintmax_t bytes;
};
const std::vector<KnownModel>& known_models();

/// The file of a known name (in the cache directory), or a path: of a file, or of a folder with a
/// config.json. Throws UserError that says how to get the model when a known one is not in the
/// cache, or has the wrong size (cut download); for what is neither, it also offers `other_names`.
std::filesystem::path find_model(const std::string& name_or_path,
                                 const std::vector<std::string>& other_names = {});

/// Opens a Llama model: a .gguf file, a folder as Hugging Face publishes it, or a .safetensors file
/// in such a folder. Throws UserError naming the file and what is wrong: truncated, of another
/// format or architecture, a tensor missing, of a wrong shape or of an unsupported type.
LoadedModel load_model(const std::filesystem::path& path);

/// A model of these sizes with random weights (synthetic_llama.h), of which one block is simulated
/// and stands for all: with equal sizes they take the same cycles, traffic and energy. `file` is
/// where the sizes come from.
LoadedModel synthetic_model(LlamaShape shape, std::uint64_t seed,
                            const std::filesystem::path& file);

}  // namespace axesim::workloads
