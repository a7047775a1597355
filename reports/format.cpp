// SPDX-License-Identifier: Apache-2.0
#include "reports/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace axesim::reports {

namespace {

constexpr std::size_t kLabelWidth = 12;
constexpr std::size_t kGap = 3;
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kRed = "\x1b[31;1m";
constexpr const char* kReset = "\x1b[0m";

/// Three significant digits of a value in [1, 1000).
std::string three_digits(double value) {
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f}", value, digits);
}

/// The prefix that brings `value` into [1, 1000) after rounding to three digits, and the rest.
std::pair<double, const char*> scaled(double value) {
    struct Prefix {
        double factor;
        const char* name;
    };
    constexpr std::array kPrefixes{Prefix{1e12, "T"}, Prefix{1e9, "G"},  Prefix{1e6, "M"},
                                   Prefix{1e3, "k"},  Prefix{1, ""},     Prefix{1e-3, "m"},
                                   Prefix{1e-6, "u"}, Prefix{1e-9, "n"}, Prefix{1e-12, "p"},
                                   Prefix{1e-15, "f"}};
    constexpr double kRoundsUp = 0.9995;
    for (const Prefix& prefix : kPrefixes) {
        if (value >= kRoundsUp * prefix.factor) return {value / prefix.factor, prefix.name};
    }
    return {value / kPrefixes.back().factor, kPrefixes.back().name};
}

}  // namespace

std::string with_prefix(double value, const std::string& unit) {
    if (!std::isfinite(value)) return fmt::format("{} {}", value, unit);
    if (value == 0) return "0 " + unit;
    const auto [number, prefix] = scaled(std::abs(value));
    return (value < 0 ? "-" : "") + three_digits(number) + " " + prefix + unit;
}

std::string short_count(double value) {
    constexpr double kInFull = 1e4, kWithParts = 99.95;
    if (value < kWithParts && value != std::floor(value)) return three_digits(value);
    if (value < kInFull) return grouped(static_cast<std::uint64_t>(std::llround(value)));
    const auto [number, prefix] = scaled(value);
    return three_digits(number) + " " + prefix;
}

std::string grouped(std::uint64_t value) {
    std::string digits = std::to_string(value);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string with_sign(double value, int digits) { return fmt::format("{:+.{}f}", value, digits); }

std::string percent_of_whole(int percentage, double value) {
    if (percentage == 0 && value > 0) return "<1 %";
    return fmt::format("{} %", percentage);
}

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += c;
        if (c == '"') quoted += '"';
    }
    return quoted + "\"";
}

Screen::Screen(int width, bool color)
    : width_(static_cast<std::size_t>(std::max(width, 60))), color_(color) {}

std::size_t Screen::label(const std::string& text) {
    text_ += color_ && !text.empty() ? kBold + text + kReset : text;
    const std::size_t column = std::max(kLabelWidth, text.size() + 1);
    text_ += std::string(column - text.size(), ' ');
    return column;
}

void Screen::append(const std::vector<std::string>& items, std::size_t gap, std::size_t indent,
                    std::size_t column, const char* first_style) {
    bool first = true;
    for (const std::string& item : items) {
        if (item.empty()) continue;
        if (!first && column + gap + item.size() > width_) {
            text_ += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            text_ += std::string(gap, ' ');
            column += gap;
        }
        const bool styled = first && color_ && *first_style != '\0';
        text_ += styled ? first_style + item + kReset : item;
        column += item.size();
        first = false;
    }
    text_ += "\n";
}

void Screen::row(const std::string& name, const std::vector<std::string>& items, Tone first_item) {
    const char* style = first_item == Tone::good ? kGreen : first_item == Tone::bad ? kRed : "";
    const std::size_t column = label(name);
    append(items, kGap, kLabelWidth, column, style);
}

void Screen::paragraph(const std::string& name, const std::string& text) {
    std::vector<std::string> words;
    std::istringstream stream(text);
    for (std::string word; stream >> word;) words.push_back(word);
    const std::size_t column = label(name);
    append(words, 1, kLabelWidth, column, "");
}

void Screen::headline(const std::vector<std::string>& items) { append(items, kGap, 2, 0, kBold); }

}  // namespace axesim::reports
