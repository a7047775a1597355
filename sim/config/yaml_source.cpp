// SPDX-License-Identifier: Apache-2.0
#include "sim/config/yaml_source.h"

#include <vector>

namespace axesim::sim {

Location YamlSource::at(const YAML::Mark& mark) const {
    if (!has_lines_ || mark.is_null()) return {name_};
    return {name_, mark.line + 1, mark.column + 1};
}

Location YamlSource::at(const YAML::Node& value, const YAML::Node& key) const {
    return at(value.IsNull() ? key.Mark() : value.Mark());
}

YAML::Node parse_yaml(const std::string& text, const YamlSource& source,
                      const std::string& prefix) {
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(text);
        if (documents.size() > 1) {
            throw UserError(source.at(documents[1].Mark()),
                            prefix + "a second YAML document begins here (allowed: one)");
        }
        return documents.empty() ? YAML::Node() : documents[0];
    } catch (const YAML::Exception& error) {
        throw UserError(source.at(error.mark), prefix + "not valid YAML: " + error.msg);
    }
}

}  // namespace axesim::sim
