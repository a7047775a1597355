// SPDX-License-Identifier: Apache-2.0
// A YAML table of figures, each with its unit and source, read with checks on every entry.
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/error.h"
#include "models/cost/technology.h"

namespace axesim::sim {

/// One map of a table file. Every key must be one of those that are asked for.
class TableSection {
public:
    /// `path` is the dotted path of this section in the file, "" for the whole file.
    TableSection(std::string file, std::string path, const YAML::Node& node);

    /// Throws UserError at the first key that is not in `allowed` or stands twice.
    void require_only(const std::vector<std::string>& allowed) const;
    bool has(const std::string& key) const;
    std::vector<std::string> keys() const;
    TableSection section(const std::string& key) const;
    std::string text(const std::string& key) const;
    double number(const std::string& key) const;
    /// A coefficient of unit "1" or another that is a whole number of 1 to `most`.
    std::int64_t whole(const std::string& key, const std::string& unit, double most) const;
    /// An entry {value, unit, source} with optional min and max around value and optional rows; the
    /// unit must be the one given.
    models::Coefficient coefficient(const std::string& key, const std::string& unit,
                                    bool positive) const;
    /// Throws UserError at the place of `key`, or of the section when it is missing.
    [[noreturn]] void fail(const std::string& key, const std::string& message) const;

private:
    YAML::Node child(const std::string& key) const;
    Location place(const YAML::Node& node) const;
    std::string full(const std::string& key) const;

    std::string file_;
    std::string path_;
    YAML::Node node_;
};

/// What the folder `configs/folder` holds, sorted, without ".yaml".
std::vector<std::string> table_names(const std::string& folder);

/// A name in configs/`folder`, or a path when it looks like one. Throws UserError for a name that
/// is not there.
std::filesystem::path table_path(const std::string& folder, const std::string& name_or_path);

/// Reads a file whose top is a map. Throws UserError naming file, line and column.
TableSection read_table_file(const std::filesystem::path& path);

}  // namespace axesim::sim
