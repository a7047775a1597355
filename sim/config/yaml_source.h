// SPDX-License-Identifier: Apache-2.0
// A YAML text and the places in it, for messages.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

#include "common/error.h"

namespace axesim::sim {

/// One YAML text and how to name a place in it.
class YamlSource {
public:
    YamlSource(std::string name, bool has_lines) : name_(std::move(name)), has_lines_(has_lines) {}

    Location at(const YAML::Mark& mark) const;
    /// Of the value; of its key when the value is absent and has no place of its own.
    Location at(const YAML::Node& value, const YAML::Node& key) const;

private:
    std::string name_;
    bool has_lines_;
};

/// The one document of a text, or a null node. `prefix` is put before messages ("a.b: "). Throws
/// UserError.
YAML::Node parse_yaml(const std::string& text, const YamlSource& source, const std::string& prefix);

}  // namespace axesim::sim
