// SPDX-License-Identifier: Apache-2.0
#include "workloads/tokenizer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/workloads/expect_error.h"
#include "tests/workloads/tiny_llama.h"
#include "workloads/bpe_tokenizer.h"
#include "workloads/gguf_tokenizer.h"
#include "workloads/utf8.h"

namespace axesim::workloads {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& name, const std::string& text) {
    Words words;
    PreTokenizer(name).split(text, [&](std::string_view word) { words.emplace_back(word); });
    return words;
}

BpeTokenizer tiny_tokenizer(const std::function<void(GgufWriter&)>& change = [](GgufWriter&) {}) {
    GgufWriter writer = TinyLlama().writer();
    change(writer);
    const TemporaryFile file("tokenizer.gguf", writer.str());
    return BpeTokenizer(read_gguf_tokenizer(GgufFile(file.path())));
}

TEST(Utf8, FindsTheFirstIllFormedByte) {
    const auto invalid = [](const std::string& text) { return find_invalid_utf8(text); };
    EXPECT_EQ(invalid(""), std::nullopt);
    EXPECT_EQ(invalid("aé€😀"), std::nullopt);
    EXPECT_EQ(invalid("\x7F\u0080\u07FF\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF"),
              std::nullopt);
    EXPECT_EQ(invalid("ab\x80"), 2U);
    EXPECT_EQ(invalid("\xC0\x80"), 0U);          // overlong
    EXPECT_EQ(invalid("a\xE0\x9F\xBF"), 1U);     // overlong
    EXPECT_EQ(invalid("\xF0\x8F\xBF\xBF"), 0U);  // overlong
    EXPECT_EQ(invalid("\xED\xA0\x80"), 0U);      // a surrogate
    EXPECT_EQ(invalid("\xF4\x90\x80\x80"), 0U);  // above U+10FFFF
    EXPECT_EQ(invalid("\xFF"), 0U);
    EXPECT_EQ(invalid("ok \xE2\x82"), 3U);  // cut
    EXPECT_EQ(invalid("\xE2\x28\xA1"), 0U);
}

TEST(Utf8, RoundTripsEveryCharacter) {
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        const std::string text = to_utf8(c);
        std::size_t offset = 0;
        ASSERT_EQ(next_character(text, offset), c);
        ASSERT_EQ(offset, text.size());
        ASSERT_EQ(find_invalid_utf8(text), std::nullopt);
    }
}

TEST(PreTokenizer, CutsAsGpt2) {
    EXPECT_EQ(split("gpt-2", "I'll say  it's 2024!!\n\n ok"),
              (Words{"I", "'ll", " say", " ", " it", "'s", " 2024", "!!", "\n\n", " ok"}));
    EXPECT_EQ(split("gpt-2", "a\t\tb  "), (Words{"a", "\t", "\t", "b", "  "}));
    EXPECT_EQ(split("gpt-2", "x\u00A0\u3000y"), (Words{"x", "\u00A0", "\u3000", "y"}));
    EXPECT_EQ(split("gpt-2", "Ελλάδα और日本"), (Words{"Ελλάδα", " और日本"}));
    EXPECT_EQ(split("gpt-2", "'Tis DON'T"), (Words{"'", "Tis", " DON", "'", "T"}));
    EXPECT_EQ(split("gpt-2", "²½Ⅷ٣"), (Words{"²½Ⅷ٣"}));
    // U+180E is no white space since Unicode 6.3.
    EXPECT_EQ(split("gpt-2", "a \u180E\u180Eb"), (Words{"a", " \u180E\u180E", "b"}));
    EXPECT_EQ(split("gpt-2", "a\u0085\u2028b"), (Words{"a", "\u0085", "\u2028", "b"}));
    EXPECT_EQ(split("gpt-2", ""), Words{});
}

TEST(PreTokenizer, CutsDigitsAloneAsSmolLm) {
    EXPECT_EQ(split("smollm", "in 1987, ½x"),
              (Words{"in", " ", "1", "9", "8", "7", ",", " ", "½", "x"}));
    EXPECT_EQ(split("smollm", "a  7  b"), (Words{"a", "  ", "7", " ", " b"}));
    EXPECT_EQ(split("smollm", "१२it's"), (Words{"१", "२", "it", "'s"}));
}

TEST(PreTokenizer, CutsAsLlama3) {
    EXPECT_EQ(split("llama-bpe", "He'S 12345 $x\r\n\n y"),
              (Words{"He", "'S", " ", "123", "45", " $", "x", "\r\n\n", " y"}));
    EXPECT_EQ(split("llama3", "(a) !!\n  b"), (Words{"(a", ")", " !!\n", " ", " b"}));
}

TEST(PreTokenizer, TakesLongRuns) {
    const std::string letters(3'000'000, 'x'), spaces(3'000'000, ' ');
    EXPECT_EQ(split("smollm", letters), Words{letters});
    EXPECT_EQ(split("smollm", spaces), Words{spaces});
    EXPECT_EQ(split("llama3", spaces + "x").size(), 2U);
}

TEST(PreTokenizer, RefusesUnknownNames) {
    expect_user_error([] { PreTokenizer("mine"); }, {"'mine'"});
}

// The definition of byte pair encoding: over and over, the first of the best-ranked pairs.
std::vector<TokenId> plain_bpe(const std::map<std::pair<TokenId, TokenId>, TokenId>& merges,
                               std::vector<TokenId> symbols) {
    for (;;) {
        std::size_t best = symbols.size();
        TokenId best_merged = 1 << 30;  // ids are given in order of rank below
        for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
            const auto found = merges.find({symbols[i], symbols[i + 1]});
            if (found != merges.end() && found->second < best_merged) {
                best = i;
                best_merged = found->second;
            }
        }
        if (best == symbols.size()) return symbols;
        symbols[best] = best_merged;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
}

TEST(BpeMerges, EqualTheDefinition) {
    std::mt19937 generator(11);
    const auto below = [&](int limit) {
        return std::uniform_int_distribution<int>(0, limit - 1)(generator);
    };
    for (int round = 0; round < 100; ++round) {
        BpeMerges merges;
        std::map<std::pair<TokenId, TokenId>, TokenId> table;
        for (TokenId next = 3; next < 40; ++next) {
            const TokenId left = below(next), right = below(next);
            if (table.try_emplace({left, right}, next).second) merges.add(left, right, next);
        }
        for (int word = 0; word < 20; ++word) {
            std::vector<TokenId> symbols;
            for (int i = below(60); i >= 0; --i) symbols.push_back(below(3));
            EXPECT_EQ(merges.apply(symbols), plain_bpe(table, symbols));
        }
    }
    EXPECT_TRUE(BpeMerges().apply({}).empty());
}

// Ids of the tiny vocabulary: a byte's own value; ab 256, abc 257, " a" 258, " ab" 259.
TEST(BpeTokenizer, MergesInTheOrderOfTheFile) {
    const BpeTokenizer tokenizer = tiny_tokenizer();
    EXPECT_EQ(tokenizer.encode("abc"), (std::vector<TokenId>{257}));
    EXPECT_EQ(tokenizer.encode("x ab"), (std::vector<TokenId>{'x', ' ', 256}));
    EXPECT_EQ(tokenizer.encode("x a"), (std::vector<TokenId>{'x', 258}));
    EXPECT_EQ(tokenizer.encode("é"), (std::vector<TokenId>{0xC3, 0xA9}));
    EXPECT_EQ(tokenizer.encode(""), std::vector<TokenId>{});
    EXPECT_EQ(tokenizer.vocabulary(), 262);
}

TEST(BpeTokenizer, FindsSpecialTokensLongestFirst) {
    const BpeTokenizer tokenizer = tiny_tokenizer();
    EXPECT_EQ(tokenizer.encode("ab<|end|>c<|end|>>"), (std::vector<TokenId>{256, 260, 'c', 261}));
    EXPECT_EQ(tokenizer.encode("<<|end|>"), (std::vector<TokenId>{'<', 260}));
    EXPECT_EQ(tokenizer.encode("<|end|"), (std::vector<TokenId>{'<', '|', 'e', 'n', 'd', '|'}));
    EXPECT_EQ(tokenizer.decode({256, 261, 0xC3, 0xA9, 260}), "ab<|end|>>é<|end|>");
}

TEST(BpeTokenizer, TakesWholeWordsFirstAsLlama3) {
    const BpeTokenizer tokenizer = tiny_tokenizer([](GgufWriter& writer) {
        writer.remove("tokenizer.ggml.pre");
        writer.text("tokenizer.ggml.pre", "llama-bpe");
    });
    EXPECT_EQ(tokenizer.encode("x ab"), (std::vector<TokenId>{'x', 259}));
    EXPECT_EQ(tokenizer.encode("x abb"), (std::vector<TokenId>{'x', ' ', 256, 'b'}));
}

TEST(BpeTokenizer, NamesBadInput) {
    const BpeTokenizer tokenizer = tiny_tokenizer();
    expect_user_error([&] { tokenizer.encode("abc\xFF"); }, {"UTF-8", "0xff", "offset 3"});
    expect_user_error([&] { tokenizer.decode({262}); }, {"262"});
    expect_user_error([&] { tokenizer.decode({-1}); }, {"-1"});
}

TEST(BpeTokenizer, NamesWhatIsWrongInTheFile) {
    const auto refused = [](const std::function<void(GgufWriter&)>& change,
                            const std::vector<std::string>& parts) {
        expect_user_error([&] { tiny_tokenizer(change); }, parts);
    };
    refused([](GgufWriter& w) { w.remove("tokenizer.ggml.tokens"); },
            {"tokenizer.gguf", "tokenizer.ggml.tokens", "missing"});
    refused([](GgufWriter& w) { w.remove("tokenizer.ggml.merges"); },
            {"tokenizer.ggml.merges", "missing"});
    refused([](GgufWriter& w) { w.remove("tokenizer.ggml.model"); }, {"no tokenizer"});
    for (const std::string merge : {"a q!", "ab", "a", "", " a", "a "}) {
        refused(
            [&](GgufWriter& w) {
                w.remove("tokenizer.ggml.merges");
                w.strings("tokenizer.ggml.merges", {merge});
            },
            {"tokenizer.gguf", "tokenizer.ggml.merges", "'" + merge + "'"});
    }
    refused(
        [](GgufWriter& w) {
            w.remove("tokenizer.ggml.token_type");
            w.integers("tokenizer.ggml.token_type", {1, 1});
        },
        {"262 tokens", "2 token types"});
    refused(
        [](GgufWriter& w) {
            w.remove("tokenizer.ggml.pre");
            w.text("tokenizer.ggml.pre", "deepseek");
        },
        {"'deepseek'", "tokenizer.ggml.pre", "smollm"});
}

}  // namespace
}  // namespace axesim::workloads
