// SPDX-License-Identifier: Apache-2.0
#include "sim/config/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/files.h"
#include "sim/config/scalar.h"
#include "sim/config/yaml_source.h"

namespace axesim::sim {

namespace {

namespace fs = std::filesystem;

/// What the keys of a map are about: the whole design, or the layers of one entry of `overrides`.
enum class Scope { design, layers };

class Reader {
public:
    Reader(const YamlSource& source, Settings& settings, Scope scope = Scope::design)
        : source_(source), settings_(settings), scope_(scope) {}

    /// All entries of a map that is the section `section`.
    void read_map(const YAML::Node& map, const std::string& section) {
        std::map<std::string, int> first_line;
        for (const auto& entry : map) {
            const Location where = source_.at(entry.first.Mark());
            if (!entry.first.IsScalar()) {
                throw UserError(where, context(section) + "a key must be a plain word");
            }
            const std::string name = entry.first.Scalar();
            const std::string path = join_path(section, name);
            const auto [seen, is_new] = first_line.emplace(name, where.line);
            if (!is_new) {
                throw UserError(
                    where,
                    path + ": is given twice" +
                        (seen->second > 0 ? fmt::format(" (first in line {})", seen->second) : ""));
            }
            scope_ == Scope::design ? require_known(name, path, where)
                                    : require_per_layer(path, where);
            if (find_section(path)) settings_.sections.emplace(path, where);
            read_entry(path, entry.second, source_.at(entry.second, entry.first));
        }
    }

    /// The value of a key, or the map of a section; `path` is known.
    void read_entry(const std::string& path, const YAML::Node& value, const Location& where) {
        if (const Key* key = path == kLayersKey ? &layers_key() : find_key(path)) {
            if (scope_ == Scope::layers) require_new(path, where);
            settings_.values[path] = {parse_scalar(*key, value, where), where};
            return;
        }
        if (value.IsNull()) return;  // a section whose keys are all commented out
        if (path == kOverridesSection) return read_overrides(value, where);
        if (!value.IsMap()) {
            throw UserError(where, fmt::format("{}: must be a map of keys (allowed: {})", path,
                                               fmt::join(children(path), ", ")));
        }
        read_map(value, path);
    }

    /// One key of the layers that a pattern names: an entry of `overrides` of its own.
    void read_layer_key(const LayerKey& name, const YAML::Node& value, const Location& where) {
        require_per_layer(name.key, where);
        Settings entry;
        entry.top = where;
        entry.values[kLayersKey] = {name.layers, where};
        Reader(source_, entry, Scope::layers).read_entry(name.key, value, where);
        settings_.overrides.push_back(std::move(entry));
    }

    static void require_known(const std::string& name, const std::string& path,
                              const Location& where) {
        if (name.find('.') != std::string::npos && find_key(path)) {
            throw UserError(where, fmt::format("{}: a file nests its keys; write {}: {{{}: ...}}",
                                               path, parent_of(path), leaf_of(path)));
        }
        if (find_key(path) || find_section(path)) return;
        const std::string section = parent_of(path);
        const bool known_section = section.empty() || find_section(section);
        const std::string allowed =
            known_section ? fmt::format(" (allowed{}: {})", section.empty() ? "" : " in " + section,
                                        fmt::join(children(section), ", "))
                          : "";
        throw UserError(where, path + ": unknown key" + allowed + did_you_mean_key(path));
    }

private:
    void read_overrides(const YAML::Node& list, const Location& where) {
        if (!list.IsSequence()) {
            throw UserError(where,
                            "overrides: must be a list of entries, each with a pattern "
                            "`layers` and the keys that differ there");
        }
        for (const YAML::Node& item : list) {
            Settings entry;
            entry.top = source_.at(item.Mark());
            if (!item.IsMap()) {
                throw UserError(entry.top,
                                "overrides: an entry must be a map of a pattern "
                                "`layers` and the keys that differ there");
            }
            Reader(source_, entry, Scope::layers).read_map(item, "");
            if (!entry.values.contains(kLayersKey)) {
                throw UserError(entry.top, fmt::format("overrides: an entry without `layers` "
                                                       "(allowed: {})",
                                                       layers_key().allowed()));
            }
            if (entry.values.size() == 1) {
                throw UserError(entry.top, "overrides: an entry that changes no key" + per_layer());
            }
            settings_.overrides.push_back(std::move(entry));
        }
    }

    /// The same key may come dotted and nested.
    void require_new(const std::string& path, const Location& where) const {
        const auto first = settings_.values.find(path);
        if (first == settings_.values.end()) return;
        throw UserError(where, fmt::format("overrides: {}: is given twice (first in line {})", path,
                                           first->second.where.line));
    }

    static void require_per_layer(const std::string& path, const Location& where) {
        const Key* key = find_key(path);
        if (path == kLayersKey || (key && key->per_layer)) return;
        if (key || path == kOverridesSection) {
            throw UserError(where, fmt::format("overrides: {}: is the same for all layers{}", path,
                                               per_layer()));
        }
        if (find_section(path)) return;
        throw UserError(where, fmt::format("overrides: {}: unknown key{}{}", path, per_layer(),
                                           did_you_mean_key(path)));
    }

    static std::string per_layer() {
        return fmt::format(" (may be overridden: {})", fmt::join(per_layer_keys(), ", "));
    }

    static std::string context(const std::string& section) {
        return section.empty() ? "" : section + ": ";
    }

    const YamlSource& source_;
    Settings& settings_;
    const Scope scope_;
};

std::string similar_config(const fs::path& missing) {
    std::vector<std::string> stems;
    std::error_code error;
    fs::path folder;
    try {
        folder = data_directory() / "configs";
    } catch (const UserError&) {
        return "";  // no data folder, nothing to suggest
    }
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".yaml") stems.push_back(entry.path().stem().string());
    }
    std::ranges::sort(stems);
    const std::string stem = nearest_name(missing.stem().string(), stems);
    if (stem.empty()) return "";
    return "; did you mean " + fs::proximate(folder / (stem + ".yaml"), error).string() + "?";
}

std::string read_config_text(const fs::path& path) {
    std::error_code error;
    if (!fs::exists(path, error)) {
        throw UserError(Location{path.string()}, "no such config file" + similar_config(path));
    }
    if (fs::is_directory(path, error)) {
        throw UserError(Location{path.string()}, "is a folder, not a config file");
    }
    return read_text_file(path);
}

void read_file(const fs::path& path, Settings& settings) {
    const YamlSource source(path.string(), true);
    const YAML::Node top = parse_yaml(read_config_text(path), source, "");
    const Location begin{path.string(), 1, 1};
    if (top.IsNull()) {
        throw UserError(begin, "the config is empty; it needs number_format and accumulator");
    }
    if (!top.IsMap()) {
        throw UserError(source.at(top.Mark()),
                        fmt::format("a config is a map of sections (allowed: {})",
                                    fmt::join(children(""), ", ")));
    }
    settings.top = source.at(top.Mark());
    Reader(source, settings).read_map(top, "");
}

void read_override(const std::string& text, Settings& settings) {
    const YamlSource source("--set " + text, false);
    const Location where = source.at(YAML::Mark::null_mark());
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw UserError(where, "must be key.path=value, as in accumulator.inner_bits=16");
    }
    const std::string path = text.substr(0, equals);
    const std::optional<LayerKey> layers = layer_key(path);
    if (!layers && path.starts_with(kOverridesSection)) {
        throw UserError(where,
                        "overrides: stand in the config file; here one key at a time, as in "
                        "overrides[*.mlp.down_proj].number_format.weight_bits=8");
    }
    if (!layers && !find_key(path)) Reader::require_known("", path, where);
    const YAML::Node value = parse_yaml(text.substr(equals + 1), source, path + ": ");
    Reader reader(source, settings);
    layers ? reader.read_layer_key(*layers, value, where) : reader.read_entry(path, value, where);
}

}  // namespace

Location Settings::where(const std::string& path) const {
    const auto given = values.find(path);
    if (given != values.end()) return given->second.where;
    for (std::string section = path; !section.empty(); section = parent_of(section)) {
        const auto place = sections.find(section);
        if (place != sections.end()) return place->second;
    }
    return top;
}

Settings read_settings(const fs::path& path, const std::vector<std::string>& overrides) {
    Settings settings;
    read_file(path, settings);
    for (const std::string& text : overrides) read_override(text, settings);
    return settings;
}

}  // namespace axesim::sim
