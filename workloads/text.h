// SPDX-License-Identifier: Apache-2.0
// Texts to calibrate and to evaluate on, as token ids.
#pragma once

#include <string>
#include <vector>

#include "workloads/tokenizer.h"

namespace axesim::workloads {

enum class TextPurpose { calibration, evaluation };

struct Text {
    std::string name;  ///< "default", or the path as the user gave it
    TextPurpose purpose = TextPurpose::evaluation;
    std::vector<TokenId> tokens;
    std::string sha256;  ///< of the bytes of the text (or of the .npy file)
};

/// "default" is the text for that purpose which comes with axesim (workloads/text/ in the data
/// directory; two texts joined by an empty line for calibration). Anything else is the path of a
/// file: UTF-8 text, or a one-dimensional .npy of integer token ids. Throws UserError naming the
/// file: it is missing, not UTF-8, or has an id outside the vocabulary.
Text load_text(const std::string& name_or_path, TextPurpose purpose, const Tokenizer& tokenizer);

/// Text::sha256, without a tokenizer.
std::string text_sha256(const std::string& name_or_path, TextPurpose purpose);

/// `count` consecutive windows of `length` tokens, the first of which begins at `first_token`.
/// Throws UserError when the text is too short, naming the config keys to change.
std::vector<std::vector<TokenId>> cut_windows(const Text& text, Index first_token, Index count,
                                              Index length);

}  // namespace axesim::workloads
