// SPDX-License-Identifier: Apache-2.0
#include "workloads/bpe_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "workloads/utf8.h"

namespace axesim::workloads {

namespace {

// Values of tokenizer.ggml.token_type.
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;

std::string pre_name(const GgufFile& file) {
    return file.find_string("tokenizer.ggml.pre").value_or("default");
}

PreTokenizer make_pre_tokenizer(const GgufFile& file) {
    const auto model = file.find_string("tokenizer.ggml.model");
    if (!model) file.fail("has no tokenizer (metadata key tokenizer.ggml.model)");
    if (*model != "gpt2") {
        file.fail(
            fmt::format("its tokenizer is of the kind '{}' (tokenizer.ggml.model; allowed: "
                        "gpt2)",
                        *model));
    }
    const auto known = PreTokenizer::known_names();
    if (std::find(known.begin(), known.end(), pre_name(file)) == known.end()) {
        file.fail(
            fmt::format("its tokenizer cuts words in the way '{}' (tokenizer.ggml.pre; "
                        "allowed: {})",
                        pre_name(file), fmt::join(known, ", ")));
    }
    return PreTokenizer(pre_name(file));
}

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

BpeTokenizer::BpeTokenizer(const GgufFile& file)
    : pre_tokenizer_(make_pre_tokenizer(file)),
      whole_words_first_(pre_name(file) == "llama-bpe" || pre_name(file) == "llama3") {
    read_vocabulary(file);
    read_merges(file);
}

void BpeTokenizer::read_vocabulary(const GgufFile& file) {
    const auto tokens = file.find_strings("tokenizer.ggml.tokens");
    if (!tokens) file.fail("metadata key tokenizer.ggml.tokens is missing");
    const auto types = file.find_integers("tokenizer.ggml.token_type");
    if (types && types->size() != tokens->size()) {
        file.fail(fmt::format("has {} tokens but {} token types", tokens->size(), types->size()));
    }
    for (std::size_t i = 0; i < tokens->size(); ++i) {
        const std::string token((*tokens)[i]);
        const auto id = static_cast<TokenId>(i);
        const bool special = types && ((*types)[i] == kControl || (*types)[i] == kUserDefined);
        if (special) special_.add(token, id);
        ids_.try_emplace(token, id);
        texts_.push_back(special ? token : byte_level_.bytes(token).value_or(token));
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        const auto found = ids_.find(byte_level_.spelling(static_cast<unsigned char>(byte)));
        if (found != ids_.end()) byte_tokens_[byte] = found->second;
    }
}

void BpeTokenizer::read_merges(const GgufFile& file) {
    const auto merges = file.find_strings("tokenizer.ggml.merges");
    if (!merges) file.fail("metadata key tokenizer.ggml.merges is missing");
    for (const std::string_view merge : *merges) {
        const auto space = merge.find(' ', 1);
        const auto id_of = [&](std::string_view token) {
            const auto found = ids_.find(std::string(token));
            if (space == std::string_view::npos || found == ids_.end()) {
                file.fail(
                    fmt::format("tokenizer.ggml.merges holds '{}', whose parts or whole are "
                                "not in the vocabulary",
                                merge));
            }
            return found->second;
        };
        const TokenId left = id_of(merge.substr(0, space));
        const std::string_view right_text = merge.substr(std::min(space, merge.size() - 1) + 1);
        const TokenId right = id_of(right_text);
        merges_.add(left, right, id_of(fmt::format("{}{}", merge.substr(0, space), right_text)));
    }
}

std::optional<TokenId> BpeTokenizer::find_whole(std::string_view word) const {
    std::string spelling;
    for (const char c : word) spelling += byte_level_.spelling(static_cast<unsigned char>(c));
    const auto found = ids_.find(spelling);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

std::vector<TokenId> BpeTokenizer::encode_word(std::string_view word) const {
    if (whole_words_first_) {
        if (const auto token = find_whole(word)) return {*token};
    }
    std::vector<TokenId> symbols;
    symbols.reserve(word.size());
    for (const char c : word) {
        const auto& token = byte_tokens_[static_cast<unsigned char>(c)];
        if (token) symbols.push_back(*token);
    }
    return merges_.apply(symbols);
}

std::vector<TokenId> BpeTokenizer::encode(std::string_view text) const {
    if (const auto offset = find_invalid_utf8(text)) {
        throw UserError(fmt::format("the text is not UTF-8: byte {:#04x} at offset {}",
                                    static_cast<unsigned char>(text[*offset]), *offset));
    }
    std::vector<TokenId> ids;
    WordCache cache;  // texts repeat their words
    const auto add_word = [&](std::string_view word) {
        auto [entry, is_new] = cache.try_emplace(word);
        if (is_new) entry->second = encode_word(word);
        ids.insert(ids.end(), entry->second.begin(), entry->second.end());
    };
    special_.split(
        text, [&](std::string_view plain) { pre_tokenizer_.split(plain, add_word); },
        [&](TokenId id) { ids.push_back(id); });
    return ids;
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
    return text;
}

std::unique_ptr<Tokenizer> make_tokenizer(const GgufFile& file, Index vocabulary) {
    try {
        return std::make_unique<BpeTokenizer>(file);
    } catch (const UserError& error) {
        return std::make_unique<UnusableTokenizer>(error.what(), vocabulary);
    }
}

}  // namespace axesim::workloads
