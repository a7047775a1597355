// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and lines that fit a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace axesim::reports {

/// Three significant digits with an SI prefix: "61.2 ms", "9.80 mJ", "0 J".
std::string with_prefix(double value, const std::string& unit);
/// A count with a prefix: "61.2 M"; below 10,000 as it is: "2,044"; a small rate with its parts:
/// "2.03".
std::string short_count(double value);
/// Digits in groups of three: "2,044".
std::string grouped(std::uint64_t value);
/// "+0.9", "-3.0".
std::string with_sign(double value, int digits);
/// "12 %", or "<1 %" where a part that is not nothing rounds to 0.
std::string percent_of_whole(int percentage, double value);

/// A field of a CSV file (RFC 4180), in quotes where it needs them.
std::string csv_field(const std::string& text);

/// The lines of a screen: a label, then items three spaces apart, wrapped to the width with what
/// follows indented under the first item.
class Screen {
public:
    Screen(int width, bool color);

    enum class Tone { plain, good, bad };
    /// Items are plain text without line breaks; an item longer than a line stays whole.
    void row(const std::string& name, const std::vector<std::string>& items,
             Tone first_item = Tone::plain);
    /// Running text, wrapped between words.
    void paragraph(const std::string& name, const std::string& text);
    /// A line of items that starts in the first column, the first one bold.
    void headline(const std::vector<std::string>& items);
    const std::string& text() const { return text_; }

private:
    std::size_t label(const std::string& text);
    void append(const std::vector<std::string>& items, std::size_t gap, std::size_t indent,
                std::size_t column, const char* first_style);

    std::size_t width_;
    bool color_;
    std::string text_;
};

}  // namespace axesim::reports
