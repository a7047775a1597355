// SPDX-License-Identifier: Apache-2.0
#include "sim/config/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <regex>
#include <string_view>

namespace axesim::sim {

namespace {

/// The user's scalar with what is needed to complain about it.
struct Scalar {
    const Key& key;
    const Location& where;
    std::string text;
    bool quoted = false;

    [[noreturn]] void fail(const std::string& what, const std::string& hint = "") const {
        throw UserError(where,
                        fmt::format("{}: {} (allowed: {}){}", key.path, what, key.allowed(), hint));
    }
    [[noreturn]] void fail_type(const std::string& hint = "") const {
        fail(fmt::format("'{}'{} is not {}", text, quoted ? " in quotes" : "", key.type_name()),
             hint);
    }
};

bool is_integer(const std::string& text) {
    static const std::regex pattern("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+");
    return std::regex_match(text, pattern);
}

bool is_number(const std::string& text) {
    static const std::regex pattern(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
    return std::regex_match(text, pattern);
}

std::optional<bool> as_boolean(const std::string& text) {
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    return std::nullopt;
}

/// Of a text that is_integer() accepts; nothing when it does not fit 64 bits.
std::optional<std::int64_t> as_integer(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0o")) {
        base = text[1] == 'x' ? 16 : 8;
        text.remove_prefix(2);
    }
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Of a text that is_number() accepts; nothing when it does not fit a double.
std::optional<double> as_real(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool in_range(const Key& key, double value) { return key.least <= value && value <= key.most; }

[[noreturn]] void fail_range(const Scalar& scalar) {
    // "At least ..." names no upper limit, so a number above it needs another word.
    const bool above = !scalar.text.starts_with('-') && scalar.key.most >= kNoLimit &&
                       as_real(scalar.text).value_or(kNoLimit) >= kNoLimit;
    scalar.fail(scalar.text + (above ? " is too large" : " is out of range"));
}

Value parse_integer(const Scalar& scalar) {
    const Key& key = scalar.key;
    const std::vector<std::string> words = key.word_texts();
    if (std::ranges::find(words, scalar.text) != words.end()) return scalar.text;
    if (scalar.quoted || !is_integer(scalar.text)) {
        scalar.fail_type(did_you_mean(scalar.text, words));
    }
    const std::optional<std::int64_t> value = as_integer(scalar.text);
    if (!value) fail_range(scalar);
    if (!key.numbers.empty()) {
        if (std::ranges::find(key.numbers, *value) == key.numbers.end()) {
            scalar.fail(scalar.text + " is not possible");
        }
    } else if (!in_range(key, static_cast<double>(*value))) {
        fail_range(scalar);
    }
    return *value;
}

Value parse_real(const Scalar& scalar) {
    if (scalar.quoted || !is_number(scalar.text)) scalar.fail_type();
    const std::optional<double> value = as_real(scalar.text);
    if (!value || !in_range(scalar.key, *value)) fail_range(scalar);
    return *value;
}

Value parse_boolean(const Scalar& scalar) {
    const std::optional<bool> value = as_boolean(scalar.text);
    if (value && !scalar.quoted) return *value;
    std::string lower = scalar.text;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string hint;
    if (lower == "yes" || lower == "on" || lower == "y" || lower == "1" || lower == "true") {
        hint = "; did you mean true?";
    } else if (lower == "no" || lower == "off" || lower == "n" || lower == "0" ||
               lower == "false") {
        hint = "; did you mean false?";
    }
    scalar.fail_type(hint);
}

Value parse_word(const Scalar& scalar) {
    const std::vector<std::string> words = scalar.key.word_texts();
    if (std::ranges::find(words, scalar.text) != words.end()) return scalar.text;
    scalar.fail(fmt::format("unknown word '{}'", scalar.text), did_you_mean(scalar.text, words));
}

Value parse_text(const Scalar& scalar) {
    if (scalar.text.empty()) scalar.fail("is empty");
    if (!is_plain_line(scalar.text)) scalar.fail("holds characters that cannot be printed");
    return scalar.text;
}

std::string kind_of(const YAML::Node& node) {
    return node.IsMap() ? "a map" : node.IsSequence() ? "a list" : "empty";
}

}  // namespace

Value parse_scalar(const Key& key, const YAML::Node& node, const Location& where) {
    Scalar scalar{key, where, node.IsScalar() ? node.Scalar() : "", false};
    if (!node.IsDefined() || node.IsNull()) scalar.fail("has no value");
    if (!node.IsScalar()) {
        scalar.fail(fmt::format("must be {}, not {}", key.type_name(), kind_of(node)));
    }
    if (node.Tag() != "?" && node.Tag() != "!") scalar.fail("YAML tags are not supported");
    scalar.quoted = node.Tag() == "!";
    switch (key.type) {
        case KeyType::boolean:
            return parse_boolean(scalar);
        case KeyType::integer:
            return parse_integer(scalar);
        case KeyType::real:
            return parse_real(scalar);
        case KeyType::word:
            return parse_word(scalar);
        case KeyType::text:
            break;
    }
    return parse_text(scalar);
}

bool is_plain_line(const std::string& text) {
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
        return false;
    }
    try {
        return !Value(text).dump().empty();  // throws on invalid UTF-8
    } catch (const Value::exception&) {
        return false;
    }
}

std::string scalar_text(const Value& value) {
    if (!value.is_string()) return value.dump();
    const std::string text = value.get<std::string>();
    static const std::regex plain("[A-Za-z0-9_/][A-Za-z0-9_./-]*");
    static const std::regex null("null|Null|NULL");
    const bool reads_as_text = std::regex_match(text, plain) && !std::regex_match(text, null) &&
                               !is_integer(text) && !is_number(text) && !as_boolean(text);
    return reads_as_text ? text : value.dump();  // a JSON string is a YAML string
}

}  // namespace axesim::sim
