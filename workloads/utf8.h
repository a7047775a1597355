// SPDX-License-Identifier: Apache-2.0
// UTF-8 as The Unicode Standard defines it (section 3.9, table 3-7).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace axesim::workloads {

/// The offset of the first byte that is not part of a well-formed sequence, or nothing. Overlong
/// forms, surrogates and values above U+10FFFF are ill-formed.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// Reads the character at `offset` of well-formed UTF-8 and moves `offset` behind it.
char32_t next_character(std::string_view text, std::size_t& offset);

/// UTF-8 of one character up to U+10FFFF.
std::string to_utf8(char32_t character);

}  // namespace axesim::workloads
