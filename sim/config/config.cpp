// SPDX-License-Identifier: Apache-2.0
#include "sim/config/config.h"

#include <algorithm>

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
    const int channels = config.hardware.dram.channels;
    config.hardware.dram =
        load_for("hardware.dram", settings, [&] { return load_dram(config.dram); });
    config.hardware.dram.channels = channels;
}

void write_yaml(const Value& tree, const std::string& indent, std::string& text) {
    for (const auto& [name, value] : tree.items()) {
        text += indent + name + ":";
        if (value.is_object()) {
            text += "\n";
            write_yaml(value, indent + "  ", text);
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
    for (const Key& key : schema()) {
        const Value value = value_of(key, settings, path);
        assign(key, value, config);
        place_in(config.resolved, key.path) = value;
    }
    config.hardware.weights_narrow = config.quantizer.weight_range == quant::WeightRange::narrow;
    check_together(config, settings);
    load_tables(config, settings);
    return config;
}

std::string resolved_yaml(const Config& config) {
    std::string text =
        "# Every key of this run, defaults included; `axesim explain KEY` says more.\n";
    write_yaml(config.resolved, "", text);
    return text;
}

}  // namespace axesim::sim
