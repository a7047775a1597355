// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/sweep_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/files.h"
#include "sim/config/scalar.h"
#include "sim/config/yaml_source.h"
#include "sim/sweep/objectives.h"

namespace axesim::sim {

namespace {

const std::vector<std::string> kSections = {"base",       "axes",     "random", "constraints",
                                            "points",     "strategy", "budget", "seed",
                                            "objectives", "reference"};
/// Those that need strategy: pareto.
const std::vector<std::string> kSearchSections = {"budget", "seed", "objectives", "reference"};

/// A key of the sweep file itself, which sets no field of a config.
Key own_key(std::string path, KeyType type, std::string text_note, double least = 0,
            double most = kNoLimit) {
    Key key;
    key.path = std::move(path);
    key.type = type;
    key.text_note = std::move(text_note);
    key.least = least;
    key.most = most;
    return key;
}

class SweepReader {
public:
    explicit SweepReader(const std::filesystem::path& path)
        : path_(path), source_(path.string(), true) {}

    SweepFile read() {
        const YAML::Node top = parse_yaml(read_text_file(path_), source_, "");
        if (!top.IsMap()) {
            throw UserError({path_.string(), 1, 1},
                            fmt::format("a sweep is a map (allowed: {})", joined(kSections)));
        }
        file_.where = source_.at(top.Mark());
        for_each(top, "",
                 [&](const std::string& name, const YAML::Node& value, const Location& where) {
                     read_section(name, value, where);
                 });
        if (file_.base.empty()) {
            throw UserError(file_.where,
                            "base: is missing (allowed: " + base_key().text_note + ")");
        }
        if (file_.axes.empty() && file_.points.empty()) {
            throw UserError(file_.where, "there are neither axes nor points: nothing to run");
        }
        if (file_.random && file_.axes.empty()) {
            throw UserError(file_.random->where, "random: there are no axes to draw from");
        }
        check_search();
        return std::move(file_);
    }

private:
    static std::string joined(const std::vector<std::string>& names) {
        return fmt::format("{}", fmt::join(names, ", "));
    }

    static Key base_key() {
        return own_key("base", KeyType::text, "the path of a config, relative to this file");
    }

    /// Calls use(name, value, where) for the entries of a map, each of which may stand once.
    template <class Use>
    void for_each(const YAML::Node& map, const std::string& section, const Use& use) {
        const std::string context = section.empty() ? "" : section + ": ";
        if (!map.IsMap()) {
            throw UserError(source_.at(map.Mark()), context + "must be a map of keys");
        }
        std::set<std::string> seen;
        for (const auto& entry : map) {
            const Location where = source_.at(entry.first.Mark());
            if (!entry.first.IsScalar()) {
                throw UserError(where, context + "a key must be a plain word");
            }
            const std::string name = entry.first.Scalar();
            if (!seen.insert(name).second) {
                throw UserError(where, context + name + ": is given twice");
            }
            use(name, entry.second, source_.at(entry.second, entry.first));
        }
    }

    void read_section(const std::string& name, const YAML::Node& value, const Location& where) {
        if (name == "base") {
            file_.base =
                path_.parent_path() / parse_scalar(base_key(), value, where).get<std::string>();
        } else if (name == "axes") {
            file_.where = where;
            for_each(value, name,
                     [&](const std::string& key, const YAML::Node& values, const Location& at) {
                         read_axis(key, values, at);
                     });
        } else if (name == "random") {
            read_random(value, where);
        } else if (name == "constraints") {
            read_list(value, name, where, [&](const YAML::Node& item, const Location& at) {
                const Key text =
                    own_key(name, KeyType::text, "a comparison such as \"a.b <= c.d\"");
                file_.constraints.emplace_back(parse_scalar(text, item, at).get<std::string>(), at);
            });
        } else if (name == "points") {
            read_list(value, name, where,
                      [&](const YAML::Node& item, const Location& at) { read_point(item, at); });
        } else if (name == "strategy") {
            const std::vector<std::string> strategies = {"grid", "pareto"};
            pareto_ = word_of(strategies, name, value, where) == "pareto";
            search_.where = where;
        } else if (std::ranges::find(kSearchSections, name) != kSearchSections.end()) {
            search_keys_.emplace_back(name, where);
            read_search_key(name, value, where);
        } else {
            throw UserError(where, fmt::format("{}: unknown key (allowed: {}){}", name,
                                               joined(kSections), did_you_mean(name, kSections)));
        }
    }

    template <class Use>
    void read_list(const YAML::Node& list, const std::string& name, const Location& where,
                   const Use& use) {
        if (!list.IsSequence()) throw UserError(where, name + ": must be a list");
        for (const YAML::Node& item : list) use(item, source_.at(item.Mark()));
    }

    static std::string word_of(const std::vector<std::string>& allowed, const std::string& name,
                               const YAML::Node& value, const Location& where) {
        Key key = own_key(name, KeyType::word, "");
        for (const std::string& word : allowed) key.words.push_back({word, 0, ""});
        return parse_scalar(key, value, where).get<std::string>();
    }

    void read_search_key(const std::string& name, const YAML::Node& value, const Location& where) {
        const auto number = [&](double least, double most) {
            return parse_scalar(own_key(name, KeyType::integer, "", least, most), value, where)
                .get<std::int64_t>();
        };
        if (name == "budget") {
            search_.budget = number(1, 10'000);
        } else if (name == "seed") {
            search_.seed = static_cast<std::uint64_t>(number(0, kNoLimit));
        } else if (name == "reference") {
            search_.reference =
                path_.parent_path() / parse_scalar(base_key(), value, where).get<std::string>();
        } else {
            std::vector<std::string> names;
            for (const Objective& objective : all_objectives()) names.push_back(objective.name);
            read_list(value, name, where, [&](const YAML::Node& item, const Location& at) {
                const std::string word = word_of(names, name, item, at);
                if (std::ranges::find(search_.objectives, word) != search_.objectives.end()) {
                    throw UserError(at, "objectives: " + word + " stands twice");
                }
                search_.objectives.push_back(word);
            });
            if (search_.objectives.size() < 2) {
                throw UserError(where, "objectives: a front needs two of them at least");
            }
        }
    }

    void check_search() {
        if (!pareto_) {
            if (search_keys_.empty()) return;
            const auto& [name, where] = search_keys_.front();
            throw UserError(where, name + ": is for strategy: pareto only");
        }
        if (search_.objectives.empty()) {
            search_.objectives = {kPerplexity, "decode_energy", "area", "decode_latency"};
        }
        const bool accuracy =
            std::ranges::find(search_.objectives, kPerplexity) != search_.objectives.end();
        if (file_.axes.empty()) {
            throw UserError(search_.where, "strategy: there are no axes to search");
        }
        if (file_.random) {
            throw UserError(file_.random->where,
                            "random: a search draws for itself; its number of runs is budget");
        }
        if (!file_.points.empty()) {
            throw UserError(file_.points.front().where, "points: a search makes its own");
        }
        if (search_.budget == 0) throw UserError(search_.where, "budget: is missing");
        if (!search_.reference.empty() && !accuracy) {
            throw UserError(search_.where, "reference: needs the objective perplexity");
        }
        file_.search = search_;
    }

    /// The key of a config that `path` names in `section`, as it is or of some layers.
    static const Key& config_key(const std::string& section, const std::string& path,
                                 const Location& where) {
        if (const Key* key = find_key(path)) return *key;
        const std::string context = section + ": " + path;
        if (const auto layers = layer_key(path)) {
            const Key* key = find_key(layers->key);
            if (key && key->per_layer) return *key;
            throw UserError(where, fmt::format("{}: layers cannot differ in that (allowed: {})",
                                               context, joined(per_layer_keys())));
        }
        if (path == kOverridesSection) {
            throw UserError(where, context +
                                       ": stand in the base config; here one key at a time, as in "
                                       "overrides[*.mlp.down_proj].number_format.weight_bits");
        }
        if (find_section(path)) {
            throw UserError(where, fmt::format("{}: is a section; name whole keys (allowed: {})",
                                               context, joined(paths_in(path))));
        }
        throw UserError(where, context + ": unknown key" + did_you_mean_key(path));
    }

    static std::vector<std::string> paths_in(const std::string& section) {
        std::vector<std::string> paths;
        for (const std::string& name : children(section)) {
            paths.push_back(join_path(section, name));
        }
        return paths;
    }

    void read_axis(const std::string& path, const YAML::Node& values, const Location& where) {
        const Key& key = config_key("axes", path, where);
        SweepAxis axis{path, {}, where};
        const auto add = [&](const YAML::Node& item, const Location& at) {
            Value value = parse_scalar(key, item, at);
            if (std::ranges::find(axis.values, value) != axis.values.end()) {
                throw UserError(at,
                                fmt::format("axes: {}: {} stands twice", path, scalar_text(value)));
            }
            axis.values.push_back(std::move(value));
        };
        if (values.IsScalar()) {
            add(values, where);
        } else {
            read_list(values, "axes: " + path, where, add);
        }
        if (axis.values.empty()) throw UserError(where, "axes: " + path + ": has no values");
        file_.axes.push_back(std::move(axis));
    }

    void read_point(const YAML::Node& entry, const Location& where) {
        SweepEntry point{{}, where};
        for_each(entry, "points",
                 [&](const std::string& path, const YAML::Node& value, const Location& at) {
                     point.settings.emplace_back(
                         path, parse_scalar(config_key("points", path, at), value, at));
                 });
        file_.points.push_back(std::move(point));
    }

    void read_random(const YAML::Node& map, const Location& where) {
        RandomDraw random{0, 0, where};
        for_each(map, "random",
                 [&](const std::string& name, const YAML::Node& value, const Location& at) {
                     const std::vector<std::string> names = {"samples", "seed"};
                     if (std::ranges::find(names, name) == names.end()) {
                         throw UserError(
                             at, fmt::format("random: {}: unknown key (allowed: {}){}", name,
                                             joined(names), did_you_mean(name, names)));
                     }
                     const bool samples = name == "samples";
                     const auto number =
                         parse_scalar(own_key("random." + name, KeyType::integer, "",
                                              samples ? 1 : 0, samples ? 10'000 : kNoLimit),
                                      value, at)
                             .get<std::int64_t>();
                     if (samples) random.samples = number;
                     if (!samples) random.seed = static_cast<std::uint64_t>(number);
                 });
        if (random.samples == 0) throw UserError(where, "random: samples is missing");
        file_.random = random;
    }

    const std::filesystem::path path_;
    const YamlSource source_;
    SweepFile file_;
    bool pareto_ = false;
    ParetoSearch search_;
    std::vector<std::pair<std::string, Location>> search_keys_;  ///< that are given
};

}  // namespace

SweepFile read_sweep_file(const std::filesystem::path& path) { return SweepReader(path).read(); }

}  // namespace axesim::sim
