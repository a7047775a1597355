// SPDX-License-Identifier: Apache-2.0
#include "workloads/utf8.h"

#include <array>

namespace axesim::workloads {

namespace {

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;  // a continuation byte, or the lead of an overlong form
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) return 3;
    return lead < 0xF5 ? 4 : 0;
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& offset) {
    constexpr std::array<unsigned, 5> kLeadBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const auto lead = static_cast<unsigned char>(text[offset]);
    const std::size_t length = sequence_length(lead);
    char32_t character = lead & kLeadBits[length];
    for (std::size_t i = 1; i < length; ++i) {
        character = character << 6 | (static_cast<unsigned char>(text[offset + i]) & 0x3FU);
    }
    offset += length;
    return character;
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
    constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    for (std::size_t offset = 0; offset < text.size();) {
        const std::size_t begin = offset;
        const std::size_t length = sequence_length(static_cast<unsigned char>(text[begin]));
        if (length == 0 || length > text.size() - begin) return begin;
        for (std::size_t i = 1; i < length; ++i) {
            if ((static_cast<unsigned char>(text[begin + i]) & 0xC0U) != 0x80U) return begin;
        }
        const char32_t character = next_character(text, offset);
        const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
        if (character < kSmallest[length] || surrogate || character > 0x10FFFF) return begin;
    }
    return std::nullopt;
}

std::string to_utf8(char32_t character) {
    const auto byte = [](char32_t value) { return static_cast<char>(value); };
    const auto tail = [&](int shift) { return byte(0x80U | (character >> shift & 0x3FU)); };
    if (character < 0x80) return {byte(character)};
    if (character < 0x800) return {byte(0xC0U | character >> 6), tail(0)};
    if (character < 0x10000) return {byte(0xE0U | character >> 12), tail(6), tail(0)};
    return {byte(0xF0U | character >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace axesim::workloads
