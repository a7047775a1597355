// SPDX-License-Identifier: Apache-2.0
// The GGUF container, versions 2 and 3, little endian: named metadata and a table of tensors.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/files.h"
#include "workloads/ggml_types.h"

namespace axesim::workloads {

/// The types of metadata values, numbered as in the file.
enum class GgufValueType : std::uint32_t {
    uint8,
    int8,
    uint16,
    int16,
    uint32,
    int32,
    float32,
    boolean,
    string,
    array,
    uint64,
    int64,
    float64
};

/// An array as it lies in the file; its extent is checked when the file is opened.
struct GgufArray {
    GgufValueType element_type = GgufValueType::uint8;
    std::uint64_t count = 0;
    std::span<const std::byte> bytes;
};

using GgufValue =
    std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, GgufArray>;

/// One tensor of the table. Its bytes lie inside the file.
struct GgufTensor {
    std::string name;
    std::uint32_t type_id = 0;
    const GgmlType* type = nullptr;    ///< nullptr: a type that axesim cannot read
    Index rows = 1;                    ///< product of all dimensions but the fastest
    Index columns = 1;                 ///< the fastest dimension
    std::span<const std::byte> bytes;  ///< empty when the type cannot be read

    /// Decodes rows [first, first + count) to `out` [count, columns].
    void dequantize_rows(Index first, Index count, float* out) const;
};

/// A mapped GGUF file. The constructor checks everything that the table says against the size of
/// the file, and allocates in proportion to what is really there. All errors are UserErrors that
/// name the file.
class GgufFile {
public:
    explicit GgufFile(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return file_.path(); }
    const std::map<std::string, GgufValue, std::less<>>& metadata() const { return metadata_; }
    const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }

    /// The value of a key, or nothing when the file lacks the key. Throws UserError when the value
    /// is not of the kind asked for (an integer is a number, too).
    std::optional<std::int64_t> find_integer(std::string_view key) const;
    std::optional<double> find_number(std::string_view key) const;
    std::optional<std::string> find_string(std::string_view key) const;
    std::optional<std::vector<std::string_view>> find_strings(std::string_view key) const;
    std::optional<std::vector<std::int64_t>> find_integers(std::string_view key) const;

    /// nullptr when there is no such tensor.
    const GgufTensor* find_tensor(std::string_view name) const;

    /// A UserError about this file.
    [[noreturn]] void fail(const std::string& what) const;

private:
    const GgufValue* find(std::string_view key) const;

    MappedFile file_;
    std::map<std::string, GgufValue, std::less<>> metadata_;
    std::map<std::string, GgufTensor, std::less<>> tensors_;
};

}  // namespace axesim::workloads
