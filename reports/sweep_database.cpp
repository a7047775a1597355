// SPDX-License-Identifier: Apache-2.0
#include "reports/sweep_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <memory>

#include "common/error.h"
#include "reports/sweep_table.h"

namespace axesim::reports {

using Json = nlohmann::ordered_json;

namespace {

/// Of an operation: the columns of layers.csv by their places in result.json's `layers`.
constexpr std::array kLayerFigures = {
    TableFigure{"name", "/name"},
    TableFigure{"kind", "/kind"},
    TableFigure{"count", "/count"},
    TableFigure{"m", "/m"},
    TableFigure{"n", "/n"},
    TableFigure{"k", "/k"},
    TableFigure{"macs", "/macs"},
    TableFigure{"cycles", "/cycles"},
    TableFigure{"energy_j", "/energy_j"},
    TableFigure{"rmse", "/rmse"},
    TableFigure{"sqnr_db", "/sqnr_db"},
    TableFigure{"overflow_events", "/overflow_events"},
    TableFigure{"certified", "/certified"},
    TableFigure{"weight_bits", "/weight_bits"},
    TableFigure{"activation_bits", "/activation_bits"},
    TableFigure{"inner_bits", "/inner_bits"},
    TableFigure{"outer_bits", "/outer_bits"},
    TableFigure{"bound_inner_min", "/bound/inner_min"},
    TableFigure{"bound_inner_max", "/bound/inner_max"},
    TableFigure{"bound_outer_min", "/bound/outer_min"},
    TableFigure{"bound_outer_max", "/bound/outer_max"},
    TableFigure{"observed_inner_min", "/observed/inner_min"},
    TableFigure{"observed_inner_max", "/observed/inner_max"},
    TableFigure{"observed_outer_min", "/observed/outer_min"},
    TableFigure{"observed_outer_max", "/observed/outer_max"},
    TableFigure{"compute_cycles", "/roofline/compute_cycles"},
    TableFigure{"vector_unit_cycles", "/roofline/vector_unit_cycles"},
    TableFigure{"buffer_cycles", "/roofline/buffer_cycles"},
    TableFigure{"memory_interface_cycles", "/roofline/memory_interface_cycles"},
    TableFigure{"interconnect_cycles", "/roofline/interconnect_cycles"},
    TableFigure{"dram_cycles", "/roofline/dram_cycles"},
    TableFigure{"macs_per_dram_byte", "/roofline/macs_per_dram_byte"},
    TableFigure{"bound_by", "/roofline/bound_by"},
    TableFigure{"share_of_roof", "/roofline/share_of_roof"},
    TableFigure{"mapping", "/mapping"},
    TableFigure{"fallback", "/fallback"},
};

[[noreturn]] void fail(sqlite3* database) {
    throw RunError(fmt::format("SQLite: {}", sqlite3_errmsg(database)));
}

void execute(sqlite3* database, const std::string& sql) {
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(database);
}

std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char letter : name) text += letter == '"' ? "\"\"" : std::string(1, letter);
    return text + "\"";
}

std::string create_table(const std::string& name, const std::vector<std::string>& columns) {
    std::string sql = "CREATE TABLE " + name + " (";
    for (const std::string& column : columns) {
        sql += (sql.ends_with('(') ? "" : ", ") + quoted(column);
    }
    return sql + ")";
}

Json value_at(const Json& json, const char* pointer) {
    const Json::json_pointer at(pointer);
    return json.is_object() && json.contains(at) ? json.at(at) : Json();
}

/// The value of a config's key: a number where it reads as one.
Json value_of(const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_number() || value.is_boolean() ? value : Json(text);
}

void bind(sqlite3_stmt* statement, int place, const Json& value) {
    if (value.is_number_float()) {
        sqlite3_bind_double(statement, place, value.get<double>());
    } else if (value.is_number() || value.is_boolean()) {
        sqlite3_bind_int64(
            statement, place,
            value.is_boolean() ? static_cast<int>(value.get<bool>()) : value.get<std::int64_t>());
    } else if (!value.is_null()) {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        sqlite3_bind_text(statement, place, text.data(), static_cast<int>(text.size()),
                          SQLITE_TRANSIENT);
    }
}

void insert(sqlite3* database, const std::string& table, const std::vector<Json>& values) {
    std::string sql = "INSERT INTO " + table + " VALUES (?";
    for (std::size_t i = 1; i < values.size(); ++i) sql += ",?";
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database, (sql + ")").c_str(), -1, &raw, nullptr) != SQLITE_OK) {
        fail(database);
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw,
                                                                               sqlite3_finalize);
    for (std::size_t i = 0; i < values.size(); ++i) bind(raw, static_cast<int>(i + 1), values[i]);
    if (sqlite3_step(raw) != SQLITE_DONE) fail(database);
}

}  // namespace

SweepDatabase::SweepDatabase(const std::vector<std::string>& keys) {
    if (sqlite3_open(":memory:", &database_) != SQLITE_OK) fail(database_);
    std::vector<std::string> points{"point"}, layers{"point"};
    points.insert(points.end(), keys.begin(), keys.end());
    for (const TableFigure& figure : sweep_figures()) points.emplace_back(figure.name);
    points.emplace_back("error");
    for (const TableFigure& figure : kLayerFigures) layers.emplace_back(figure.name);
    execute(database_, create_table("points", points));
    execute(database_, create_table("layers", layers));
}

SweepDatabase::~SweepDatabase() { sqlite3_close(database_); }

void SweepDatabase::add(const std::string& point, const std::vector<std::string>& values,
                        const Json& result, const std::string& error) {
    execute(database_, "BEGIN");
    std::vector<Json> row{point};
    for (const std::string& value : values) row.push_back(value_of(value));
    for (const TableFigure& figure : sweep_figures()) {
        row.push_back(value_at(result, figure.pointer));
    }
    row.push_back(error.empty() ? Json() : Json(error));
    insert(database_, "points", row);
    for (const Json& layer : value_at(result, "/layers")) {
        std::vector<Json> fields{point};
        for (const TableFigure& figure : kLayerFigures) {
            fields.push_back(value_at(layer, figure.pointer));
        }
        insert(database_, "layers", fields);
    }
    execute(database_, "COMMIT");
}

std::string SweepDatabase::bytes() const {
    sqlite3_int64 size = 0;
    const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> content(
        sqlite3_serialize(database_, "main", &size, 0), sqlite3_free);
    if (!content) throw RunError("SQLite: out of memory");
    return {reinterpret_cast<const char*>(content.get()), static_cast<std::size_t>(size)};
}

}  // namespace axesim::reports
