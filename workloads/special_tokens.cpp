// SPDX-License-Identifier: Apache-2.0
#include "workloads/special_tokens.h"

#include <algorithm>

namespace axesim::workloads {

void SpecialTokens::add(const std::string& text, TokenId id) {
    if (text.empty()) return;
    auto& entries = by_first_byte_[static_cast<unsigned char>(text.front())];
    const auto shorter = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
        return entry.text.size() < text.size();
    });
    entries.insert(shorter, {text, id});
}

const SpecialTokens::Entry* SpecialTokens::match(std::string_view text) const {
    for (const Entry& entry : by_first_byte_[static_cast<unsigned char>(text.front())]) {
        if (text.starts_with(entry.text)) return &entry;
    }
    return nullptr;
}

void SpecialTokens::split(std::string_view text, const std::function<void(std::string_view)>& plain,
                          const std::function<void(TokenId)>& special) const {
    std::size_t begin = 0;  // of the plain piece that reaches to `at`
    for (std::size_t at = 0; at < text.size();) {
        const Entry* entry = match(text.substr(at));
        if (entry == nullptr) {
            ++at;
            continue;
        }
        if (at > begin) plain(text.substr(begin, at - begin));
        special(entry->id);
        at += entry->text.size();
        begin = at;
    }
    if (begin < text.size()) plain(text.substr(begin));
}

}  // namespace axesim::workloads
