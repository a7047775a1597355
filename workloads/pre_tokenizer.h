// SPDX-License-Identifier: Apache-2.0
// Cuts text into the words that byte pair encoding then works on alone, with the regular
// expressions that the model was trained with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace axesim::workloads {

/// The inside of a bracket for what \s means to the tokenizers that models are trained with:
/// Unicode's White_Space. PCRE2's own \s also has U+180E.
inline constexpr const char* kWhiteSpace =
    R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

class PreTokenizer {
public:
    using WordSink = std::function<void(std::string_view)>;

    /// `name` is the value of `tokenizer.ggml.pre`. Throws UserError for one that known_names()
    /// does not have.
    explicit PreTokenizer(const std::string& name);
    /// Cuts with one regular expression of PCRE2 after the other: each cuts what the one before
    /// left into its matches and what lies between them. Throws UserError for one that is malformed
    /// or can match nothing at all.
    explicit PreTokenizer(const std::vector<std::string>& patterns);
    ~PreTokenizer();
    PreTokenizer(PreTokenizer&&) noexcept;
    PreTokenizer& operator=(PreTokenizer&&) noexcept;

    static std::vector<std::string> known_names();
    /// The regular expressions of a known name; throws as the constructor does.
    static std::vector<std::string> patterns(const std::string& name);

    /// Calls `word` for the words of `text` in order; joined they are the text. `text` must be
    /// well-formed UTF-8. Throws RunError when the regular expression engine gives up.
    void split(std::string_view text, const WordSink& word) const;

private:
    class Pattern;
    void split_from(std::size_t stage, std::string_view text, const WordSink& word) const;

    std::vector<Pattern> stages_;
};

}  // namespace axesim::workloads
