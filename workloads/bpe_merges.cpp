// SPDX-License-Identifier: Apache-2.0
#include "workloads/bpe_merges.h"

#include <queue>
#include <tuple>

namespace axesim::workloads {

namespace {

constexpr int kNone = -1;
constexpr TokenId kGone = -1;  // a symbol that was merged into its left neighbour

// The symbols of a word as a linked list.
struct Symbol {
    TokenId token;
    int left, right;
};

// A merge that was possible when it was queued; stale if one of its symbols changed since.
struct Candidate {
    std::uint32_t rank;
    int left, right;
    TokenId left_token, right_token;
    TokenId merged;

    bool operator>(const Candidate& other) const {
        return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
};

std::uint64_t pair_key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
}

}  // namespace

void BpeMerges::add(TokenId left, TokenId right, TokenId merged) {
    merges_.try_emplace(pair_key(left, right),
                        Merge{static_cast<std::uint32_t>(merges_.size()), merged});
}

const BpeMerges::Merge* BpeMerges::find(TokenId left, TokenId right) const {
    const auto found = merges_.find(pair_key(left, right));
    return found == merges_.end() ? nullptr : &found->second;
}

std::vector<TokenId> BpeMerges::apply(const std::vector<TokenId>& symbols) const {
    const int count = static_cast<int>(symbols.size());
    std::vector<Symbol> list;
    list.reserve(symbols.size());
    for (int i = 0; i < count; ++i) {
        list.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : kNone});
    }
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    const auto consider = [&](int left, int right) {
        if (left == kNone || right == kNone) return;
        if (const Merge* merge = find(list[left].token, list[right].token)) {
            queue.push(
                {merge->rank, left, right, list[left].token, list[right].token, merge->merged});
        }
    };
    for (int i = 0; i + 1 < count; ++i) consider(i, i + 1);
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        Symbol& left = list[best.left];
        Symbol& right = list[best.right];
        if (left.token != best.left_token || right.token != best.right_token ||
            left.right != best.right) {
            continue;
        }
        left.token = best.merged;
        left.right = right.right;
        right.token = kGone;
        if (left.right != kNone) list[left.right].left = best.left;
        consider(left.left, best.left);
        consider(best.left, left.right);
    }
    std::vector<TokenId> merged;
    for (int i = count > 0 ? 0 : kNone; i != kNone; i = list[i].right) {
        merged.push_back(list[i].token);
    }
    return merged;
}

}  // namespace axesim::workloads
