// SPDX-License-Identifier: Apache-2.0
#include "workloads/hf_tokenizer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.h"
#include "workloads/json_file.h"
#include "workloads/oniguruma.h"
#include "workloads/pre_tokenizer.h"

namespace axesim::workloads {

namespace {

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 24;

[[noreturn]] void refuse_type(const JsonNode& part, const std::string& allowed) {
    const JsonNode type = part["type"];
    type.fail(fmt::format("is '{}', which is not supported (allowed: {})", type.text(), allowed));
}

// A flag that must be false.
void refuse_flag(const JsonNode& node) {
    if (node.flag()) node.fail("is true, which is not supported");
}

// The parts of a Sequence, or the one part; none when there is nothing.
std::vector<JsonNode> parts_of(const JsonNode& node, const std::string& list) {
    if (!node.exists()) return {};
    if (node["type"].text() != "Sequence") return {node};
    return node[list].elements();
}

TokenId token_id(const JsonNode& node) {
    const std::int64_t id = node.integer();
    if (id < 0 || id >= kMaxTokens) {
        node.fail(fmt::format("is {} (allowed: 0 to {})", id, kMaxTokens - 1));
    }
    return static_cast<TokenId>(id);
}

void read_flags(const JsonNode& model, BpeSpec& spec) {
    if (model["type"].text_or("BPE") != "BPE") refuse_type(model, "BPE");
    const JsonNode dropout = model["dropout"];
    if (dropout.number_or(0.0) != 0.0) dropout.fail("is set, which makes tokens random");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!model[key].text_or("").empty()) model[key].fail("is set, which is not supported");
    }
    spec.whole_words_first = model["ignore_merges"].flag();
    spec.fuse_unknown = model["fuse_unk"].flag();
    spec.byte_fallback = model["byte_fallback"].flag();
}

void read_vocab(const JsonNode& model, BpeSpec& spec) {
    const JsonNode vocab = model["vocab"];
    for (const auto& [token, id] : vocab.object().items()) {
        const bool is_id = id.is_number_unsigned() && id.get<std::uint64_t>() < kMaxTokens;
        spec.vocabulary.add(token, is_id ? id.get<TokenId>() : token_id(vocab[token]));
    }
    const JsonNode unknown = model["unk_token"];
    if (unknown.exists()) spec.unknown = spec.vocabulary.find(unknown.text());
    if (unknown.exists() && !spec.unknown) {
        unknown.fail(fmt::format("is '{}', which is not in the vocabulary", unknown.text()));
    }
    for (unsigned byte = 0; spec.byte_fallback && byte < 256; ++byte) {
        if (!spec.vocabulary.find(fallback_spelling(byte))) {
            model["byte_fallback"].fail(
                fmt::format("is true, but the vocabulary lacks {}", fallback_spelling(byte)));
        }
    }
}

// A merge is "a b" or, since tokens may hold spaces, ["a", "b"].
bool read_merge(const nlohmann::json& merge, BpeSpec& spec) {
    if (merge.is_array()) {
        return merge.size() == 2 && merge[0].is_string() && merge[1].is_string() &&
               add_merge(spec, merge[0].get<std::string>(), merge[1].get<std::string>());
    }
    if (!merge.is_string()) return false;
    const auto text = merge.get<std::string>();
    const auto space = text.find(' ');
    return space != std::string::npos && text.find(' ', space + 1) == std::string::npos &&
           add_merge(spec, text.substr(0, space), text.substr(space + 1));
}

void read_merges(const JsonNode& merges, BpeSpec& spec) {
    for (const nlohmann::json& merge : merges.array()) {
        if (!read_merge(merge, spec)) {
            merges.fail(
                fmt::format("holds {}, which is no pair of tokens that make up another "
                            "of the vocabulary",
                            merge.dump()));
        }
    }
}

void read_added_tokens(const JsonNode& list, BpeSpec& spec) {
    if (!list.exists()) return;
    for (const JsonNode& token : list.elements()) {
        const std::string text = token["content"].text();
        const TokenId id = token_id(token["id"]);
        for (const char* key : {"single_word", "lstrip", "rstrip"}) refuse_flag(token[key]);
        if (spec.vocabulary.find(text).value_or(id) != id) {
            token["id"].fail(fmt::format("is {}, but the vocabulary has '{}' as {}", id, text,
                                         *spec.vocabulary.find(text)));
        }
        spec.special.push_back({.text = text, .id = id, .normalized = token["normalized"].flag()});
    }
}

TextRule read_replace(const JsonNode& part) {
    return {part["pattern"]["String"].text(), part["content"].text()};
}

void read_normalizer(const JsonNode& normalizer, BpeSpec& spec) {
    for (const JsonNode& part : parts_of(normalizer, "normalizers")) {
        const std::string type = part["type"].text();
        if (type == "Prepend") {
            spec.normalizer.push_back({"", part["prepend"].text()});
        } else if (type == "Replace") {
            spec.normalizer.push_back(read_replace(part));
        } else {
            refuse_type(part, "Prepend, Replace, and a Sequence of these");
        }
    }
}

std::string read_split(const JsonNode& part) {
    const JsonNode behavior = part["behavior"], regex = part["pattern"]["Regex"];
    if (behavior.text() != "Isolated") {
        behavior.fail(
            fmt::format("is '{}', which is not supported (allowed: Isolated)", behavior.text()));
    }
    refuse_flag(part["invert"]);
    const std::string source = regex.text();
    try {
        const std::vector<std::string> pattern{translate_oniguruma(source)};
        [[maybe_unused]] const PreTokenizer compiles{pattern};
        return pattern.front();
    } catch (const UserError& error) {
        regex.fail(fmt::format("cannot be used: {}", error.what()));
    }
}

void read_byte_level(const JsonNode& part, bool alone, BpeSpec& spec) {
    spec.byte_level = true;
    const JsonNode prefix = part["add_prefix_space"], regex = part["use_regex"];
    if (prefix.flag() && !alone) prefix.fail("is true in a Sequence, which is not supported");
    if (prefix.flag()) spec.space_prefix = SpacePrefix::every_piece;
    if (regex.exists() && !regex.flag()) return;
    for (const std::string& one : PreTokenizer::patterns("gpt-2"))
        spec.word_patterns.push_back(one);
}

SpacePrefix read_prefix(const JsonNode& part) {
    const JsonNode scheme = part["prepend_scheme"], old = part["add_prefix_space"];
    const std::string name = scheme.text_or(!old.exists() || old.flag() ? "always" : "never");
    if (name == "always") return SpacePrefix::every_piece;
    if (name == "first") return SpacePrefix::first_piece;
    if (name == "never") return SpacePrefix::never;
    scheme.fail(fmt::format("is '{}' (allowed: always, first, never)", name));
}

void read_metaspace(const JsonNode& part, BpeSpec& spec) {
    spec.space = part["replacement"].text();
    if (spec.space != "▁") {
        part["replacement"].fail(fmt::format("is '{}' (allowed: ▁)", spec.space));
    }
    spec.space_prefix = read_prefix(part);
    // Where it splits, each space begins a word.
    const JsonNode split = part["split"];
    if (!split.exists() || split.flag()) spec.word_patterns = {"▁[^▁]*"};
}

void read_pre_tokenizer(const JsonNode& pre_tokenizer, BpeSpec& spec) {
    const std::vector<JsonNode> parts = parts_of(pre_tokenizer, "pretokenizers");
    const bool alone = parts.size() == 1;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const JsonNode& part = parts[i];
        const std::string type = part["type"].text();
        if (type == "Split") {
            spec.word_patterns.push_back(read_split(part));
        } else if (type == "Digits") {
            spec.word_patterns.emplace_back(part["individual_digits"].flag() ? R"(\p{N})"
                                                                             : R"(\p{N}+)");
        } else if (type == "ByteLevel" && i + 1 == parts.size()) {
            read_byte_level(part, alone, spec);
        } else if (type == "Metaspace" && alone) {
            read_metaspace(part, spec);
        } else {
            refuse_type(part,
                        "Metaspace alone, or a Sequence of Split and Digits with ByteLevel "
                        "at its end");
        }
    }
}

void read_strip(const JsonNode& part, bool fused, BpeSpec& spec) {
    if (part["content"].text() != " " || part["stop"].integer_or(0) != 0 || !fused) {
        part.fail("is a Strip that is not supported (allowed: spaces at the start, after a Fuse)");
    }
    spec.stripped_spaces = token_id(part["start"]);
}

void read_decoder(const JsonNode& decoder, BpeSpec& spec) {
    bool fused = false;
    for (const JsonNode& part : parts_of(decoder, "decoders")) {
        const std::string type = part["type"].text();
        if (spec.byte_level != (type == "ByteLevel")) {
            refuse_type(part, spec.byte_level ? "ByteLevel, as the pre_tokenizer"
                                              : "Replace, ByteFallback, Fuse, Strip");
        } else if (type == "Replace") {
            spec.decode_rules.push_back(read_replace(part));
        } else if (type == "ByteFallback") {
            spec.decode_bytes = true;
        } else if (type == "Fuse") {
            fused = true;
        } else if (type == "Strip") {
            read_strip(part, fused, spec);
        } else if (type != "ByteLevel") {
            refuse_type(part, "Replace, ByteFallback, Fuse, Strip");
        }
    }
}

}  // namespace

BpeSpec read_hf_tokenizer(const std::filesystem::path& path) {
    const JsonFile json(path);
    const JsonNode root = json.root(), model = root["model"];
    BpeSpec spec;
    read_flags(model, spec);
    read_vocab(model, spec);
    read_merges(model["merges"], spec);
    read_added_tokens(root["added_tokens"], spec);
    read_normalizer(root["normalizer"], spec);
    read_pre_tokenizer(root["pre_tokenizer"], spec);
    read_decoder(root["decoder"], spec);
    return spec;
}

}  // namespace axesim::workloads
