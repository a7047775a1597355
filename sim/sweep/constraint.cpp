// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/constraint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

namespace axesim::sim {

namespace {

constexpr std::array kComparisons = {"<=", "<", ">=", ">", "==", "!="};
constexpr std::array kArithmetic = {"+", "-", "*"};

template <class List>
bool is_one_of(const List& list, const std::string& word) {
    return std::ranges::find(list, word) != list.end();
}

std::optional<double> as_number(const std::string& word) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return value;
}

bool is_key(const std::string& word) { return find_key(word) || layer_key(word); }

template <class T>
bool compare(const std::string& how, const T& a, const T& b) {
    if (how == "<=") return a <= b;
    if (how == "<") return a < b;
    if (how == ">=") return a >= b;
    if (how == ">") return a > b;
    if (how == "==") return a == b;
    return a != b;
}

}  // namespace

std::string plain_text(const Value& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

Constraint::Constraint(std::string text, Location where)
    : text_(std::move(text)), where_(std::move(where)) {
    std::istringstream words(text_);
    Side* side = &left_;
    for (std::string word; words >> word;) {
        if (!is_one_of(kComparisons, word)) {
            side->push_back(word);
        } else if (!comparison_.empty()) {
            fail("compares more than once");
        } else {
            comparison_ = word;
            side = &right_;
        }
    }
    if (comparison_.empty()) {
        fail(
            "compares nothing (wanted: KEY OP VALUE, with blanks between, OP one of <= < >= > == "
            "!=)");
    }
    check_side(left_);
    check_side(right_);
}

void Constraint::fail(const std::string& what) const {
    throw UserError(where_, "constraints: \"" + text_ + "\": " + what);
}

void Constraint::check_side(const Side& side) const {
    if (side.size() % 2 == 0) fail("a side must be operands with + - * between them");
    for (std::size_t i = 0; i < side.size(); ++i) {
        const std::string& word = side[i];
        if (is_one_of(kArithmetic, word) != (i % 2 != 0)) {
            fail("a side must be operands with + - * between them");
        }
        // A word without a dot may be a value, as in "packed".
        if (i % 2 != 0 || as_number(word) || is_key(word)) continue;
        if (word.find('.') != std::string::npos && word.find('/') == std::string::npos) {
            fail(word + ": unknown key" + did_you_mean_key(word));
        }
    }
}

Value Constraint::operand(const std::string& word, const Lookup& value_of) {
    if (const auto value = as_number(word)) return *value;
    return is_key(word) ? value_of(word) : Value(word);
}

double Constraint::number(const std::string& word, const Lookup& value_of) const {
    const Value value = operand(word, value_of);
    if (!value.is_number()) fail(word + " is " + plain_text(value) + ", no number");
    return value.get<double>();
}

double Constraint::sum(const Side& side, const Lookup& value_of) const {
    double total = 0;
    for (std::size_t i = 0; i < side.size();) {
        const double sign = i > 0 && side[i - 1] == "-" ? -1 : 1;
        double product = number(side[i], value_of);
        for (i += 2; i < side.size() && side[i - 1] == "*"; i += 2) {
            product *= number(side[i], value_of);
        }
        total += sign * product;
    }
    return total;
}

bool Constraint::holds(const Lookup& value_of) const {
    if (left_.size() == 1 && right_.size() == 1 && (comparison_ == "==" || comparison_ == "!=")) {
        const Value left = operand(left_[0], value_of), right = operand(right_[0], value_of);
        if (!left.is_number() || !right.is_number()) {
            return compare(comparison_, plain_text(left), plain_text(right));
        }
    }
    return compare(comparison_, sum(left_, value_of), sum(right_, value_of));
}

}  // namespace axesim::sim
