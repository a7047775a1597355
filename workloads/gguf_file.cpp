// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_file.h"

#include <fmt/format.h>

#include <limits>

#include "common/error.h"
#include "workloads/gguf_parser.h"

namespace axesim::workloads {

void GgufTensor::dequantize_rows(Index first, Index count, float* out) const {
    const Index row_bytes = type->row_bytes(columns);
    dequantize(*type, bytes.subspan(first * row_bytes, count * row_bytes),
               std::span(out, static_cast<std::size_t>(count * columns)));
}

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path) {
    GgufHeader header = parse_gguf(path.string(), file_.bytes());
    metadata_ = std::move(header.metadata);
    tensors_ = std::move(header.tensors);
}

void GgufFile::fail(const std::string& what) const {
    throw UserError(fmt::format("{}: {}", path().string(), what));
}

const GgufValue* GgufFile::find(std::string_view key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> GgufFile::find_integer(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* integer = std::get_if<std::int64_t>(value)) return *integer;
    if (const auto* natural = std::get_if<std::uint64_t>(value)) {
        if (*natural <= std::numeric_limits<std::int64_t>::max()) {
            return static_cast<std::int64_t>(*natural);
        }
    }
    fail(fmt::format("metadata key {} must be a single integer", key));
}

std::optional<double> GgufFile::find_number(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* number = std::get_if<double>(value)) return *number;
    if (const auto* integer = std::get_if<std::int64_t>(value)) {
        return static_cast<double>(*integer);
    }
    if (const auto* natural = std::get_if<std::uint64_t>(value)) {
        return static_cast<double>(*natural);
    }
    fail(fmt::format("metadata key {} must be a single number", key));
}

std::optional<std::string> GgufFile::find_string(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string_view>(value)) return std::string(*text);
    fail(fmt::format("metadata key {} must be a string", key));
}

std::optional<std::vector<std::string_view>> GgufFile::find_strings(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* array = std::get_if<GgufArray>(value)) {
        if (auto strings = array_strings(*array)) return strings;
    }
    fail(fmt::format("metadata key {} must be an array of strings", key));
}

std::optional<std::vector<std::int64_t>> GgufFile::find_integers(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* array = std::get_if<GgufArray>(value)) {
        if (auto integers = array_integers(*array)) return integers;
    }
    fail(fmt::format("metadata key {} must be an array of integers", key));
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace axesim::workloads
