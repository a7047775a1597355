// SPDX-License-Identifier: Apache-2.0
// One scalar of a config file, read as what its key asks for (YAML 1.2 core schema).
#pragma once

#include <yaml-cpp/yaml.h>

#include "common/error.h"
#include "sim/config/schema.h"

namespace axesim::sim {

/// The value of `key` in `node`. Throws UserError at `where`: no value, a map or list, the wrong
/// type, out of range, an unknown word, a word that this version cannot do.
Value parse_scalar(const Key& key, const YAML::Node& node, const Location& where);

/// True when `text` can be shown on a line and written to JSON: valid UTF-8, no control characters.
bool is_plain_line(const std::string& text);

}  // namespace axesim::sim
