// SPDX-License-Identifier: Apache-2.0
#include "workloads/text_rules.h"

namespace axesim::workloads {

namespace {

std::string replace_all(std::string_view text, const TextRule& rule) {
    std::string result;
    std::size_t done = 0;
    for (auto at = text.find(rule.from); at != std::string_view::npos;
         at = text.find(rule.from, done)) {
        result.append(text.substr(done, at - done)).append(rule.to);
        done = at + rule.from.size();
    }
    return result.append(text.substr(done));
}

}  // namespace

std::string apply_rules(const std::vector<TextRule>& rules, std::string_view text) {
    std::string result(text);
    for (const TextRule& rule : rules) {
        if (!rule.from.empty()) {
            result = replace_all(result, rule);
        } else if (!result.empty()) {
            result.insert(0, rule.to);
        }
    }
    return result;
}

}  // namespace axesim::workloads
