// SPDX-License-Identifier: Apache-2.0
// A JSON file whose values know where they stand, so that every complaint names file and key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace axesim::workloads {

/// A value of a JsonFile, which must outlive it, or a value that is not there (null counts as
/// that). All errors are UserErrors "FILE: KEY ...".
class JsonNode {
public:
    JsonNode(const std::string* file, const nlohmann::json* value, std::string key);

    bool exists() const { return value_ != nullptr; }
    /// As in "model.merges".
    const std::string& key() const { return key_; }
    /// A member of an object; one that is not there when this value is none either. Throws
    /// UserError when this value is something else than an object.
    JsonNode operator[](const std::string& name) const;
    /// The elements of an array.
    std::vector<JsonNode> elements() const;
    /// The object or array itself, for those with too many elements to make a node of each.
    const nlohmann::json& object() const;
    const nlohmann::json& array() const;

    std::string text() const;
    std::int64_t integer() const;  ///< a number such as 8.0 is one, too
    double number() const;
    std::string text_or(const std::string& fallback) const { return exists() ? text() : fallback; }
    std::int64_t integer_or(std::int64_t fallback) const { return exists() ? integer() : fallback; }
    double number_or(double fallback) const { return exists() ? number() : fallback; }
    /// false when it is not there.
    bool flag() const;

    /// A UserError about this value, as in fail("is negative").
    [[noreturn]] void fail(const std::string& what) const;

private:
    const nlohmann::json& require() const;

    const std::string* file_;
    const nlohmann::json* value_;
    std::string key_;
};

class JsonFile {
public:
    /// Throws UserError naming the file when it cannot be read, and the line where it is not JSON.
    explicit JsonFile(const std::filesystem::path& path);

    JsonNode root() const { return {&file_, value_.get(), ""}; }

private:
    std::string file_;
    std::shared_ptr<const nlohmann::json> value_;
};

}  // namespace axesim::workloads
