// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/points.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <random>
#include <set>

#include "common/files.h"
#include "common/safetensors_file.h"
#include "sim/config/config.h"

namespace axesim::sim {

namespace {

constexpr std::size_t kMostPoints = 10'000;
constexpr double kMostCombinations = 1e6;

Value::json_pointer pointer_to(const std::string& key) {
    std::string pointer = "/" + key;
    std::ranges::replace(pointer, '.', '/');
    return Value::json_pointer(pointer);
}

const Value* find_setting(const SweepEntry& entry, const std::string& key) {
    for (const auto& [path, value] : entry.settings) {
        if (path == key) return &value;
    }
    return nullptr;
}

/// The combinations of the axes, by the number that one would count them with.
class Grid {
public:
    Grid(const SweepFile& file, const Value& base) : file_(file), base_(base) {}

    double size() const {
        double combinations = 1;
        for (const SweepAxis& axis : file_.axes) {
            combinations *= static_cast<double>(axis.values.size());
        }
        return combinations;
    }

    SweepEntry at(std::uint64_t index) const {
        SweepEntry entry{{}, file_.where};
        for (auto axis = file_.axes.rbegin(); axis != file_.axes.rend(); ++axis) {
            const std::uint64_t values = axis->values.size();
            entry.settings.emplace_back(axis->key, axis->values[index % values]);
            index /= values;
        }
        std::ranges::reverse(entry.settings);
        return entry;
    }

    bool allows(const SweepEntry& entry) const {
        return std::ranges::all_of(file_.constraints, [&](const Constraint& constraint) {
            return constraint.holds([&](const std::string& key) -> const Value& {
                const Value* own = find_setting(entry, key);
                return own ? *own : base_.at(pointer_to(key));
            });
        });
    }

private:
    const SweepFile& file_;
    const Value& base_;
};

std::vector<SweepEntry> all_of(const Grid& grid, const SweepFile& file) {
    if (grid.size() > kMostCombinations) {
        throw UserError(
            file.where,
            fmt::format("axes: {:.3g} combinations are too many to try (allowed: {:.0f}, "
                        "or a sample: random)",
                        grid.size(), kMostCombinations));
    }
    std::vector<SweepEntry> entries;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(grid.size()); ++i) {
        SweepEntry entry = grid.at(i);
        if (grid.allows(entry)) entries.push_back(std::move(entry));
    }
    return entries;
}

/// Different combinations, in the order in which they are drawn. The generator and what is made of
/// its numbers are defined to the bit, so that a seed means the same points everywhere.
std::vector<SweepEntry> drawn_from(const Grid& grid, const RandomDraw& random) {
    const auto samples = static_cast<std::size_t>(random.samples);
    if (grid.size() > static_cast<double>(std::uint64_t{1} << 53)) {
        throw UserError(random.where, "random: the axes have too many combinations to count");
    }
    const auto size = static_cast<std::uint64_t>(grid.size());
    std::mt19937_64 generator(random.seed);
    std::set<std::uint64_t> seen;
    std::vector<SweepEntry> entries;
    // Constraints may leave few: after so many tries the rest would take forever.
    for (std::size_t tries = 100 * samples + 100'000; tries > 0 && seen.size() < size; --tries) {
        const std::uint64_t index = generator() % size;
        if (!seen.insert(index).second) continue;
        SweepEntry entry = grid.at(index);
        if (grid.allows(entry)) entries.push_back(std::move(entry));
        if (entries.size() == samples) return entries;
    }
    throw UserError(random.where, fmt::format("random: only {} combinations of the axes that meet "
                                              "the constraints were found (wanted: {} samples)",
                                              entries.size(), samples));
}

/// The keys that axes and points name, but for the name of a point.
std::vector<std::string> columns_of(const SweepFile& file) {
    std::vector<std::string> columns;
    const auto add = [&](const std::string& key) {
        if (key != "name" && std::ranges::find(columns, key) == columns.end()) {
            columns.push_back(key);
        }
    };
    for (const SweepAxis& axis : file.axes) add(axis.key);
    for (const SweepEntry& point : file.points) {
        for (const auto& [key, value] : point.settings) add(key);
    }
    return columns;
}

/// The last word of a key where it is the only one, else the whole key.
std::string short_key(const std::string& key, const std::vector<std::string>& columns) {
    const auto alike = std::ranges::count_if(
        columns, [&](const std::string& other) { return leaf_of(other) == leaf_of(key); });
    return alike == 1 ? leaf_of(key) : key;
}

/// Names a folder on any file system; different texts get different names.
std::string folder_name(const std::string& text) {
    constexpr std::size_t kLongest = 100;
    std::string name = text.substr(0, kLongest);
    std::ranges::replace_if(
        name,
        [](unsigned char c) {
            return c >= 0x80 ||
                   (std::isalnum(c) == 0 &&
                    std::string("=,._+-").find(static_cast<char>(c)) == std::string::npos);
        },
        '_');
    if (name.starts_with('.')) name[0] = '_';
    return name == text ? name : name + "-" + sha256_hex(bytes_of(text)).substr(0, 8);
}

std::string name_of(const SweepEntry& entry, const std::vector<std::string>& columns) {
    if (const Value* name = find_setting(entry, "name")) {
        return folder_name(name->get<std::string>());
    }
    if (entry.settings.empty()) return "base";
    std::string text;
    for (const auto& [key, value] : entry.settings) {
        text += (text.empty() ? "" : ",") + short_key(key, columns) + "=" + plain_text(value);
    }
    return folder_name(text);
}

/// The config of a point. A mistake is one of the sweep file: no line of --set.
Config config_of(const SweepPoint& point, const SweepEntry& entry,
                 const std::filesystem::path& base) {
    try {
        return load_config(base, point.sets);
    } catch (const UserError& error) {
        std::string what = error.what();
        if (what.starts_with("--set ")) {
            const std::size_t end = what.find(": ");
            what = end == std::string::npos ? what : what.substr(end + 2);
        }
        throw UserError(entry.where, fmt::format("point {}: {}", point.name, what));
    }
}

SweepPoint point_of(const SweepEntry& entry, const std::filesystem::path& base,
                    const std::vector<std::string>& columns, const std::vector<std::string>& sets) {
    SweepPoint point;
    point.name = name_of(entry, columns);
    point.sets = sets;
    for (const auto& [key, value] : entry.settings) {
        if (key != "name") point.sets.push_back(key + "=" + scalar_text(value));
    }
    point.sets.push_back("name=" + scalar_text(point.name));
    const Config config = config_of(point, entry, base);
    point.resolved = config.resolved;
    point.config_yaml = resolved_yaml(config);
    for (const std::string& key : columns) {
        point.values.push_back(plain_text(config.resolved.at(pointer_to(key))));
    }
    return point;
}

void require_not_swept(const std::vector<std::string>& sets,
                       const std::vector<std::string>& columns) {
    for (const std::string& set : sets) {
        const std::string key = set.substr(0, set.find('='));
        if (std::ranges::find(columns, key) == columns.end()) continue;
        throw UserError(Location{"--set " + set}, key + ": is what the sweep itself changes");
    }
}

}  // namespace

Sweep plan_sweep(const SweepFile& file, const std::vector<std::string>& sets) {
    Sweep sweep{.base = file.base, .columns = columns_of(file), .points = {}};
    require_not_swept(sets, sweep.columns);
    const Value base = load_config(file.base, sets).resolved;
    std::vector<SweepEntry> entries;
    if (!file.axes.empty()) {
        const Grid grid(file, base);
        entries = file.random ? drawn_from(grid, *file.random) : all_of(grid, file);
    }
    entries.insert(entries.end(), file.points.begin(), file.points.end());
    if (entries.empty()) throw UserError(file.where, "no point meets the constraints");
    if (entries.size() > kMostPoints) {
        throw UserError(file.where, fmt::format("{} points are too many (allowed: {})",
                                                entries.size(), kMostPoints));
    }
    std::map<std::string, Value> seen;
    for (const SweepEntry& entry : entries) {
        SweepPoint point = point_of(entry, file.base, sweep.columns, sets);
        const auto [earlier, is_new] = seen.emplace(point.name, point.resolved);
        if (!is_new && earlier->second != point.resolved) {
            throw UserError(entry.where, "point " + point.name + ": another one has this name");
        }
        if (is_new) sweep.points.push_back(std::move(point));
    }
    return sweep;
}

}  // namespace axesim::sim
