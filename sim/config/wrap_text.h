// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace axesim::sim {

/// What fits most terminals.
inline constexpr std::size_t kLineLength = 100;

/// `text` broken at spaces into lines of at most `length` (longer only where a word is), each
/// beginning with `indent` and ending with a newline.
std::string wrapped(const std::string& text, const std::string& indent, std::size_t length);

}  // namespace axesim::sim
