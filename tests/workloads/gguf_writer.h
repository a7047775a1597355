// SPDX-License-Identifier: Apache-2.0
// Writes small GGUF files for tests, byte by byte as the format says, so that they share no code
// with the reader.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace axesim::workloads {

template <class T>
std::string raw(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string gguf_string(const std::string& text) {
    return raw<std::uint64_t>(text.size()) + text;
}

/// The bytes of an array of numbers.
template <class T>
std::string raw_array(const std::vector<T>& values) {
    std::string bytes;
    for (const T& value : values) bytes += raw(value);
    return bytes;
}

class GgufWriter {
public:
    std::uint32_t version = 3;
    std::uint64_t alignment = 32;

    void value(const std::string& key, std::uint32_t type, const std::string& bytes) {
        metadata_.push_back({key, gguf_string(key) + raw(type) + bytes});
    }
    void integer(const std::string& key, std::uint32_t number) { value(key, 4, raw(number)); }
    void number(const std::string& key, float number) { value(key, 6, raw(number)); }
    void text(const std::string& key, const std::string& text) { value(key, 8, gguf_string(text)); }
    void strings(const std::string& key, const std::vector<std::string>& strings) {
        std::string bytes = raw(std::uint32_t{8}) + raw<std::uint64_t>(strings.size());
        for (const std::string& one : strings) bytes += gguf_string(one);
        value(key, 9, bytes);
    }
    void integers(const std::string& key, const std::vector<std::int32_t>& integers) {
        value(key, 9,
              raw(std::uint32_t{5}) + raw<std::uint64_t>(integers.size()) + raw_array(integers));
    }
    /// `dimensions` as in the file: fastest first.
    void tensor(const std::string& name, const std::vector<std::uint64_t>& dimensions,
                std::uint32_t type, const std::string& bytes) {
        tensors_.push_back({name, dimensions, type, bytes});
    }
    void remove(const std::string& name) {
        std::erase_if(metadata_, [&](const Entry& entry) { return entry.key == name; });
        std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.name == name; });
    }

    std::string header() const {
        std::string bytes = "GGUF" + raw(version) + raw<std::uint64_t>(tensors_.size()) +
                            raw<std::uint64_t>(metadata_.size());
        for (const Entry& entry : metadata_) bytes += entry.bytes;
        std::uint64_t offset = 0;
        for (const Tensor& tensor : tensors_) {
            bytes += gguf_string(tensor.name) +
                     raw(static_cast<std::uint32_t>(tensor.dimensions.size())) +
                     raw_array(tensor.dimensions) + raw(tensor.type) + raw(offset);
            offset += padded(tensor.bytes.size());
        }
        return bytes;
    }
    std::string str() const {
        std::string bytes = header();
        bytes.resize(padded(bytes.size()));
        for (const Tensor& tensor : tensors_) {
            bytes += tensor.bytes;
            bytes.resize(bytes.size() + padded(tensor.bytes.size()) - tensor.bytes.size());
        }
        return bytes;
    }

private:
    struct Entry {
        std::string key, bytes;
    };
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> dimensions;
        std::uint32_t type;
        std::string bytes;
    };
    std::uint64_t padded(std::uint64_t size) const {
        return (size + alignment - 1) / alignment * alignment;
    }

    std::vector<Entry> metadata_;
    std::vector<Tensor> tensors_;
};

/// A file that goes away with the object.
class TemporaryFile {
public:
    TemporaryFile(const std::string& name, const std::string& content)
        : folder_(std::filesystem::temp_directory_path() /
                  ("axesim_workloads_" +
                   std::to_string(std::hash<std::string>{}(name + std::to_string(getpid()))))),
          path_(folder_ / name) {
        std::filesystem::create_directories(folder_);
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TemporaryFile() { std::filesystem::remove_all(folder_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path folder_, path_;
};

}  // namespace axesim::workloads
