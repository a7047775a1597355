// SPDX-License-Identifier: Apache-2.0
// A comparison that points of a sweep must meet, as in
// "number_format.weight_bits <= number_format.activation_bits".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/error.h"
#include "sim/config/schema.h"

namespace axesim::sim {

/// A value as text, without the quotes that YAML may need.
std::string plain_text(const Value& value);

/// LEFT OP RIGHT with OP one of <= < >= > == !=. Each side is made of keys, numbers and words with
/// + - * between them (* binds closer), separated by blanks. Texts and words, as in
/// "hardware.dram != lpddr5_6400", stand alone on their side and take only == and !=.
class Constraint {
public:
    /// The value that a key has in a point.
    using Lookup = std::function<const Value&(const std::string& key)>;

    /// Throws UserError at `where`: not of this form, an unknown key.
    Constraint(std::string text, Location where);

    /// Throws UserError when it asks for an order or a sum of what is no number.
    bool holds(const Lookup& value_of) const;

private:
    using Side = std::vector<std::string>;  ///< operands and operators in turn

    [[noreturn]] void fail(const std::string& what) const;
    void check_side(const Side& side) const;
    static Value operand(const std::string& word, const Lookup& value_of);
    double number(const std::string& word, const Lookup& value_of) const;
    double sum(const Side& side, const Lookup& value_of) const;

    std::string text_;
    Location where_;
    Side left_, right_;
    std::string comparison_;
};

}  // namespace axesim::sim
