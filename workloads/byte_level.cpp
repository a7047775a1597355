// SPDX-License-Identifier: Apache-2.0
#include "workloads/byte_level.h"

#include "workloads/utf8.h"

namespace axesim::workloads {

ByteLevel::ByteLevel() {
    // Visible characters of Latin-1 stand for themselves, the other bytes for U+0100, U+0101, ...
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool visible = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
        const char32_t character = visible ? byte : next++;
        spellings_[byte] = to_utf8(character);
        byte_of_[character] = static_cast<char>(byte);
    }
}

std::optional<std::string> ByteLevel::bytes(std::string_view token) const {
    if (find_invalid_utf8(token)) return std::nullopt;
    std::string result;
    for (std::size_t offset = 0; offset < token.size();) {
        const auto found = byte_of_.find(next_character(token, offset));
        if (found == byte_of_.end()) return std::nullopt;
        result += found->second;
    }
    return result;
}

}  // namespace axesim::workloads
