// SPDX-License-Identifier: Apache-2.0
#include "workloads/pre_tokenizer.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstdint>
#include <utility>

#include "common/error.h"

namespace axesim::workloads {

namespace {

// In the patterns below, <s> stands for the white space in a bracket, <S> for anything else.
// Source: https://github.com/openai/gpt-2, encoder.py.
constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^<s>\p{L}\p{N}]+|[<s>]+(?![^<s>])|[<s>]+)";
// Source: tokenizer.json of Llama 3.
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^<s>\p{L}\p{N}]+[\r\n]*|[<s>]*[\r\n]+|[<s>]+(?![^<s>])|[<s>]+)";
constexpr const char* kSingleDigit = R"(\p{N})";

struct FreeMatch {
    void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

std::string with_spaces(std::string pattern) {
    const std::string mark = "<s>";
    for (auto at = pattern.find(mark); at != std::string::npos; at = pattern.find(mark, at)) {
        pattern.replace(at, mark.size(), kWhiteSpace);
    }
    return pattern;
}

}  // namespace

// A compiled regular expression.
class PreTokenizer::Pattern {
public:
    explicit Pattern(const std::string& expression) {
        int error = 0;
        PCRE2_SIZE offset = 0;
        code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                  expression.size(), PCRE2_UTF | PCRE2_UCP, &error, &offset,
                                  nullptr));
        if (!code_) {
            throw UserError(
                fmt::format("the regular expression {} is malformed at offset {} (PCRE2 error {})",
                            expression, offset, error));
        }
        std::uint32_t matches_nothing = 0;
        pcre2_pattern_info(code_.get(), PCRE2_INFO_MATCHEMPTY, &matches_nothing);
        if (matches_nothing != 0) {
            throw UserError(
                fmt::format("the regular expression {} can match nothing at all", expression));
        }
        pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // without it, matching is just slower
    }

    // The first match at or after `from`, as the offsets of its begin and end; both are the end of
    // the text when there is none.
    std::pair<std::size_t, std::size_t> find(std::string_view text, std::size_t from,
                                             pcre2_match_data* match) const {
        const int result = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                       text.size(), from, PCRE2_NO_UTF_CHECK, match, nullptr);
        if (result == PCRE2_ERROR_NOMATCH) return {text.size(), text.size()};
        if (result < 0) throw RunError(fmt::format("pcre2_match: error {}", result));
        const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(match);
        return {offsets[0], offsets[1]};
    }

private:
    struct Free {
        void operator()(pcre2_code* code) const { pcre2_code_free(code); }
    };
    std::unique_ptr<pcre2_code, Free> code_;
};

PreTokenizer::PreTokenizer(const std::string& name) : PreTokenizer(patterns(name)) {}

PreTokenizer::PreTokenizer(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) stages_.emplace_back(pattern);
}

PreTokenizer::~PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;

std::vector<std::string> PreTokenizer::known_names() {
    return {"smollm", "gpt-2", "default", "llama-bpe", "llama3"};
}

std::vector<std::string> PreTokenizer::patterns(const std::string& name) {
    if (name == "smollm") return {kSingleDigit, with_spaces(kGpt2)};
    if (name == "gpt-2" || name == "default") return {with_spaces(kGpt2)};
    if (name == "llama-bpe" || name == "llama3") return {with_spaces(kLlama3)};
    throw UserError(fmt::format("there is no way '{}' to cut text into words", name));
}

void PreTokenizer::split(std::string_view text, const WordSink& word) const {
    split_from(0, text, word);
}

void PreTokenizer::split_from(std::size_t stage, std::string_view text,
                              const WordSink& word) const {
    if (text.empty()) return;
    if (stage == stages_.size()) {
        word(text);
        return;
    }
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
    for (std::size_t done = 0; done < text.size();) {
        const auto [begin, end] = stages_[stage].find(text, done, match.get());
        split_from(stage + 1, text.substr(done, begin - done), word);
        split_from(stage + 1, text.substr(begin, end - begin), word);
        done = end;
    }
}

}  // namespace axesim::workloads
