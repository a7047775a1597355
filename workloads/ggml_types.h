// SPDX-License-Identifier: Apache-2.0
// The element types of ggml tensors (the contents of GGUF files) and their conversion to single
// precision. Quantized types store a row as blocks of 32 or 256 elements with scales of their own.
// Formats: https://github.com/ggml-org/ggml, ggml-common.h (the `block_*` structures).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/matrix.h"

namespace axesim::workloads {

/// How one type lays out its elements, and how a block of them is decoded.
struct GgmlType {
    std::uint32_t id = 0;      ///< as in the file
    const char* name = "";     ///< as in "Q4_1"
    Index block_elements = 1;  ///< elements a block holds
    Index block_bytes = 0;     ///< bytes a block takes
    void (*decode)(const std::byte* block, float* elements) = nullptr;

    /// Bytes of a row of `elements`, which must be a multiple of block_elements.
    Index row_bytes(Index elements) const { return elements / block_elements * block_bytes; }
};

/// The type with this id, or nullptr when axesim cannot read it.
const GgmlType* find_ggml_type(std::uint32_t id);

/// The names of all types that can be read, as in "F32, F16, ...".
std::string readable_ggml_types();

/// Decodes whole blocks; bytes.size() must be type.row_bytes(elements.size()).
void dequantize(const GgmlType& type, std::span<const std::byte> bytes, std::span<float> elements);

}  // namespace axesim::workloads
