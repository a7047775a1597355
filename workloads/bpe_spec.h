// SPDX-License-Identifier: Apache-2.0
// What a file says about a byte pair encoding, whatever the kind of the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/bpe_merges.h"
#include "workloads/text_rules.h"
#include "workloads/vocabulary.h"

namespace axesim::workloads {

/// A token that is found in text as it stands, before any other rule.
struct SpecialToken {
    std::string text;
    TokenId id = 0;
    bool normalized = false;  ///< found in the normalized text, in its own normalized form
};

/// Which pieces of text between special tokens get a space put before them, unless they begin with
/// one.
enum class SpacePrefix { never, first_piece, every_piece };

/// The steps in the order in which BpeTokenizer takes them.
struct BpeSpec {
    std::vector<SpecialToken> special;
    std::vector<TextRule> normalizer;  ///< for what lies between special tokens
    std::string space = " ";           ///< what words have for a space
    SpacePrefix space_prefix = SpacePrefix::never;
    std::vector<std::string> word_patterns;  ///< as PreTokenizer takes them

    bool byte_level = false;         ///< the vocabulary spells bytes as ByteLevel does
    bool whole_words_first = false;  ///< a word that is a token needs no merges
    Vocabulary vocabulary;
    bool byte_fallback = false;      ///< a character that is no token becomes bytes, as in <0xC3>
    std::optional<TokenId> unknown;  ///< for what is still no token; without it, that vanishes
    bool fuse_unknown = false;       ///< one for neighbours
    BpeMerges merges;

    bool decode_bytes = false;           ///< <0xC3> decodes to that byte
    std::vector<TextRule> decode_rules;  ///< for each token
    Index stripped_spaces = 0;           ///< at most, before the decoded text
};

/// Adds the merge of two tokens at the next rank. False: one of them, or both together, are not in
/// the vocabulary.
bool add_merge(BpeSpec& spec, std::string_view left, std::string_view right);

/// The spelling of a byte for byte_fallback, as in "<0xC3>".
std::string fallback_spelling(unsigned byte);

}  // namespace axesim::workloads
