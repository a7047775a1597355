// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/error.h"

namespace axesim::workloads {

namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF", little endian
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 48;

// Bytes of an element of fixed size; 0 for strings, arrays and unknown types.
std::uint64_t fixed_size(GgufValueType type) {
    switch (type) {
        case GgufValueType::uint8:
        case GgufValueType::int8:
        case GgufValueType::boolean:
            return 1;
        case GgufValueType::uint16:
        case GgufValueType::int16:
            return 2;
        case GgufValueType::uint32:
        case GgufValueType::int32:
        case GgufValueType::float32:
            return 4;
        case GgufValueType::uint64:
        case GgufValueType::int64:
        case GgufValueType::float64:
            return 8;
        case GgufValueType::string:
        case GgufValueType::array:
            break;
    }
    return 0;
}

void check_preamble(GgufCursor& cursor) {
    if (cursor.read<std::uint32_t>("the magic number") != kMagic) {
        cursor.fail("is not a GGUF file (it does not begin with \"GGUF\")");
    }
    const auto version = cursor.read<std::uint32_t>("the version");
    if (version == 0x02000000 || version == 0x03000000) {
        cursor.fail("is a big-endian GGUF file (only little-endian ones can be read)");
    }
    if (version != 2 && version != 3) {
        cursor.fail(fmt::format("has GGUF version {} (allowed: 2 and 3)", version));
    }
}

// A key or a tensor's name. Refusing unprintable ones keeps the noise of a damaged file out of the
// error messages that would quote it.
std::string read_name(GgufCursor& cursor, std::string_view what) {
    const std::string name(cursor.read_string(what));
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), printable)) {
        cursor.fail(
            fmt::format("is damaged: {} before byte {} is not printable", what, cursor.offset()));
    }
    return name;
}

void parse_metadata(GgufCursor& cursor, std::uint64_t count, GgufHeader& header) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string key = read_name(cursor, "a metadata key");
        const auto type = static_cast<GgufValueType>(cursor.read<std::uint32_t>(key));
        if (!header.metadata.emplace(key, cursor.read_value(type, key)).second) {
            cursor.fail(fmt::format("has the metadata key {} twice", key));
        }
    }
}

std::uint64_t alignment_of(const GgufCursor& cursor, const GgufHeader& header) {
    const auto found = header.metadata.find("general.alignment");
    if (found == header.metadata.end()) return kDefaultAlignment;
    const auto* alignment = std::get_if<std::uint64_t>(&found->second);
    if (alignment == nullptr || *alignment == 0 || (*alignment & (*alignment - 1)) != 0 ||
        *alignment > std::numeric_limits<std::uint32_t>::max()) {
        cursor.fail("has a general.alignment that is not a power of two");
    }
    return *alignment;
}

// One row of the tensor table, before it is known where the data begins.
struct TableRow {
    GgufTensor tensor;
    std::uint64_t offset = 0;
};

TableRow parse_table_row(GgufCursor& cursor) {
    TableRow row;
    GgufTensor& tensor = row.tensor;
    tensor.name = read_name(cursor, "a tensor's name");
    const auto dimensions = cursor.read<std::uint32_t>(tensor.name);
    if (dimensions < 1 || dimensions > kMaxDimensions) {
        cursor.fail(fmt::format("tensor {} has {} dimensions (allowed: 1 to {})", tensor.name,
                                dimensions, kMaxDimensions));
    }
    std::uint64_t elements = 1;
    for (std::uint32_t d = 0; d < dimensions; ++d) {
        const auto size = cursor.read<std::uint64_t>(tensor.name);
        if (size < 1 || size > kMaxElements / elements) {
            cursor.fail(fmt::format("tensor {} has a dimension of {}", tensor.name, size));
        }
        elements *= size;
        (d == 0 ? tensor.columns : tensor.rows) *= static_cast<Index>(size);
    }
    tensor.type_id = cursor.read<std::uint32_t>(tensor.name);
    tensor.type = find_ggml_type(tensor.type_id);
    row.offset = cursor.read<std::uint64_t>(tensor.name);
    return row;
}

// Finds the bytes of a tensor in `data`, all that follows the header.
void locate(const GgufCursor& cursor, TableRow& row, std::span<const std::byte> data) {
    GgufTensor& tensor = row.tensor;
    if (tensor.type == nullptr) return;  // of unknown size; an error when it is asked for
    if (tensor.columns % tensor.type->block_elements != 0) {
        cursor.fail(fmt::format("tensor {}: rows of {} elements are no whole blocks of {} ({})",
                                tensor.name, tensor.columns, tensor.type->block_elements,
                                tensor.type->name));
    }
    const auto size =
        static_cast<std::uint64_t>(tensor.rows * tensor.type->row_bytes(tensor.columns));
    if (row.offset > data.size() || size > data.size() - row.offset) {
        cursor.fail(fmt::format(
            "is truncated: tensor {} ends {} bytes into the data, which has {}", tensor.name,
            static_cast<double>(row.offset) + static_cast<double>(size), data.size()));
    }
    tensor.bytes = data.subspan(row.offset, size);
}

}  // namespace

void GgufCursor::fail(const std::string& what) const {
    throw UserError(fmt::format("{}: {}", file_, what));
}

std::span<const std::byte> GgufCursor::take(std::uint64_t count, std::string_view what) {
    if (count > bytes_.size() - offset_) {
        fail(fmt::format("is truncated or damaged: {} at byte {} needs {} bytes, {} are left", what,
                         offset_, count, bytes_.size() - offset_));
    }
    const auto taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
}

std::string_view GgufCursor::read_string(std::string_view what) {
    const auto length = read<std::uint64_t>(what);
    const auto bytes = take(length, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

GgufValue GgufCursor::read_value(GgufValueType type, std::string_view key) {
    switch (type) {
        case GgufValueType::uint8:
            return std::uint64_t{read<std::uint8_t>(key)};
        case GgufValueType::int8:
            return std::int64_t{read<std::int8_t>(key)};
        case GgufValueType::uint16:
            return std::uint64_t{read<std::uint16_t>(key)};
        case GgufValueType::int16:
            return std::int64_t{read<std::int16_t>(key)};
        case GgufValueType::uint32:
            return std::uint64_t{read<std::uint32_t>(key)};
        case GgufValueType::int32:
            return std::int64_t{read<std::int32_t>(key)};
        case GgufValueType::float32:
            return double{read<float>(key)};
        case GgufValueType::boolean:
            return read<std::uint8_t>(key) != 0;
        case GgufValueType::string:
            return read_string(key);
        case GgufValueType::array:
            return read_array(key);
        case GgufValueType::uint64:
            return read<std::uint64_t>(key);
        case GgufValueType::int64:
            return read<std::int64_t>(key);
        case GgufValueType::float64:
            return read<double>(key);
    }
    fail(fmt::format("metadata key {} has the unknown value type {}", key,
                     static_cast<std::uint32_t>(type)));
}

GgufArray GgufCursor::read_array(std::string_view key) {
    GgufArray array;
    array.element_type = static_cast<GgufValueType>(read<std::uint32_t>(key));
    array.count = read<std::uint64_t>(key);
    const std::uint64_t begin = offset_;
    if (array.element_type == GgufValueType::string) {
        for (std::uint64_t i = 0; i < array.count; ++i) read_string(key);
    } else if (const std::uint64_t size = fixed_size(array.element_type); size > 0) {
        if (array.count > bytes_.size() / size) {
            fail(
                fmt::format("is truncated or damaged: metadata key {} claims an array of {} "
                            "elements in a file of {} bytes",
                            key, array.count, bytes_.size()));
        }
        take(array.count * size, key);
    } else {
        fail(fmt::format("metadata key {} is an array of the unsupported value type {}", key,
                         static_cast<std::uint32_t>(array.element_type)));
    }
    array.bytes = bytes_.subspan(begin, offset_ - begin);
    return array;
}

GgufHeader parse_gguf(const std::string& file, std::span<const std::byte> bytes) {
    GgufCursor cursor(file, bytes);
    check_preamble(cursor);
    const auto tensor_count = cursor.read<std::uint64_t>("the number of tensors");
    const auto metadata_count = cursor.read<std::uint64_t>("the number of metadata keys");
    GgufHeader header;
    parse_metadata(cursor, metadata_count, header);
    const std::uint64_t alignment = alignment_of(cursor, header);
    std::vector<TableRow> rows;  // grows with what is read: the count may lie
    for (std::uint64_t i = 0; i < tensor_count; ++i) rows.push_back(parse_table_row(cursor));
    const std::uint64_t data_begin = (cursor.offset() + alignment - 1) / alignment * alignment;
    const auto data = bytes.subspan(std::min<std::uint64_t>(data_begin, bytes.size()));
    for (TableRow& row : rows) {
        if (row.offset % alignment != 0) {
            cursor.fail(
                fmt::format("tensor {} begins at {}, which is no multiple of the alignment {}",
                            row.tensor.name, row.offset, alignment));
        }
        locate(cursor, row, data);
        std::string name = row.tensor.name;
        if (!header.tensors.emplace(name, std::move(row.tensor)).second) {
            cursor.fail(fmt::format("has the tensor {} twice", name));
        }
    }
    return header;
}

std::optional<std::vector<std::string_view>> array_strings(const GgufArray& array) {
    if (array.element_type != GgufValueType::string) return std::nullopt;
    GgufCursor cursor("", array.bytes);
    std::vector<std::string_view> strings;
    strings.reserve(array.count);
    for (std::uint64_t i = 0; i < array.count; ++i) strings.push_back(cursor.read_string(""));
    return strings;
}

std::optional<std::vector<std::int64_t>> array_integers(const GgufArray& array) {
    GgufCursor cursor("", array.bytes);
    std::vector<std::int64_t> integers;
    if (array.element_type == GgufValueType::string) return std::nullopt;
    integers.reserve(array.count);
    for (std::uint64_t i = 0; i < array.count; ++i) {
        const GgufValue value = cursor.read_value(array.element_type, "");
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            integers.push_back(*number);
        } else if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
            integers.push_back(static_cast<std::int64_t>(*natural));
        } else {
            return std::nullopt;
        }
    }
    return integers;
}

}  // namespace axesim::workloads
