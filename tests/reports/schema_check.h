// SPDX-License-Identifier: Apache-2.0
// The part of JSON Schema that result.schema.json uses, so that its test needs nothing installed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace axesim::reports {

/// Every place where `json` breaks `schema`, with its JSON pointer. Knows type, properties,
/// required, additionalProperties, items, $ref into $defs, anyOf, const, enum, minimum, maximum;
/// any other keyword is reported too.
std::vector<std::string> schema_problems(const nlohmann::ordered_json& json,
                                         const nlohmann::ordered_json& schema);

/// JSON pointers of the properties in a schema that have no description.
std::vector<std::string> undescribed(const nlohmann::ordered_json& schema);

}  // namespace axesim::reports
