// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/pre_tokenizer.h"

namespace axesim::workloads {

namespace {

// Values of tokenizer.ggml.token_type.
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;

void read_gguf_words(const GgufFile& file, BpeSpec& spec) {
    const auto model = file.find_string("tokenizer.ggml.model");
    if (!model) file.fail("has no tokenizer (metadata key tokenizer.ggml.model)");
    if (*model != "gpt2") {
        file.fail(
            fmt::format("its tokenizer is of the kind '{}' (tokenizer.ggml.model; allowed: "
                        "gpt2)",
                        *model));
    }
    const std::string name = file.find_string("tokenizer.ggml.pre").value_or("default");
    const auto known = PreTokenizer::known_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        file.fail(
            fmt::format("its tokenizer cuts words in the way '{}' (tokenizer.ggml.pre; "
                        "allowed: {})",
                        name, fmt::join(known, ", ")));
    }
    spec.word_patterns = PreTokenizer::patterns(name);
    spec.byte_level = true;
    spec.whole_words_first = name == "llama-bpe" || name == "llama3";
}

void read_gguf_tokens(const GgufFile& file, BpeSpec& spec) {
    const auto tokens = file.find_strings("tokenizer.ggml.tokens");
    if (!tokens) file.fail("metadata key tokenizer.ggml.tokens is missing");
    const auto types = file.find_integers("tokenizer.ggml.token_type");
    if (types && types->size() != tokens->size()) {
        file.fail(fmt::format("has {} tokens but {} token types", tokens->size(), types->size()));
    }
    for (std::size_t i = 0; i < tokens->size(); ++i) {
        const std::string token((*tokens)[i]);
        const auto id = static_cast<TokenId>(i);
        spec.vocabulary.add(token, id);
        if (types && ((*types)[i] == kControl || (*types)[i] == kUserDefined)) {
            spec.special.push_back({.text = token, .id = id});
        }
    }
}

void read_gguf_merges(const GgufFile& file, BpeSpec& spec) {
    const auto merges = file.find_strings("tokenizer.ggml.merges");
    if (!merges) file.fail("metadata key tokenizer.ggml.merges is missing");
    for (const std::string_view merge : *merges) {
        const auto space = merge.find(' ', 1);
        if (space == std::string_view::npos ||
            !add_merge(spec, merge.substr(0, space), merge.substr(space + 1))) {
            file.fail(
                fmt::format("tokenizer.ggml.merges holds '{}', whose parts or whole are not in "
                            "the vocabulary",
                            merge));
        }
    }
}

}  // namespace

BpeSpec read_gguf_tokenizer(const GgufFile& file) {
    BpeSpec spec;
    read_gguf_words(file, spec);
    read_gguf_tokens(file, spec);
    read_gguf_merges(file, spec);
    return spec;
}

}  // namespace axesim::workloads
