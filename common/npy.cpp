// SPDX-License-Identifier: Apache-2.0
#include "common/npy.h"

#include <fmt/format.h>

#include <cstring>
#include <regex>
#include <string>

#include "common/error.h"
#include "common/files.h"

namespace axesim {

namespace {

struct Array {
    std::string type;  ///< as in "f8", "i4"
    Index rows = 0, columns = 0;
    std::span<const std::byte> data;
};

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what) {
    throw UserError(fmt::format("{}: {}", path.string(), what));
}

/// The header is a Python dict literal of three known keys; a pattern each is enough and strict.
Array parse(const MappedFile& file) {
    const auto& path = file.path();
    const auto bytes = file.bytes();
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    if (bytes.size() < 10 || std::memcmp(text, "\x93NUMPY", 6) != 0)
        reject(path, "is not a .npy file");
    const int major = static_cast<unsigned char>(text[6]);
    if (major != 1 && major != 2)
        reject(path, fmt::format(".npy format {} is not supported", major));
    const std::size_t prefix = major == 1 ? 10 : 12;
    std::uint32_t length = 0;
    if (bytes.size() < prefix) reject(path, "is cut short in its header");
    std::memcpy(&length, text + 8, major == 1 ? 2 : 4);
    if (bytes.size() - prefix < length) reject(path, "is cut short in its header");
    const std::string header(text + prefix, length);

    std::smatch match;
    Array array;
    if (!std::regex_search(header, match, std::regex("'descr': *'([<|=]?)([fiub])([0-9]+)'"))) {
        reject(path, "has an element type that is not a little-endian number");
    }
    array.type = match[2].str() + match[3].str();
    if (!std::regex_search(header, match, std::regex("'fortran_order': *False"))) {
        reject(path, "is in Fortran order; save it with numpy.ascontiguousarray");
    }
    if (!std::regex_search(
            header, match,
            std::regex("'shape': *\\( *([0-9]{1,15}) *,? *([0-9]{1,15})? *,? *\\)"))) {
        reject(path, "must have one or two dimensions");
    }
    const Index first = std::stoll(match[1].str());
    array.rows = match[2].matched ? first : 1;
    array.columns = match[2].matched ? std::stoll(match[2].str()) : first;
    array.data = bytes.subspan(prefix + length);
    const auto width = static_cast<std::size_t>(std::stoi(array.type.substr(1)));
    const auto held = array.data.size() / width;
    const bool overflows = array.columns > 0 && array.rows > (Index{1} << 60) / array.columns;
    if (overflows || held < static_cast<std::size_t>(array.rows * array.columns)) {
        reject(path,
               fmt::format("is cut short: {} x {} elements of {} bytes are announced, {} are there",
                           array.rows, array.columns, width, held));
    }
    if (array.rows == 0 || array.columns == 0) reject(path, "has no elements");
    return array;
}

template <class Stored, class T>
Matrix<T> convert(const Array& array) {
    Matrix<T> result(array.rows, array.columns);
    const std::byte* data = array.data.data();
    for (Index i = 0; i < result.size(); ++i) {
        Stored value;
        std::memcpy(&value, data + static_cast<std::size_t>(i) * sizeof(Stored), sizeof(Stored));
        result.data()[i] = static_cast<T>(value);
    }
    return result;
}

template <class T>
bool convert_integer(const Array& array, Matrix<T>& result) {
    if (array.type == "i1")
        result = convert<std::int8_t, T>(array);
    else if (array.type == "i2")
        result = convert<std::int16_t, T>(array);
    else if (array.type == "i4")
        result = convert<std::int32_t, T>(array);
    else if (array.type == "i8")
        result = convert<std::int64_t, T>(array);
    else if (array.type == "u1" || array.type == "b1")
        result = convert<std::uint8_t, T>(array);
    else if (array.type == "u2")
        result = convert<std::uint16_t, T>(array);
    else if (array.type == "u4")
        result = convert<std::uint32_t, T>(array);
    else if (array.type == "u8")
        result = convert<std::uint64_t, T>(array);
    else
        return false;
    return true;
}

template <class T>
void write(const std::filesystem::path& path, const Matrix<T>& array, const std::string& type) {
    std::string header =
        fmt::format("{{'descr': '<{}', 'fortran_order': False, 'shape': ({}, {}), }}", type,
                    array.rows(), array.cols());
    // The format asks for a header that ends in a newline and aligns the data to 64 bytes.
    constexpr std::size_t kPrefix = 10;
    header.append(63 - (kPrefix + header.size()) % 64, ' ');
    header += '\n';
    const auto length = static_cast<std::uint16_t>(header.size());
    write_file_atomically(path, [&](std::ostream& out) {
        out.write("\x93NUMPY\x01\x00", 8);
        out.write(reinterpret_cast<const char*>(&length), 2);
        out << header;
        out.write(reinterpret_cast<const char*>(array.data()),
                  static_cast<std::streamsize>(array.size() * static_cast<Index>(sizeof(T))));
    });
}

}  // namespace

Matrix<double> read_npy_real(const std::filesystem::path& path) {
    const MappedFile file(path);
    const Array array = parse(file);
    Matrix<double> result;
    if (array.type == "f8") return convert<double, double>(array);
    if (array.type == "f4") return convert<float, double>(array);
    if (array.type == "f2") return convert<Eigen::half, double>(array);
    if (!convert_integer(array, result))
        reject(path, "has elements of unsupported type " + array.type);
    return result;
}

Matrix<std::int64_t> read_npy_integer(const std::filesystem::path& path) {
    const MappedFile file(path);
    const Array array = parse(file);
    Matrix<std::int64_t> result;
    if (!convert_integer(array, result)) {
        reject(path, "must hold integers, its elements are " + array.type);
    }
    return result;
}

void write_npy(const std::filesystem::path& path, const Matrix<std::int64_t>& array) {
    write(path, array, "i8");
}
void write_npy(const std::filesystem::path& path, const Matrix<std::int32_t>& array) {
    write(path, array, "i4");
}
void write_npy(const std::filesystem::path& path, const Matrix<float>& array) {
    write(path, array, "f4");
}

}  // namespace axesim
