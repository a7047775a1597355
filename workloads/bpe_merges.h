// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of one word: neighbours that the training merged are merged again, the
// earliest merge of the training first. Sennrich et al., "Neural Machine Translation of Rare Words
// with Subword Units", 2016.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "workloads/llama.h"

namespace axesim::workloads {

class BpeMerges {
public:
    /// left, right -> merged, at the next rank; a pair that has a rank keeps it.
    void add(TokenId left, TokenId right, TokenId merged);

    /// Merges until nothing can be: of the pairs with the lowest rank the leftmost first. Takes
    /// O(n log n) for n symbols.
    std::vector<TokenId> apply(const std::vector<TokenId>& symbols) const;

private:
    struct Merge {
        std::uint32_t rank;
        TokenId merged;
    };
    const Merge* find(TokenId left, TokenId right) const;

    std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace axesim::workloads
