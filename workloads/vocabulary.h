// SPDX-License-Identifier: Apache-2.0
// Tokens by id and by spelling.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "workloads/llama.h"

namespace axesim::workloads {

/// Finds a string_view in a map of strings without a copy.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

class Vocabulary {
public:
    /// Ids are not negative, may come in any order and leave holes. Of two ids with one spelling
    /// find() gives the first; it never gives an empty one.
    void add(const std::string& spelling, TokenId id);

    std::optional<TokenId> find(std::string_view spelling) const;
    /// By id; empty in a hole.
    const std::vector<std::string>& spellings() const { return spellings_; }

private:
    std::unordered_map<std::string, TokenId, StringHash, std::equal_to<>> ids_;
    std::vector<std::string> spellings_;
};

}  // namespace axesim::workloads
