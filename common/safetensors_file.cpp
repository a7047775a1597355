// SPDX-License-Identifier: Apache-2.0
#include "common/safetensors_file.h"

#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "common/error.h"

namespace axesim {

namespace {

using nlohmann::json;

std::size_t bytes_per_element(const std::string& type) {
    static const std::map<std::string, std::size_t> kSizes{
        {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"U64", 8}, {"I32", 4},
        {"U32", 4}, {"I16", 2}, {"U16", 2}, {"I8", 1},   {"U8", 1},  {"BOOL", 1}};
    const auto found = kSizes.find(type);
    return found == kSizes.end() ? 0 : found->second;
}

std::uint64_t byte_count(const SafeTensor& tensor) {
    if (!tensor.make_bytes) return tensor.bytes.size();
    std::uint64_t count = bytes_per_element(tensor.type);
    for (const std::int64_t dimension : tensor.shape)
        count *= static_cast<std::uint64_t>(dimension);
    return count;
}

SafeTensor read_tensor(const json& entry, std::span<const std::byte> data) {
    SafeTensor tensor;
    tensor.type = entry.at("dtype").get<std::string>();
    tensor.shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
    const std::size_t width = bytes_per_element(tensor.type);
    if (width == 0) throw UserError("type " + tensor.type + " is not supported");
    if (begin > end || end > data.size()) throw UserError("lies outside the file (cut short?)");
    std::uint64_t elements = 1;
    for (const std::int64_t dimension : tensor.shape) {
        if (dimension < 0 ||
            (dimension > 0 && elements > (end - begin) / static_cast<std::uint64_t>(dimension))) {
            throw UserError("its shape does not agree with its bytes");
        }
        elements *= static_cast<std::uint64_t>(dimension);
    }
    if (elements * width != end - begin) throw UserError("its shape does not agree with its bytes");
    tensor.bytes = data.subspan(begin, end - begin);
    return tensor;
}

}  // namespace

SafeTensorsFile::SafeTensorsFile(const std::filesystem::path& path) : file_(path) {
    const auto bytes = file_.bytes();
    const auto fail = [&](const std::string& what) -> UserError {
        return UserError(fmt::format("{}: {}", path.string(), what));
    };
    std::uint64_t length = 0;
    if (bytes.size() < sizeof(length)) throw fail("is not a safetensors file");
    std::memcpy(&length, bytes.data(), sizeof(length));
    if (length > bytes.size() - sizeof(length))
        throw fail("is not a safetensors file, or is cut short");
    const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof(length);
    const json header = json::parse(text, text + length, nullptr, false);
    if (!header.is_object()) throw fail("its safetensors header is not a JSON object");
    const auto data = bytes.subspan(sizeof(length) + length);
    for (const auto& [name, entry] : header.items()) {
        try {
            if (name == "__metadata__") {
                metadata_ = entry.get<std::map<std::string, std::string>>();
            } else {
                tensors_.emplace(name, read_tensor(entry, data));
            }
        } catch (const UserError& error) {
            throw fail(fmt::format("tensor {}: {}", name, error.what()));
        } catch (const json::exception&) {
            throw fail(fmt::format("the header's entry {} is malformed", name));
        }
    }
}

const SafeTensor& SafeTensorsFile::at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
        throw UserError(fmt::format("{}: has no tensor {}", path().string(), name));
    }
    return found->second;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, SafeTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
    json header = json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : tensors) {
        header[name] = {{"dtype", tensor.type},
                        {"shape", tensor.shape},
                        {"data_offsets", {offset, offset + byte_count(tensor)}}};
        offset += byte_count(tensor);
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    const std::uint64_t length = text.size();
    write_file_atomically(path, [&](std::ostream& out) {
        out.write(reinterpret_cast<const char*>(&length), sizeof(length));
        out << text;
        for (const auto& [name, tensor] : tensors) {
            std::vector<std::byte> made;
            if (tensor.make_bytes) made = tensor.make_bytes();
            const auto bytes = tensor.make_bytes ? std::span<const std::byte>(made) : tensor.bytes;
            out.write(reinterpret_cast<const char*>(bytes.data()),
                      static_cast<std::streamsize>(bytes.size()));
        }
    });
}

}  // namespace axesim
