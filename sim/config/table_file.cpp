// SPDX-License-Identifier: Apache-2.0
#include "sim/config/table_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/files.h"

namespace axesim::sim {

namespace {

Location place_of(const std::string& file, const YAML::Mark& mark) {
    if (mark.is_null()) return {file, 0, 0};
    return {file, mark.line + 1, mark.column + 1};
}

}  // namespace

TableSection::TableSection(std::string file, std::string path, const YAML::Node& node)
    : file_(std::move(file)), path_(std::move(path)), node_(node) {
    if (!node_.IsMap()) {
        throw UserError(place(node_),
                        (path_.empty() ? "" : path_ + ": ") + "must be a map of names and values");
    }
}

Location TableSection::place(const YAML::Node& node) const { return place_of(file_, node.Mark()); }

std::string TableSection::full(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
}

void TableSection::fail(const std::string& key, const std::string& message) const {
    const YAML::Node node = node_[key];
    throw UserError(place(node.IsDefined() ? node : node_), full(key) + ": " + message);
}

void TableSection::require_only(const std::vector<std::string>& allowed) const {
    const std::set<std::string> known(allowed.begin(), allowed.end());
    std::set<std::string> seen;
    for (const auto& entry : node_) {
        const std::string key = entry.first.Scalar();
        if (!known.contains(key)) {
            throw UserError(place(entry.first),
                            full(key) + ": no such entry" + did_you_mean(key, allowed));
        }
        if (!seen.insert(key).second) {
            throw UserError(place(entry.first), full(key) + ": stands twice");
        }
    }
}

bool TableSection::has(const std::string& key) const { return node_[key].IsDefined(); }

std::vector<std::string> TableSection::keys() const {
    std::vector<std::string> names;
    for (const auto& entry : node_) names.push_back(entry.first.Scalar());
    return names;
}

YAML::Node TableSection::child(const std::string& key) const {
    YAML::Node node = node_[key];
    if (!node.IsDefined()) fail(key, "is missing");
    return node;
}

TableSection TableSection::section(const std::string& key) const {
    return {file_, full(key), child(key)};
}

std::string TableSection::text(const std::string& key) const {
    const YAML::Node node = child(key);
    if (!node.IsScalar() || node.Scalar().empty()) fail(key, "must be a text");
    return node.Scalar();
}

double TableSection::number(const std::string& key) const {
    const YAML::Node node = child(key);
    double value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value)) {
        fail(key, "must be a finite number");
    }
    return value;
}

models::Coefficient TableSection::coefficient(const std::string& key, const std::string& unit,
                                              bool positive) const {
    const TableSection entry = section(key);
    entry.require_only({"value", "min", "max", "unit", "rows", "source"});
    const double value = entry.number("value");
    if (positive && value <= 0) entry.fail("value", "must be greater than 0");
    if (entry.text("unit") != unit) {
        entry.fail("unit", fmt::format("must be {}, the unit of this entry", unit));
    }
    models::Coefficient coefficient{value, entry.text("source"), value, value,
                                    entry.has("rows") ? entry.text("rows") : ""};
    if (entry.has("min")) coefficient.min = entry.number("min");
    if (entry.has("max")) coefficient.max = entry.number("max");
    if (coefficient.min > value) entry.fail("min", "must not be greater than value");
    if (coefficient.max < value) entry.fail("max", "must not be less than value");
    if (positive && coefficient.min <= 0) entry.fail("min", "must be greater than 0");
    return coefficient;
}

std::int64_t TableSection::whole(const std::string& key, const std::string& unit,
                                 double most) const {
    const double value = coefficient(key, unit, true).value;
    if (value != std::floor(value) || value > most) {
        fail(key, fmt::format("must be a whole number of at most {:.0f}", most));
    }
    return static_cast<std::int64_t>(value);
}

std::vector<std::string> table_names(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(data_directory() / "configs" / folder)) {
        if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::filesystem::path table_path(const std::string& folder, const std::string& name_or_path) {
    const std::filesystem::path path(name_or_path);
    if (path.has_parent_path() || path.extension() == ".yaml") return path;
    const std::vector<std::string> names = table_names(folder);
    if (std::find(names.begin(), names.end(), name_or_path) == names.end()) {
        throw UserError(fmt::format(
            "there is no {} table {} (there are {}, or give the path of a .yaml file){}", folder,
            name_or_path, fmt::join(names, ", "), did_you_mean(name_or_path, names)));
    }
    return data_directory() / "configs" / folder / (name_or_path + ".yaml");
}

TableSection read_table_file(const std::filesystem::path& path) {
    const std::string text = read_text_file(path);
    try {
        return {path.string(), "", YAML::Load(text)};
    } catch (const YAML::ParserException& error) {
        throw UserError(place_of(path.string(), error.mark), "not valid YAML: " + error.msg);
    }
}

}  // namespace axesim::sim
