// SPDX-License-Identifier: Apache-2.0
// The safetensors container: an 8-byte header length, a JSON header, raw little-endian tensors.
// Format: https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/files.h"

namespace axesim {

/// One tensor: its type as in the format ("F32", "F16", "BF16", "I8", "I16", "I32", ...), its shape
/// and its bytes.
struct SafeTensor {
    std::string type;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;
    /// For what is written and should not be in memory before: makes the bytes then.
    std::function<std::vector<std::byte>()> make_bytes = nullptr;
};

/// The bytes of a vector, string or matrix, which must outlive the result.
template <class T>
std::span<const std::byte> bytes_of(const T& container) {
    return std::as_bytes(std::span(container.data(), static_cast<std::size_t>(container.size())));
}

/// A mapped safetensors file. The constructor checks that the header is whole, that every tensor
/// lies inside the file and that shape, type and length agree; throws UserError naming file and
/// tensor.
class SafeTensorsFile {
public:
    explicit SafeTensorsFile(const std::filesystem::path& path);

    const std::map<std::string, SafeTensor>& tensors() const { return tensors_; }
    const std::map<std::string, std::string>& metadata() const { return metadata_; }
    const std::filesystem::path& path() const { return file_.path(); }
    /// Throws UserError when there is no such tensor.
    const SafeTensor& at(const std::string& name) const;

private:
    MappedFile file_;
    std::map<std::string, SafeTensor> tensors_;
    std::map<std::string, std::string> metadata_;
};

/// Writes tensors (in name order) and metadata atomically. Throws RunError.
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, SafeTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace axesim
