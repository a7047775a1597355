// SPDX-License-Identifier: Apache-2.0
// Tokens such as <|im_start|> that are found in text as they stand, before any other rule.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/llama.h"

namespace axesim::workloads {

class SpecialTokens {
public:
    /// Ignores an empty text.
    void add(const std::string& text, TokenId id);

    /// Calls `plain` for the pieces of text between special tokens (never empty) and `special` for
    /// the tokens, in order. Of tokens that match at one place the longest counts.
    void split(std::string_view text, const std::function<void(std::string_view)>& plain,
               const std::function<void(TokenId)>& special) const;

private:
    struct Entry {
        std::string text;
        TokenId id;
    };
    const Entry* match(std::string_view text) const;

    std::array<std::vector<Entry>, 256> by_first_byte_;  ///< each longest first
};

}  // namespace axesim::workloads
