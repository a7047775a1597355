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
    std::filesystem::path path;
};

/// A model that scripts/fetch_model puts into the cache directory under a short name.
struct KnownModel {
    std::string name;       ///< as in "smollm2-135m"
    std::string file_name;  ///< in the cache directory
    std::string sha256;     ///< of that file
    std::uintmax_t bytes;
};
const std::vector<KnownModel>& known_models();

/// The file of a known name (in the cache directory) or of a path. Throws UserError that says how
/// to get the model when a known one is not in the cache, or has the wrong size (cut download).
std::filesystem::path find_model(const std::string& name_or_path);

/// Opens a .gguf file of architecture llama. Throws UserError naming the file and what is wrong:
/// truncated, not GGUF, another architecture, a tensor missing, of a wrong shape or of an
/// unsupported type.
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace axesim::workloads
