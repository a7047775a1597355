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

bool meets_constraints(const SweepEntry& entry, const SweepFile& file, const Value& base) {
    return std::ranges::all_of(file.constraints, [&](const Constraint& constraint) {
        return constraint.holds([&](const std::string& key) -> const Value& {
            if (const Value* own = find_setting(entry, key)) return *own;
            if (!layer_key(key)) return base.at(pointer_to(key));
            throw UserError(file.where, "constraints: " + key + ": is no axis");
        });
    });
}

SweepEntry entry_of(const Combination& combination, const SweepFile& file) {
    SweepEntry entry{{}, file.where};
    for (std::size_t i = 0; i < combination.size(); ++i) {
        const SweepAxis& axis = file.axes[i];
        entry.settings.emplace_back(axis.key, axis.values[combination[i]]);
    }
    return entry;
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
        Combination combination(file_.axes.size());
        for (std::size_t axis = combination.size(); axis-- > 0;) {
            const std::uint64_t values = file_.axes[axis].values.size();
            combination[axis] = index % values;
            index /= values;
        }
        return entry_of(combination, file_);
    }

    bool allows(const SweepEntry& entry) const { return meets_constraints(entry, file_, base_); }

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

/// The keys that tell points apart: of axes those with a choice, unless points beside them might
/// have the same names.
std::vector<std::string> keys_in_names(const SweepFile& file) {
    std::vector<std::string> keys = columns_of(file);
    const auto has_choice = [](const SweepAxis& axis) { return axis.values.size() > 1; };
    if (!file.points.empty() || std::ranges::none_of(file.axes, has_choice)) return keys;
    for (const SweepAxis& axis : file.axes) {
        if (!has_choice(axis)) std::erase(keys, axis.key);
    }
    return keys;
}

/// The last word of a key, as in "weight_bits"; of a key of some layers with what their pattern
/// spells out, as in "mlp.down_proj.weight_bits".
std::string last_word(const std::string& key) {
    const auto layers = layer_key(key);
    if (!layers) return leaf_of(key);
    std::string pattern = layers->layers;
    std::erase_if(pattern, [](char c) { return c == '*' || c == '?'; });
    const std::size_t begin = std::min(pattern.find_first_not_of('.'), pattern.size());
    const std::size_t end = pattern.find_last_not_of('.') + 1;
    return join_path(pattern.substr(begin, end - begin), leaf_of(layers->key));
}

/// The last word of a key where it is the only one, else the whole key.
std::string short_key(const std::string& key, const std::vector<std::string>& keys) {
    const auto alike = std::ranges::count_if(
        keys, [&](const std::string& other) { return last_word(other) == last_word(key); });
    return alike == 1 ? last_word(key) : key;
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

/// `keys`: those that names are made of.
std::string name_of(const SweepEntry& entry, const std::vector<std::string>& keys) {
    if (const Value* name = find_setting(entry, "name")) {
        return folder_name(name->get<std::string>());
    }
    if (entry.settings.empty()) return "base";
    std::string text;
    for (const auto& [key, value] : entry.settings) {
        if (std::ranges::find(keys, key) == keys.end()) continue;
        text += (text.empty() ? "" : ",") + short_key(key, keys) + "=" + plain_text(value);
    }
    return folder_name(text);
}

/// The config of a point. A mistake is one of the sweep file: no line of --set.
Config config_of(const SweepPoint& point, const SweepEntry& entry) {
    try {
        return load_config(point.base, point.sets);
    } catch (const UserError& error) {
        std::string what = error.what();
        if (what.starts_with("--set ")) {
            const std::size_t end = what.find(": ");
            what = end == std::string::npos ? what : what.substr(end + 2);
        }
        throw UserError(entry.where, fmt::format("point {}: {}", point.name, what));
    }
}

/// The values of columns. A key of some layers has one only where an entry gives it.
std::vector<std::string> values_in(const Value& resolved, const SweepEntry& entry,
                                   const std::vector<std::string>& columns) {
    std::vector<std::string> values;
    for (const std::string& key : columns) {
        const Value* own = find_setting(entry, key);
        values.push_back(!layer_key(key) ? plain_text(resolved.at(pointer_to(key)))
                         : own           ? plain_text(*own)
                                         : "");
    }
    return values;
}

/// Without its config.
SweepPoint named_point(const SweepEntry& entry, const SweepFile& file,
                       const std::vector<std::string>& sets) {
    SweepPoint point;
    point.name = name_of(entry, keys_in_names(file));
    point.base = file.base;
    point.sets = sets;
    for (const auto& [key, value] : entry.settings) {
        if (key != "name") point.sets.push_back(key + "=" + scalar_text(value));
    }
    point.sets.push_back("name=" + scalar_text(point.name));
    return point;
}

void set_config(SweepPoint& point, const Config& config, const SweepEntry& entry,
                const std::vector<std::string>& columns) {
    point.resolved = config.resolved;
    point.config_yaml = resolved_yaml(config);
    point.values = values_in(config.resolved, entry, columns);
}

SweepPoint point_of(const SweepEntry& entry, const SweepFile& file,
                    const std::vector<std::string>& columns, const std::vector<std::string>& sets) {
    SweepPoint point = named_point(entry, file, sets);
    set_config(point, config_of(point, entry), entry, columns);
    return point;
}

/// What designs of a search are measured by: a config of its own, on the same text and model.
SweepPoint reference_point(const ParetoSearch& search, const Value& base,
                           const std::vector<std::string>& columns,
                           const std::vector<std::string>& sets) {
    const Config config = load_config(search.reference, sets);
    for (const char* part : {"/workload/model", "/workload/evaluation"}) {
        const Value::json_pointer at(part);
        if (config.resolved.at(at) == base.at(at)) continue;
        throw UserError(search.where,
                        fmt::format("reference: {} has another {} than the base, so that accuracy "
                                    "cannot be compared",
                                    search.reference.string(), std::string(part).substr(1)));
    }
    SweepPoint point;
    point.name = folder_name(config.name);
    point.base = search.reference;
    point.sets = sets;
    set_config(point, config, {}, columns);
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
    Sweep sweep{.columns = columns_of(file), .points = {}};
    require_not_swept(sets, sweep.columns);
    const Value base = load_config(file.base, sets).resolved;
    std::vector<SweepEntry> entries;
    if (!file.axes.empty() && !file.search) {
        const Grid grid(file, base);
        entries = file.random ? drawn_from(grid, *file.random) : all_of(grid, file);
    }
    entries.insert(entries.end(), file.points.begin(), file.points.end());
    if (entries.empty() && !file.search)
        throw UserError(file.where, "no point meets the constraints");
    if (entries.size() > kMostPoints) {
        throw UserError(file.where, fmt::format("{} points are too many (allowed: {})",
                                                entries.size(), kMostPoints));
    }
    if (file.search && !file.search->reference.empty()) {
        sweep.points.push_back(reference_point(*file.search, base, sweep.columns, sets));
    }
    std::map<std::string, Value> seen;
    for (const SweepEntry& entry : entries) {
        SweepPoint point = point_of(entry, file, sweep.columns, sets);
        const auto [earlier, is_new] = seen.emplace(point.name, point.resolved);
        if (!is_new && earlier->second != point.resolved) {
            throw UserError(entry.where, "point " + point.name + ": another one has this name");
        }
        if (is_new) sweep.points.push_back(std::move(point));
    }
    return sweep;
}

DesignSpace::DesignSpace(const SweepFile& file, std::vector<std::string> sets)
    : file_(file),
      sets_(std::move(sets)),
      columns_(columns_of(file)),
      base_(load_config(file.base, sets_).resolved) {}

std::vector<std::size_t> DesignSpace::axis_sizes() const {
    std::vector<std::size_t> sizes;
    for (const SweepAxis& axis : file_.axes) sizes.push_back(axis.values.size());
    return sizes;
}

bool DesignSpace::allows(const Combination& combination) const {
    return meets_constraints(entry_of(combination, file_), file_, base_);
}

SweepPoint DesignSpace::point(const Combination& combination) const {
    const SweepEntry entry = entry_of(combination, file_);
    SweepPoint point = named_point(entry, file_, sets_);
    try {
        set_config(point, config_of(point, entry), entry, columns_);
    } catch (const UserError& error) {
        point.error = error.what();
        Value wanted = base_;
        for (const auto& [key, value] : entry.settings) {
            if (!layer_key(key)) wanted[pointer_to(key)] = value;
        }
        point.values = values_in(wanted, entry, columns_);
    }
    return point;
}

}  // namespace axesim::sim
