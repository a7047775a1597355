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

class PreTokenizer {
public:
    using WordSink = std::function<void(std::string_view)>;

    /// `name` is the value of `tokenizer.ggml.pre`. Throws UserError for one that known_names()
    /// does not have.
    explicit PreTokenizer(const std::string& name);
    ~PreTokenizer();
    PreTokenizer(PreTokenizer&&) noexcept;
    PreTokenizer& operator=(PreTokenizer&&) noexcept;

    static std::vector<std::string> known_names();

    /// Calls `word` for the words of `text` in order; joined they are the text. `text` must be
    /// well-formed UTF-8. Throws RunError when the regular expression engine gives up.
    void split(std::string_view text, const WordSink& word) const;

private:
    class Pattern;
    void split_from(std::size_t stage, std::string_view text, const WordSink& word) const;

    /// Each pattern cuts what the one before left: its matches and what lies between them.
    std::vector<Pattern> stages_;
};

}  // namespace axesim::workloads
