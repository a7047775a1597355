// SPDX-License-Identifier: Apache-2.0
// Writes a tiny Llama as Hugging Face would publish it, byte by byte as the formats say, so that it
// shares no code with the reader.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/temporary_directory.h"
#include "tests/workloads/tiny_llama.h"

namespace axesim::workloads {

struct HfTestTensor {
    std::string type;
    std::vector<std::int64_t> shape;
    std::string bytes;
};

/// The bytes of a safetensors file.
std::string safetensors_of(const std::map<std::string, HfTestTensor>& tensors);

class HfFolder {
public:
    explicit HfFolder(const TinyLlama& tiny = TinyLlama(), const std::string& type = "F32");

    /// What write() writes: change it before.
    nlohmann::json config, tokenizer;
    std::map<std::string, HfTestTensor> tensors;

    /// Into model.safetensors, or into several files that an index lists. Returns the folder.
    std::filesystem::path write(std::size_t shards = 1) const;
    void write_file(const std::string& name, const std::string& content) const;

    std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

private:
    testing::TemporaryDirectory folder_;
};

}  // namespace axesim::workloads
