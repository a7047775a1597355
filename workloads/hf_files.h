// SPDX-License-Identifier: Apache-2.0
// The files of a model as Hugging Face publishes it: a folder with config.json, tokenizer.json and
// the weights, either in model.safetensors or in several files that model.safetensors.index.json
// lists. Format: https://huggingface.co/docs/transformers, "Sharded checkpoints".
#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/safetensors_file.h"

namespace axesim::workloads {

/// Where the parts of a model lie.
struct HfFiles {
    std::string name;  ///< of the model, as in "SmolLM2-135M-Instruct"
    std::filesystem::path config;
    std::filesystem::path tokenizer;  ///< need not be there
    std::filesystem::path index;      ///< empty: there is none
    std::vector<std::filesystem::path> weights;
    /// The file of each tensor, an index into `weights`; empty without an index.
    std::map<std::string, std::size_t> weight_of_tensor;
};

/// `path` is the folder, or a single .safetensors file in a folder that has the other files. Throws
/// UserError naming what is missing or, in the index, wrong.
HfFiles find_hf_files(const std::filesystem::path& path);

/// The tensors of all weight files as one table, mapped.
class HfTensors {
public:
    /// Throws UserError when a file is missing or damaged, or lacks a tensor that the index
    /// promises.
    explicit HfTensors(const HfFiles& files);

    /// nullptr when there is no such tensor.
    const SafeTensor* find(const std::string& name) const;
    /// Throws UserError naming the file that should have the tensor.
    const SafeTensor& at(const std::string& name) const;
    /// A UserError about a tensor, as in fail(name, "is empty"), that names its file.
    [[noreturn]] void fail(const std::string& name, const std::string& what) const;

private:
    struct Entry {
        const SafeTensor* tensor;
        std::string file;
    };
    std::string table_;  ///< the file that lists the tensors
    std::deque<SafeTensorsFile> files_;
    std::map<std::string, Entry> entries_;
};

}  // namespace axesim::workloads
