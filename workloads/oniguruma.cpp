// SPDX-License-Identifier: Apache-2.0
#include "workloads/oniguruma.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/error.h"
#include "workloads/pre_tokenizer.h"

namespace axesim::workloads {

namespace {

class OnigurumaTranslator {
public:
    explicit OnigurumaTranslator(std::string_view regex) : regex_(regex) {}

    std::string run() {
        while (at_ < regex_.size()) {
            switch (regex_[at_]) {
                case '\\':
                    escape(false);
                    break;
                case '[':
                    bracket();
                    break;
                case '(':
                    group();
                    break;
                case '}':
                    end_of_count();
                    break;
                case '^':
                case '$':
                case '.':
                    refuse(1);
                default:
                    copy(1);
            }
        }
        return std::move(result_);
    }

private:
    std::string_view rest() const { return regex_.substr(at_); }

    void copy(std::size_t count) {
        result_ += rest().substr(0, count);
        at_ += count;
    }

    void replace(std::size_t count, const std::string& by) {
        result_ += by;
        at_ += count;
    }

    [[noreturn]] void refuse(std::size_t count) const {
        throw UserError(
            fmt::format("the regular expression {} has at offset {} '{}', which is not supported",
                        regex_, at_, rest().substr(0, count)));
    }

    void escape(bool in_bracket) {
        const char kind = rest().size() > 1 ? rest()[1] : '\0';
        const bool punctuation = kind > ' ' && kind < 0x7F && std::isalnum(kind) == 0;
        if (kind == 'p' || kind == 'P') {
            property();
        } else if (kind == 's') {
            replace(2, in_bracket ? kWhiteSpace : fmt::format("[{}]", kWhiteSpace));
        } else if (kind == 'S' && !in_bracket) {
            replace(2, fmt::format("[^{}]", kWhiteSpace));
        } else if (kind == 'd') {
            replace(2, R"(\p{Nd})");
        } else if (punctuation || kind == 'r' || kind == 'n' || kind == 't') {
            copy(2);
        } else {
            refuse(2);
        }
    }

    // A general category of Unicode, as in \p{L} or \p{Nd}; scripts have other names elsewhere.
    void property() {
        const std::size_t end = std::min(rest().find('}'), rest().size() - 1);
        if (end < 4 || end > 5 || rest()[2] != '{' || rest()[end] != '}') refuse(end + 1);
        const std::string_view name = rest().substr(3, end - 3);
        const bool category = std::string_view("LMNPSZC").find(name[0]) != std::string_view::npos &&
                              (name.size() == 1 || std::islower(name[1]) != 0);
        if (!category) refuse(end + 1);
        copy(end + 1);
    }

    void bracket() {
        copy(rest().starts_with("[^") ? 2 : 1);
        if (rest().starts_with(']')) refuse(1);
        while (!rest().empty() && rest()[0] != ']') {
            if (rest()[0] == '\\') {
                escape(true);
            } else if (rest()[0] == '[' || rest().starts_with("&&")) {
                refuse(2);
            } else {
                copy(1);
            }
        }
        copy(1);
    }

    void group() {
        if (rest().starts_with("(*")) refuse(2);
        if (!rest().starts_with("(?")) return copy(1);
        for (const std::string_view begin : {"(?:", "(?i:", "(?=", "(?!"}) {
            if (rest().starts_with(begin)) return copy(begin.size());
        }
        refuse(4);
    }

    // Of a{2,3}: in Ruby, what follows is no modifier of it.
    void end_of_count() {
        const std::size_t begin = result_.rfind('{');
        if (begin == std::string::npos || result_.compare(begin, 2, "{,") == 0) refuse(1);
        if (rest().size() > 1 && (rest()[1] == '+' || rest()[1] == '?')) refuse(2);
        copy(1);
    }

    std::string_view regex_;
    std::size_t at_ = 0;
    std::string result_;
};

}  // namespace

std::string translate_oniguruma(std::string_view regex) { return OnigurumaTranslator(regex).run(); }

}  // namespace axesim::workloads
