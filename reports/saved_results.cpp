// SPDX-License-Identifier: Apache-2.0
#include "reports/saved_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/error.h"
#include "common/files.h"
#include "reports/json_report.h"

namespace axesim::reports {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

SavedDesign read_design(const fs::path& folder) {
    Json result = read_json(folder);
    std::string name = result.value("name", std::string("?"));
    return {std::move(name), std::move(result), read_text_file(folder / "config.yaml")};
}

/// Names of a sweep's points: those that it was begun with, then those that a search found.
std::vector<std::string> points_of(const fs::path& folder) {
    const fs::path path = folder / "sweep.json";
    const Json sweep = Json::parse(read_text_file(path), nullptr, false);
    if (!sweep.is_object() || !sweep.contains("config_sha256") ||
        !sweep["config_sha256"].is_object()) {
        throw UserError(path.string() + ": is not that of a sweep");
    }
    std::vector<std::string> names;
    for (const auto& [name, sha256] : sweep["config_sha256"].items()) names.push_back(name);
    std::set<std::string> found;
    if (fs::exists(folder / "points")) {
        for (const auto& entry : fs::directory_iterator(folder / "points")) {
            const std::string name = entry.path().filename().string();
            if (!sweep["config_sha256"].contains(name)) found.insert(name);
        }
    }
    names.insert(names.end(), found.begin(), found.end());
    return names;
}

void tell_apart(std::vector<SavedDesign>& designs, const std::vector<fs::path>& folders) {
    std::map<std::string, int> uses;
    for (const SavedDesign& design : designs) ++uses[design.label];
    for (std::size_t i = 0; i < designs.size(); ++i) {
        if (uses[designs[i].label] > 1) {
            designs[i].label += fmt::format(" ({})", folders[i].string());
        }
    }
}

Json::json_pointer pointer_of(std::string key) {
    std::ranges::replace(key, '.', '/');
    return Json::json_pointer("/" + key);
}

/// Dotted paths of all keys; a list is one value.
void collect_keys(const Json& config, const std::string& prefix, std::vector<std::string>& keys) {
    for (const auto& [name, value] : config.items()) {
        if (value.is_object() && !value.empty()) {
            collect_keys(value, prefix + name + ".", keys);
        } else if (std::ranges::find(keys, prefix + name) == keys.end()) {
            keys.push_back(prefix + name);
        }
    }
}

}  // namespace

SavedResults read_results(const std::vector<fs::path>& folders) {
    SavedResults results;
    std::vector<fs::path> places;
    for (const fs::path& folder : folders) {
        if (fs::exists(folder / "result.json")) {
            places.push_back(folder);
        } else if (fs::exists(folder / "sweep.json")) {
            for (const std::string& name : points_of(folder)) {
                const fs::path point = folder / "points" / name;
                if (fs::exists(point / "result.json")) {
                    places.push_back(point);
                } else {
                    results.missing.push_back(name);
                }
            }
        } else {
            throw UserError(folder.string() +
                            ": holds no results (wanted: a folder that axesim --out DIR or axesim "
                            "sweep --out DIR wrote)");
        }
    }
    if (places.empty()) throw UserError("no point of the sweep has a result yet");
    for (const fs::path& place : places) {
        results.designs.push_back(read_design(place));
        if (places.size() > kMostWithLayers) results.designs.back().result.erase("layers");
    }
    tell_apart(results.designs, places);
    return results;
}

std::vector<std::string> varying_keys(const std::vector<SavedDesign>& designs) {
    std::vector<std::string> keys;
    for (const SavedDesign& design : designs) collect_keys(design.result.at("config"), "", keys);
    std::erase_if(keys, [&](const std::string& key) {
        const auto value = [&](const SavedDesign& design) {
            return config_value(design.result.at("config"), key);
        };
        return key == "name" || std::ranges::all_of(designs, [&](const SavedDesign& design) {
                   return value(design) == value(designs.front());
               });
    });
    return keys;
}

std::string config_value(const Json& config, const std::string& key) {
    const Json::json_pointer at = pointer_of(key);
    if (!config.contains(at)) return "";
    const Json& value = config.at(at);
    return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace axesim::reports
