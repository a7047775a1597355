// SPDX-License-Identifier: Apache-2.0
// Tensors that a run stores for later ones: read back only when not a bit of them has changed and
// they belong to the same key.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "common/safetensors_file.h"

namespace axesim::sim {

using Tensors = std::map<std::string, SafeTensor>;
using Metadata = std::map<std::string, std::string>;

/// Written atomically. Throws RunError.
void write_sealed(const std::filesystem::path& path, const Tensors& tensors, Metadata metadata,
                  const std::string& key_sha256);

/// Null when the file is not there, is not as it was written, or belongs to another key.
std::unique_ptr<SafeTensorsFile> open_sealed(const std::filesystem::path& path,
                                             const std::string& key_sha256);

/// Throws UserError when the tensor is not there or has another type or shape.
const SafeTensor& tensor_like(const SafeTensorsFile& file, const std::string& name,
                              const char* type, const std::vector<std::int64_t>& shape);

/// The tensor's values as a matrix of T. Throws as tensor_like.
template <class T>
Matrix<T> matrix_from(const SafeTensorsFile& file, const std::string& name, const char* type,
                      Index rows, Index columns) {
    const SafeTensor& tensor = tensor_like(file, name, type, {rows, columns});
    Matrix<T> values(rows, columns);
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
}

}  // namespace axesim::sim
