// SPDX-License-Identifier: Apache-2.0
#include "workloads/bpe_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "common/error.h"
#include "workloads/utf8.h"

namespace axesim::workloads {

namespace {

constexpr std::size_t kCachedWord = 64;  // bytes; longer words hardly repeat

// Stands in for a tokenizer that cannot be made.
class UnusableTokenizer : public Tokenizer {
public:
    UnusableTokenizer(const std::string& reason, Index vocabulary)
        : message_(reason + "; give the text as a .npy of token ids"), vocabulary_(vocabulary) {}

    std::vector<TokenId> encode(std::string_view) const override { throw UserError(message_); }
    std::string decode(const std::vector<TokenId>&) const override { throw UserError(message_); }
    Index vocabulary() const override { return vocabulary_; }

private:
    std::string message_;
    Index vocabulary_;
};

}  // namespace

bool add_merge(BpeSpec& spec, std::string_view left, std::string_view right) {
    const auto left_id = spec.vocabulary.find(left), right_id = spec.vocabulary.find(right);
    const auto merged_id = spec.vocabulary.find(fmt::format("{}{}", left, right));
    if (!left_id || !right_id || !merged_id) return false;
    spec.merges.add(*left_id, *right_id, *merged_id);
    return true;
}

std::string fallback_spelling(unsigned byte) { return fmt::format("<0x{:02X}>", byte); }

// One call of encode().
class BpeTokenizer::Encoding {
public:
    Encoding(const BpeTokenizer& tokenizer, std::string_view text)
        : tokenizer_(tokenizer), text_(text) {}

    std::vector<TokenId> run() {
        tokenizer_.raw_special_.split(
            text_, [&](std::string_view plain) { add_plain(plain); },
            [&](TokenId id) { ids_.push_back(id); });
        return std::move(ids_);
    }

private:
    void add_plain(std::string_view plain) {
        const bool first = plain.data() == text_.data();
        const std::string text = apply_rules(tokenizer_.spec_.normalizer, plain);
        tokenizer_.normalized_special_.split(
            text,
            [&](std::string_view piece) { add_piece(piece, first && piece.data() == text.data()); },
            [&](TokenId id) { ids_.push_back(id); });
    }

    void add_piece(std::string_view piece, bool first) {
        const BpeSpec& spec = tokenizer_.spec_;
        std::string text = apply_rules({{" ", spec.space}}, piece);
        const bool prefixed = spec.space_prefix == SpacePrefix::every_piece ||
                              (spec.space_prefix == SpacePrefix::first_piece && first);
        if (prefixed && !text.starts_with(spec.space)) text.insert(0, spec.space);
        tokenizer_.pre_tokenizer_.split(text, [&](std::string_view word) { add_word(word); });
    }

    void add_word(std::string_view word) {
        if (word.size() > kCachedWord) return append(tokenizer_.encode_word(word));
        auto found = cache_.find(word);
        if (found == cache_.end()) {
            found = cache_.emplace(word, tokenizer_.encode_word(word)).first;
        }
        append(found->second);
    }

    void append(const std::vector<TokenId>& ids) {
        ids_.insert(ids_.end(), ids.begin(), ids.end());
    }

    const BpeTokenizer& tokenizer_;
    std::string_view text_;
    std::vector<TokenId> ids_;
    /// Texts repeat their words.
    std::unordered_map<std::string, std::vector<TokenId>, StringHash, std::equal_to<>> cache_;
};

BpeTokenizer::BpeTokenizer(BpeSpec spec)
    : spec_(std::move(spec)), pre_tokenizer_(spec_.word_patterns) {
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string spelling = fallback_spelling(byte);
        if (spec_.byte_fallback) fallback_tokens_[byte] = spec_.vocabulary.find(spelling);
    }
    for (const std::string& spelling : spec_.vocabulary.spellings()) {
        texts_.push_back(text_of(spelling));
    }
    for (const SpecialToken& token : spec_.special) {
        const auto id = static_cast<std::size_t>(token.id);
        if (id >= texts_.size()) texts_.resize(id + 1);
        texts_[id] = token.text;
        if (token.normalized) {
            normalized_special_.add(apply_rules(spec_.normalizer, token.text), token.id);
        } else {
            raw_special_.add(token.text, token.id);
        }
    }
}

std::string BpeTokenizer::text_of(const std::string& spelling) const {
    if (spec_.byte_level) return byte_level_.bytes(spelling).value_or(spelling);
    if (spec_.decode_bytes && spelling.size() == fallback_spelling(0).size()) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            if (spelling == fallback_spelling(byte)) return {static_cast<char>(byte)};
        }
    }
    return apply_rules(spec_.decode_rules, spelling);
}

// The tokens of the characters, which the merges begin with.
std::vector<TokenId> BpeTokenizer::symbols_of(std::string_view spelling) const {
    std::vector<TokenId> symbols;
    symbols.reserve(spelling.size());
    bool after_unknown = false;
    for (std::size_t begin = 0, end = 0; begin < spelling.size(); begin = end) {
        next_character(spelling, end);
        const std::string_view character = spelling.substr(begin, end - begin);
        const auto token = spec_.vocabulary.find(character);
        const bool unknown = !token && !spec_.byte_fallback;
        if (token) {
            symbols.push_back(*token);
        } else if (spec_.byte_fallback) {
            for (const char c : character) {
                const auto& byte = fallback_tokens_[static_cast<unsigned char>(c)];
                if (byte) symbols.push_back(*byte);
            }
        } else if (spec_.unknown && !(after_unknown && spec_.fuse_unknown)) {
            symbols.push_back(*spec_.unknown);
        }
        after_unknown = unknown;
    }
    return symbols;
}

std::vector<TokenId> BpeTokenizer::encode_word(std::string_view word) const {
    std::string spelling(word);
    if (spec_.byte_level) {
        spelling.clear();
        for (const char c : word) spelling += byte_level_.spelling(static_cast<unsigned char>(c));
    }
    if (spec_.whole_words_first) {
        if (const auto token = spec_.vocabulary.find(spelling)) return {*token};
    }
    return spec_.merges.apply(symbols_of(spelling));
}

std::vector<TokenId> BpeTokenizer::encode(std::string_view text) const {
    if (const auto offset = find_invalid_utf8(text)) {
        throw UserError(fmt::format("the text is not UTF-8: byte {:#04x} at offset {}",
                                    static_cast<unsigned char>(text[*offset]), *offset));
    }
    return Encoding(*this, text).run();
}

std::string BpeTokenizer::decode(const std::vector<TokenId>& tokens) const {
    std::string text;
    for (const TokenId token : tokens) {
        if (token < 0 || token >= vocabulary()) {
            throw UserError(
                fmt::format("there is no token {} in a vocabulary of {}", token, vocabulary()));
        }
        text += texts_[static_cast<std::size_t>(token)];
    }
    const std::size_t spaces = std::min(text.find_first_not_of(' '), text.size());
    return text.substr(std::min(spaces, static_cast<std::size_t>(spec_.stripped_spaces)));
}

std::unique_ptr<Tokenizer> make_tokenizer(const std::function<BpeSpec()>& read, Index vocabulary) {
    try {
        return std::make_unique<BpeTokenizer>(read());
    } catch (const UserError& error) {
        return std::make_unique<UnusableTokenizer>(error.what(), vocabulary);
    }
}

}  // namespace axesim::workloads
