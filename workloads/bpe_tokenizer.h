// SPDX-License-Identifier: Apache-2.0
// The byte-level BPE tokenizer that a GGUF file describes (`tokenizer.ggml.model` gpt2).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "workloads/bpe_merges.h"
#include "workloads/byte_level.h"
#include "workloads/gguf_file.h"
#include "workloads/pre_tokenizer.h"
#include "workloads/special_tokens.h"
#include "workloads/tokenizer.h"

namespace axesim::workloads {

/// Encodes as the Hugging Face tokenizer of the same vocabulary does. A byte without a token of its
/// own (SmolLM2 lacks six control characters and two lead bytes of unassigned planes) vanishes, as
/// it does there.
class BpeTokenizer : public Tokenizer {
public:
    /// Throws UserError naming the file and the metadata key that is missing or wrong.
    explicit BpeTokenizer(const GgufFile& file);

    /// Throws UserError naming the offset of the first byte that is not UTF-8.
    std::vector<TokenId> encode(std::string_view text) const override;
    /// The bytes of the tokens; not UTF-8 when the tokens cut a character. Throws UserError for a
    /// token outside the vocabulary.
    std::string decode(const std::vector<TokenId>& tokens) const override;
    Index vocabulary() const override { return static_cast<Index>(texts_.size()); }

private:
    using WordCache = std::unordered_map<std::string_view, std::vector<TokenId>>;

    void read_vocabulary(const GgufFile& file);
    void read_merges(const GgufFile& file);
    std::optional<TokenId> find_whole(std::string_view word) const;
    std::vector<TokenId> encode_word(std::string_view word) const;

    ByteLevel byte_level_;
    PreTokenizer pre_tokenizer_;
    SpecialTokens special_;
    BpeMerges merges_;
    std::unordered_map<std::string, TokenId> ids_;  ///< by the vocabulary's own spelling
    std::array<std::optional<TokenId>, 256> byte_tokens_;
    std::vector<std::string> texts_;  ///< the bytes of each token
    bool whole_words_first_ = false;  ///< a word that is a token needs no merges (Llama 3)
};

/// The tokenizer of a file. When the file has none that works (SentencePiece, an unknown way to cut
/// words, a damaged vocabulary), one that says so in a UserError as soon as it is used: the model
/// can still be run on a .npy of token ids.
std::unique_ptr<Tokenizer> make_tokenizer(const GgufFile& file, Index vocabulary);

}  // namespace axesim::workloads
