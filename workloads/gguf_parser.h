// SPDX-License-Identifier: Apache-2.0
// Reads the header of a GGUF file from its bytes. Only gguf_file.cpp uses this.
#pragma once

#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/gguf_file.h"

namespace axesim::workloads {

/// A position in the bytes of a file. Every read is checked against the end; errors are UserErrors
/// that name the file, the offset and what was being read (`what`).
class GgufCursor {
public:
    GgufCursor(std::string file, std::span<const std::byte> bytes)
        : file_(std::move(file)), bytes_(bytes) {}

    template <class T>
    T read(std::string_view what) {
        T value;
        std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
        return value;
    }
    std::span<const std::byte> take(std::uint64_t count, std::string_view what);
    std::string_view read_string(std::string_view what);
    GgufValue read_value(GgufValueType type, std::string_view key);

    std::uint64_t offset() const { return offset_; }
    [[noreturn]] void fail(const std::string& what) const;

private:
    GgufArray read_array(std::string_view key);

    std::string file_;
    std::span<const std::byte> bytes_;
    std::uint64_t offset_ = 0;
};

/// The whole header.
struct GgufHeader {
    std::map<std::string, GgufValue, std::less<>> metadata;
    std::map<std::string, GgufTensor, std::less<>> tensors;
};
GgufHeader parse_gguf(const std::string& file, std::span<const std::byte> bytes);

/// The elements of an array of strings or of integers; nothing for another element type.
std::optional<std::vector<std::string_view>> array_strings(const GgufArray& array);
std::optional<std::vector<std::int64_t>> array_integers(const GgufArray& array);

}  // namespace axesim::workloads
