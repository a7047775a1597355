// SPDX-License-Identifier: Apache-2.0
// The regular expressions of a tokenizer.json are written for Oniguruma with Ruby's syntax.
// Source: https://github.com/kkos/oniguruma, doc/RE and doc/SYNTAX.md.
#pragma once

#include <string>
#include <string_view>

namespace axesim::workloads {

/// A regular expression for PCRE2 that matches the same. Throws UserError naming the first part
/// that has, or might have, another meaning there: what tokenizers hardly use (anchors, the dot,
/// \w, nested brackets, groups other than (...), (?:...), (?i:...), (?=...) and (?!...)) is
/// refused.
std::string translate_oniguruma(std::string_view regex);

}  // namespace axesim::workloads
