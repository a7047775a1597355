// SPDX-License-Identifier: Apache-2.0
// Plain replacements that some tokenizers make before they look at a text, or after they decoded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace axesim::workloads {

/// Writes `to` for every `from`; an empty `from` puts `to` before the text, unless that is empty.
struct TextRule {
    std::string from, to;
};

/// One rule after the other.
std::string apply_rules(const std::vector<TextRule>& rules, std::string_view text);

}  // namespace axesim::workloads
