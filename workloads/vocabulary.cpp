// SPDX-License-Identifier: Apache-2.0
#include "workloads/vocabulary.h"

namespace axesim::workloads {

void Vocabulary::add(const std::string& spelling, TokenId id) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= spellings_.size()) spellings_.resize(index + 1);
    spellings_[index] = spelling;
    if (!spelling.empty()) ids_.try_emplace(spelling, id);
}

std::optional<TokenId> Vocabulary::find(std::string_view spelling) const {
    const auto found = ids_.find(spelling);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

}  // namespace axesim::workloads
