// SPDX-License-Identifier: Apache-2.0
// sweep.sqlite: the table of a sweep, and the operations of each of its points, for SQL.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

struct sqlite3;

namespace axesim::reports {

/// A database in memory, the same for the same points in the same order. Table `points` has the
/// columns of sweep_header, numbers as numbers; `layers` has the columns of layers.csv after
/// `point`. What was not measured is NULL. Everything throws RunError when SQLite fails.
class SweepDatabase {
public:
    /// `keys` are those that the sweep changes.
    explicit SweepDatabase(const std::vector<std::string>& keys);
    ~SweepDatabase();
    SweepDatabase(const SweepDatabase&) = delete;
    SweepDatabase& operator=(const SweepDatabase&) = delete;

    /// A point, as in sweep_line.
    void add(const std::string& point, const std::vector<std::string>& values,
             const nlohmann::ordered_json& result, const std::string& error);

    /// The content of its file.
    std::string bytes() const;

private:
    sqlite3* database_ = nullptr;
};

}  // namespace axesim::reports
