// SPDX-License-Identifier: Apache-2.0
#include "tests/reports/schema_check.h"

#include <algorithm>
#include <set>

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;

bool has_type(const Json& json, const std::string& type) {
    if (type == "object") return json.is_object();
    if (type == "array") return json.is_array();
    if (type == "string") return json.is_string();
    if (type == "boolean") return json.is_boolean();
    if (type == "null") return json.is_null();
    if (type == "integer") return json.is_number_integer();
    return type == "number" && json.is_number();
}

class Checker {
public:
    explicit Checker(const Json& root) : root_(root) {}

    std::vector<std::string> problems;

    void check(const Json& json, const Json& schema, const std::string& at) {
        static const std::set<std::string> kKnown{
            "$schema", "$id",      "title",   "$defs", "description", "additionalProperties",
            "type",    "required", "minimum", "$ref",  "properties",  "maximum",
            "items",   "const",    "enum",    "anyOf"};
        for (const auto& [keyword, value] : schema.items()) {
            if (!kKnown.contains(keyword)) problems.push_back(at + ": keyword " + keyword);
        }
        if (schema.contains("$ref")) check(json, target(schema["$ref"]), at);
        if (schema.contains("anyOf")) check_any(json, schema["anyOf"], at);
        if (schema.contains("type") && !any_type(json, schema["type"])) {
            problems.push_back(at + ": wrong type");
            return;
        }
        if (schema.contains("const") && json != schema["const"]) problems.push_back(at + ": const");
        if (schema.contains("enum") &&
            std::find(schema["enum"].begin(), schema["enum"].end(), json) == schema["enum"].end()) {
            problems.push_back(at + ": not one of enum");
        }
        if (json.is_number()) check_bounds(json.get<double>(), schema, at);
        if (json.is_object()) check_object(json, schema, at);
        if (json.is_array() && schema.contains("items")) {
            for (std::size_t i = 0; i < json.size(); ++i) {
                check(json[i], schema["items"], at + "/" + std::to_string(i));
            }
        }
    }

private:
    const Json& target(const std::string& reference) const {
        return root_.at(Json::json_pointer(reference.substr(1)));
    }

    static bool any_type(const Json& json, const Json& types) {
        if (types.is_string()) return has_type(json, types);
        return std::any_of(types.begin(), types.end(),
                           [&](const Json& type) { return has_type(json, type); });
    }

    void check_any(const Json& json, const Json& schemas, const std::string& at) {
        Checker last(root_);
        for (const Json& schema : schemas) {
            Checker attempt(root_);
            attempt.check(json, schema, at);
            if (attempt.problems.empty()) return;
            if (last.problems.empty()) last.problems = attempt.problems;
        }
        problems.insert(problems.end(), last.problems.begin(), last.problems.end());
    }

    void check_bounds(double value, const Json& schema, const std::string& at) {
        if (schema.contains("minimum") && value < schema["minimum"].get<double>()) {
            problems.push_back(at + ": below minimum");
        }
        if (schema.contains("maximum") && value > schema["maximum"].get<double>()) {
            problems.push_back(at + ": above maximum");
        }
    }

    void check_object(const Json& json, const Json& schema, const std::string& at) {
        if (schema.contains("required")) {
            for (const Json& key : schema["required"]) {
                if (!json.contains(key.get<std::string>())) {
                    problems.push_back(at + "/" + key.get<std::string>() + ": missing");
                }
            }
        }
        const Json none = Json::object();
        const Json& properties = schema.contains("properties") ? schema["properties"] : none;
        for (const auto& [key, value] : json.items()) {
            if (properties.contains(key)) {
                check(value, properties[key], at + "/" + key);
            } else if (schema.contains("additionalProperties")) {
                const Json& more = schema["additionalProperties"];
                if (more == false) problems.push_back(at + "/" + key + ": not in the schema");
                if (more.is_object()) check(value, more, at + "/" + key);
            }
        }
    }

    const Json& root_;
};

void find_undescribed(const Json& schema, const std::string& at, std::vector<std::string>& found) {
    if (!schema.is_structured()) return;
    if (schema.is_object() && schema.contains("properties")) {
        for (const auto& [key, property] : schema["properties"].items()) {
            if (!property.contains("description") || property["description"].empty()) {
                found.push_back(at + "/" + key);
            }
        }
    }
    for (const auto& [key, child] : schema.items()) find_undescribed(child, at + "/" + key, found);
}

}  // namespace

std::vector<std::string> schema_problems(const Json& json, const Json& schema) {
    Checker checker(schema);
    checker.check(json, schema, "");
    return checker.problems;
}

std::vector<std::string> undescribed(const Json& schema) {
    std::vector<std::string> found;
    find_undescribed(schema, "", found);
    return found;
}

}  // namespace axesim::reports
