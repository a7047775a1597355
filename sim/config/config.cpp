// SPDX-License-Identifier: Apache-2.0
#include "sim/config/config.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "models/cost/design_view.h"
#include "sim/config/checks.h"
#include "sim/config/costs_files.h"
#include "sim/config/reader.h"
#include "sim/config/scalar.h"

namespace axesim::sim {

namespace {

/// The value of every key: what was given, else its default.
Value value_of(const Key& key, const Settings& settings, const std::filesystem::path& path) {
    const auto given = settings.values.find(key.path);
    if (given != settings.values.end()) return given->second.value;
    if (key.path != "name") return key.default_value;
    const std::string stem = path.stem().string();
    return is_plain_line(stem) ? stem : "unnamed";
}

Value& place_in(Value& tree, const std::string& path) {
    const std::string section = parent_of(path);
    return (section.empty() ? tree : place_in(tree, section))[leaf_of(path)];
}

/// Runs `load`, naming the key whose value led to the file when it fails.
template <class Load>
auto load_for(const std::string& key, const Settings& settings, Load load) {
    try {
        return load();
    } catch (const UserError& error) {
        throw UserError(settings.where(key), key + ": " + error.what());
    }
}

void load_tables(Config& config, const Settings& settings) {
    // First alone, so that a wrong profile is not blamed on the technology's name.
    config.technology_table = load_for("hardware.technology", settings, [&] {
        return load_technology(config.technology, "default");
    });
    if (config.cost_profile != "default") {
        config.technology_table = load_for("hardware.cost_profile", settings, [&] {
            return load_technology(config.technology, config.cost_profile);
        });
    }
    models::DramConfig dram =
        load_for("hardware.dram", settings, [&] { return load_dram(config.dram); });
    dram.channels = config.hardware.dram.channels;
    dram.policy = config.hardware.dram.policy;
    config.hardware.dram = dram;
}

/// Stages that the clock needs; a technology without delays takes any clock.
void settle_pipeline(Config& config, const Settings& settings) {
    const std::string key = "hardware.array.pipeline_depth";
    int& depth = config.hardware.array.pipeline_depth;
    const models::ElementDesign unit = models::element_design(config.hardware, 0);
    const models::Technology& technology = config.technology_table;
    const double period_ps = 1e6 / config.hardware.clock_mhz;
    const int least = models::least_pipeline_depth(unit, period_ps, technology);
    if (depth == 0) depth = least;
    if (depth >= least) return;
    throw UserError(
        settings.where(key),
        fmt::format("{}: a unit takes {:.0f} ps in {}, which needs {} stages of {:.0f} ps "
                    "(allowed: auto, {} or more, or a slower hardware.clock_mhz)",
                    key, models::element_delay_ps(unit, technology), technology.name, least,
                    period_ps, least));
}

/// Fields of the hardware that follow from those of the quantizer.
void derive(Config& config) {
    config.hardware.weights_narrow = config.quantizer.weight_range == quant::WeightRange::narrow;
}

/// The overrides of the file, in order, also added to config.resolved.
void add_overrides(Config& config, const Settings& settings) {
    for (const Settings& given : settings.overrides) {
        const Setting& layers = given.values.at(kLayersKey);
        Override entry{
            .layers = layers.value.get<std::string>(), .where = layers.where, .entries = {}};
        Value shown;
        shown[kLayersKey] = layers.value;
        for (const Key& key : schema()) {
            const auto setting = given.values.find(key.path);
            if (setting == given.values.end()) continue;
            entry.entries.push_back({key.path, setting->second.value, setting->second.where});
            place_in(shown, key.path) = setting->second.value;
        }
        config.overrides.push_back(std::move(entry));
        config.resolved[kOverridesSection].push_back(std::move(shown));
    }
}

/// `first_indent` stands before the first line: that of an item of a list has a dash in it.
void write_yaml(const Value& tree, const std::string& first_indent, const std::string& indent,
                std::string& text) {
    const std::string* before = &first_indent;
    for (const auto& [name, value] : tree.items()) {
        text += *before + name + ":";
        before = &indent;
        const std::string deeper = indent + "  ";
        if (value.is_object()) {
            text += "\n";
            write_yaml(value, deeper, deeper, text);
        } else if (value.is_array()) {
            text += "\n";
            for (const Value& item : value) write_yaml(item, deeper + "- ", deeper + "  ", text);
        } else {
            text += " " + scalar_text(value) + "\n";
        }
    }
}

}  // namespace

Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
    const Settings settings = read_settings(path, overrides);
    check_required(settings);
    Config config;
    config.where = [settings](const std::string& key) { return settings.where(key); };
    for (const Key& key : schema()) {
        const Value value = value_of(key, settings, path);
        assign(key, value, config);
        place_in(config.resolved, key.path) = value;
    }
    derive(config);
    add_overrides(config, settings);
    check_together(config, settings);
    load_tables(config, settings);
    check_activity(config, settings);
    settle_pipeline(config, settings);
    return config;
}

std::string resolved_yaml(const Config& config) {
    std::string text =
        "# Every key of this run, defaults included; `axesim explain KEY` says more.\n";
    write_yaml(config.resolved, "", "", text);
    return text;
}

LayerConfig layer_config(const Config& config, const std::string& layer) {
    Config own;
    own.hardware = config.hardware;
    own.quantizer = config.quantizer;
    for (const Override& given : config.overrides) {
        if (!matches_pattern(layer, given.layers)) continue;
        for (const Override::Entry& entry : given.entries) {
            assign(*find_key(entry.key), entry.value, own);
        }
    }
    derive(own);
    return {own.hardware.layer_format(), own.quantizer};
}

bool matches_pattern(const std::string& name, const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace axesim::sim
