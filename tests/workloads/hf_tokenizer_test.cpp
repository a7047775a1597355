// SPDX-License-Identifier: Apache-2.0
// Tokenizers of the three kinds against what Hugging Face's package makes of them
// (make_hf_tokenizers.py).
#include "workloads/hf_tokenizer.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "tests/workloads/expect_error.h"
#include "tests/workloads/gguf_writer.h"
#include "workloads/bpe_tokenizer.h"
#include "workloads/oniguruma.h"

namespace axesim::workloads {
namespace {

using nlohmann::json;

const std::filesystem::path kTokenizerData = AXESIM_SOURCE_DIR "/tests/workloads/data";

json load_json(const std::string& name) {
    return json::parse(read_text_file(kTokenizerData / name));
}

BpeTokenizer tokenizer_from(const std::string& content) {
    const TemporaryFile file("tokenizer.json", content);
    return BpeTokenizer(read_hf_tokenizer(file.path()));
}

TEST(HfTokenizer, EqualsHuggingFaces) {
    const json expected = load_json("hf_tokens.json");
    std::vector<std::string> texts = expected.at("texts");
    texts.push_back(read_text_file(kTokenizerData / "multilingual.txt"));
    EXPECT_GE(expected.at("cases").size(), 14U);
    for (const json& one : expected.at("cases")) {
        json file = load_json(one.at("base").get<std::string>() + "_tokenizer.json");
        file.merge_patch(one.at("patch"));
        const BpeTokenizer tokenizer = tokenizer_from(file.dump());
        for (std::size_t i = 0; i < one.at("ids").size(); ++i) {
            EXPECT_EQ(tokenizer.encode(texts[i]), one.at("ids")[i].get<std::vector<TokenId>>())
                << one.at("name") << ": " << texts[i];
        }
    }
}

TEST(HfTokenizer, DecodesAsHuggingFaces) {
    const json expected = load_json("hf_tokens.json");
    std::vector<std::string> texts = expected.at("texts");
    texts.push_back(read_text_file(kTokenizerData / "multilingual.txt"));
    for (const json& one : expected.at("cases")) {
        if (!one.at("patch").empty()) continue;
        const BpeTokenizer tokenizer =
            tokenizer_from(load_json(one.at("base").get<std::string>() + "_tokenizer.json").dump());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            EXPECT_EQ(tokenizer.decode(one.at("ids")[i].get<std::vector<TokenId>>()),
                      one.at("decoded").value(std::to_string(i), texts[i]))
                << one.at("name");
        }
    }
}

TEST(HfTokenizer, DecodesBytes) {
    const json file = load_json("llama2_tokenizer.json");
    const BpeTokenizer tokenizer = tokenizer_from(file.dump());
    const auto id = [&](const char* token) {
        return file.at("model").at("vocab").at(token).get<TokenId>();
    };
    EXPECT_EQ(tokenizer.decode({id("<0xC3>"), id("<0xA9>")}), "é");
    EXPECT_EQ(tokenizer.decode({id("<0xC3>")}), "\xC3");
    expect_user_error([&] { tokenizer.decode({100000}); }, {"100000"});
}

TEST(HfTokenizer, NamesWhatIsNotSupported) {
    const auto refused = [](const std::string& base, const json& patch,
                            const std::vector<std::string>& parts) {
        json file = load_json(base + "_tokenizer.json");
        file.merge_patch(patch);
        std::vector<std::string> all = parts;
        all.emplace_back("tokenizer.json: ");
        expect_user_error([&] { tokenizer_from(file.dump()); }, all);
    };
    const auto model = [](const json& patch) { return json{{"model", patch}}; };
    const auto words = [](const json& parts) {
        return json{{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", parts}}}};
    };
    const json byte_level = {{"type", "ByteLevel"}};
    refused("llama3", model({{"type", "Unigram"}}), {"model.type", "'Unigram'", "allowed: BPE"});
    refused("llama3", model({{"dropout", 0.1}}), {"model.dropout"});
    refused("llama3", model({{"end_of_word_suffix", "</w>"}}), {"model.end_of_word_suffix"});
    refused("llama3", model({{"vocab", nullptr}}), {"model.vocab", "missing"});
    refused("llama3", model({{"vocab", {{"x", -1}}}}), {"model.vocab.x", "-1"});
    refused("llama3", model({{"vocab", {{"x", 1 << 30}}}}), {"model.vocab.x"});
    refused("llama3", model({{"unk_token", "<none>"}}), {"model.unk_token", "'<none>'"});
    refused("llama3", model({{"byte_fallback", true}}), {"model.byte_fallback", "<0x00>"});
    refused("llama3", model({{"merges", nullptr}}), {"model.merges", "missing"});
    for (const json& merge :
         {json("ab"), json("a b c"), json("a \u00ff!"), json::array({"a"}), json(7)}) {
        refused("llama3", model({{"merges", json::array({merge})}}),
                {"model.merges", merge.dump()});
    }
    refused("llama3", {{"normalizer", {{"type", "NFC"}}}}, {"normalizer.type", "'NFC'", "Prepend"});
    refused("llama3", {{"pre_tokenizer", {{"type", "Whitespace"}}}}, {"pre_tokenizer.type"});
    refused("llama3", words(json::array({byte_level, {{"type", "Digits"}}})),
            {"pre_tokenizer.pretokenizers[0].type", "'ByteLevel'", "at its end"});
    refused("llama3", words(json::array({{{"type", "Metaspace"}}, byte_level})),
            {"pretokenizers[0].type", "'Metaspace'"});
    refused("smollm2",
            words(json::array(
                {{{"type", "Digits"}}, {{"type", "ByteLevel"}, {"add_prefix_space", true}}})),
            {"pretokenizers[1].add_prefix_space"});
    const auto split = [&](const json& change) {
        json part = {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Isolated"}};
        part.merge_patch(change);
        return words(json::array({part, byte_level}));
    };
    refused("llama3", split({{"behavior", "Removed"}}), {"behavior", "'Removed'", "Isolated"});
    refused("llama3", split({{"invert", true}}), {"invert"});
    refused("llama3", split({{"pattern", {{"Regex", "^a"}}}}), {"pattern.Regex", "'^'"});
    refused("llama3", split({{"pattern", {{"Regex", "a)"}}}}), {"pattern.Regex", "malformed"});
    refused("llama3", split({{"pattern", {{"Regex", "a*"}}}}), {"pattern.Regex", "nothing"});
    refused("llama3", {{"decoder", {{"type", "WordPiece"}}}}, {"decoder.type", "'WordPiece'"});
    refused("llama2", {{"decoder", {{"type", "ByteLevel"}}}}, {"decoder.type", "'ByteLevel'"});
    refused("llama2", {{"decoder", {{"type", "Strip"}, {"content", " "}, {"start", 1}}}},
            {"decoder", "Strip"});
    const auto added = [](const json& token) {
        return json{{"added_tokens", json::array({token})}};
    };
    refused("llama3", added({{"id", 3}, {"content", "a"}}), {"added_tokens[0].id", "'a'"});
    refused("llama3", added({{"content", "<x>"}}), {"added_tokens[0].id", "missing"});
    refused("llama3", added({{"id", 900}, {"content", "<x>"}, {"lstrip", true}}),
            {"added_tokens[0].lstrip"});
}

TEST(HfTokenizer, NamesTheLineThatIsNotJson) {
    expect_user_error([] { tokenizer_from("{\n\"model\": {\n\"vocab\": {,}}}"); },
                      {"tokenizer.json:3:11", "not JSON"});
}

TEST(Oniguruma, TranslatesTheWordsOfLlama3) {
    const json file = load_json("llama3_tokenizer.json");
    const std::string source =
        file.at("pre_tokenizer").at("pretokenizers")[0].at("pattern").at("Regex");
    EXPECT_EQ(translate_oniguruma(source), PreTokenizer::patterns("llama3").front());
}

TEST(Oniguruma, KeepsWhatMeansTheSame) {
    for (const std::string same :
         {"a|b", "[^a-z\\r\\n]+", "(?i:x)?(?!y)(?=z)(?:w)(v)", "\\p{Lu}\\P{N}{1,3}", "é++[日本]*+",
          "\\(\\.\\[\\]", "[\\]\\-]", "a{2}"}) {
        EXPECT_EQ(translate_oniguruma(same), same);
    }
    EXPECT_EQ(translate_oniguruma("\\d[\\d]"), "\\p{Nd}[\\p{Nd}]");
}

TEST(Oniguruma, RefusesWhatMightMeanSomethingElse) {
    for (const std::string other :
         {"^a",          "a$",      ".",       "\\w",   "\\h",    "\\1",        "\\b",
          "[[:alpha:]]", "[a&&b]",  "[\\S]",   "[]a]",  "(?<=a)", "(?m:a)",     "(?<n>a)",
          "(*a)",        "a{1,2}+", "a{1,2}?", "a{,2}", "}",      "\\p{Greek}", "\\p{^L}",
          "\\p",         "\\pL",    "\\p{",    "\\",    "[^\\"}) {
        expect_user_error([&] { translate_oniguruma(other); }, {"not supported"});
    }
}

}  // namespace
}  // namespace axesim::workloads
