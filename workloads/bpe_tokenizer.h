// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of text: on bytes, as GPT-2, Llama 3 and SmolLM2, or on characters, as
// SentencePiece and Llama 2.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workloads/bpe_spec.h"
#include "workloads/byte_level.h"
#include "workloads/pre_tokenizer.h"
#include "workloads/special_tokens.h"
#include "workloads/tokenizer.h"

namespace axesim::workloads {

/// Encodes as the Hugging Face tokenizer of the same description does. A byte without a token of
/// its own (SmolLM2 lacks six control characters and two lead bytes of unassigned planes) vanishes,
/// as it does there.
class BpeTokenizer : public Tokenizer {
public:
    explicit BpeTokenizer(BpeSpec spec);

    /// Throws UserError naming the offset of the first byte that is not UTF-8.
    std::vector<TokenId> encode(std::string_view text) const override;
    /// The bytes of the tokens; not UTF-8 when the tokens cut a character. Throws UserError for a
    /// token outside the vocabulary.
    std::string decode(const std::vector<TokenId>& tokens) const override;
    Index vocabulary() const override { return static_cast<Index>(texts_.size()); }

private:
    class Encoding;

    std::string text_of(const std::string& spelling) const;
    std::vector<TokenId> symbols_of(std::string_view spelling) const;
    std::vector<TokenId> encode_word(std::string_view word) const;

    BpeSpec spec_;
    ByteLevel byte_level_;
    PreTokenizer pre_tokenizer_;
    SpecialTokens raw_special_, normalized_special_;
    std::array<std::optional<TokenId>, 256> fallback_tokens_;
    std::vector<std::string> texts_;  ///< the bytes of each token
};

/// The tokenizer that `read` describes. When that throws a UserError (a kind of tokenizer that is
/// not supported, a damaged vocabulary), one that says so in a UserError as soon as it is used: the
/// model can still be run on a .npy of token ids.
std::unique_ptr<Tokenizer> make_tokenizer(const std::function<BpeSpec()>& read, Index vocabulary);

}  // namespace axesim::workloads
