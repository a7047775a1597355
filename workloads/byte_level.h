// SPDX-License-Identifier: Apache-2.0
// GPT-2's spelling of bytes: a vocabulary writes each byte as one visible character, so that tokens
// are plain text without spaces. Source: https://github.com/openai/gpt-2, encoder.py,
// bytes_to_unicode().
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace axesim::workloads {

class ByteLevel {
public:
    ByteLevel();

    /// The UTF-8 character that stands for a byte, as in "Ġ" for a space.
    const std::string& spelling(unsigned char byte) const { return spellings_[byte]; }
    /// The bytes that a token of the vocabulary stands for; nothing when a character of it is none
    /// of the 256, or when it is not UTF-8.
    std::optional<std::string> bytes(std::string_view token) const;

private:
    std::array<std::string, 256> spellings_;
    std::map<char32_t, char> byte_of_;
};

}  // namespace axesim::workloads
