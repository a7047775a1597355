// SPDX-License-Identifier: Apache-2.0
#include "sim/sealed_tensors.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.h"
#include "common/files.h"

namespace axesim::sim {

namespace {

constexpr const char* kDigest = "sha256";  // the metadata entry that all others are hashed into

/// Of all names, types, shapes, bytes and metadata.
std::string digest_of(const Tensors& tensors, const Metadata& metadata) {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    for (const auto& [name, tensor] : tensors) {
        all["tensors"][name] = {tensor.type, tensor.shape, sha256_hex(tensor.bytes)};
    }
    for (const auto& [name, value] : metadata) {
        if (name != kDigest) all["metadata"][name] = value;
    }
    return sha256_hex(bytes_of(all.dump()));
}

}  // namespace

void write_sealed(const std::filesystem::path& path, const Tensors& tensors, Metadata metadata,
                  const std::string& key_sha256) {
    metadata["key"] = key_sha256;
    metadata[kDigest] = digest_of(tensors, metadata);
    write_safetensors(path, tensors, metadata);
}

std::unique_ptr<SafeTensorsFile> open_sealed(const std::filesystem::path& path,
                                             const std::string& key_sha256) {
    try {
        auto file = std::make_unique<SafeTensorsFile>(path);
        const Metadata& metadata = file->metadata();
        const auto entry = [&](const char* name) {
            const auto found = metadata.find(name);
            return found == metadata.end() ? std::string() : found->second;
        };
        const bool sound =
            entry("key") == key_sha256 && entry(kDigest) == digest_of(file->tensors(), metadata);
        return sound ? std::move(file) : nullptr;
    } catch (const UserError&) {
        return nullptr;
    }
}

const SafeTensor& tensor_like(const SafeTensorsFile& file, const std::string& name,
                              const char* type, const std::vector<std::int64_t>& shape) {
    const SafeTensor& tensor = file.at(name);
    if (tensor.type != type || tensor.shape != shape) {
        throw UserError(fmt::format("{}: tensor {} is another", file.path().string(), name));
    }
    return tensor;
}

}  // namespace axesim::sim
