// SPDX-License-Identifier: Apache-2.0
#include "workloads/json_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "common/error.h"
#include "common/files.h"

namespace axesim::workloads {

namespace {

// Line and column of the byte with this number (from 1, as the parser counts).
Location locate(const std::string& file, const std::string& text, std::size_t byte) {
    const std::string_view before(text.data(), std::min(byte > 0 ? byte - 1 : 0, text.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t newline = before.rfind('\n');
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    return {file, static_cast<int>(line), static_cast<int>(before.size() - begin) + 1};
}

// What is wrong, without the parser's own way to say where.
std::string syntax_message(const std::string& what) {
    const auto begin = what.find("syntax error");
    return "is not JSON: " + (begin == std::string::npos ? what : what.substr(begin));
}

nlohmann::json parse_json(const std::string& file, const std::string& text) {
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& error) {
        throw UserError(locate(file, text, error.byte), syntax_message(error.what()));
    } catch (const nlohmann::json::exception& error) {
        throw UserError(Location{file}, syntax_message(error.what()));
    }
}

}  // namespace

JsonNode::JsonNode(const std::string* file, const nlohmann::json* value, std::string key)
    : file_(file), value_(value), key_(std::move(key)) {
    if (value_ != nullptr && value_->is_null()) value_ = nullptr;
}

JsonNode JsonNode::operator[](const std::string& name) const {
    const std::string key = key_.empty() ? name : key_ + "." + name;
    if (!exists()) return {file_, nullptr, key};
    const auto found = object().find(name);
    return {file_, found == value_->end() ? nullptr : &*found, key};
}

std::vector<JsonNode> JsonNode::elements() const {
    std::vector<JsonNode> nodes;
    for (const nlohmann::json& element : array()) {
        nodes.emplace_back(file_, &element, fmt::format("{}[{}]", key_, nodes.size()));
    }
    return nodes;
}

const nlohmann::json& JsonNode::require() const {
    if (!exists()) fail("is missing");
    return *value_;
}

const nlohmann::json& JsonNode::object() const {
    if (!require().is_object()) fail("is not an object");
    return *value_;
}

const nlohmann::json& JsonNode::array() const {
    if (!require().is_array()) fail("is not an array");
    return *value_;
}

std::string JsonNode::text() const {
    if (!require().is_string()) fail("is not text");
    return value_->get<std::string>();
}

std::int64_t JsonNode::integer() const {
    constexpr double kExact = 9007199254740992.0;  // above, doubles are no longer every integer
    const double value = number();
    if (value != std::floor(value) || std::abs(value) > kExact) {
        fail(fmt::format("is {}, not an integer", value));
    }
    return static_cast<std::int64_t>(value);
}

double JsonNode::number() const {
    if (!require().is_number()) fail("is not a number");
    return value_->get<double>();
}

bool JsonNode::flag() const {
    if (!exists()) return false;
    if (!value_->is_boolean()) fail("is neither true nor false");
    return value_->get<bool>();
}

void JsonNode::fail(const std::string& what) const {
    throw UserError(fmt::format("{}: {} {}", *file_, key_.empty() ? "the whole" : key_, what));
}

JsonFile::JsonFile(const std::filesystem::path& path)
    : file_(path.string()),
      value_(std::make_shared<const nlohmann::json>(parse_json(file_, read_text_file(path)))) {
    root().object();
}

}  // namespace axesim::workloads
