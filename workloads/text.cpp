// SPDX-License-Identifier: Apache-2.0
#include "workloads/text.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/files.h"
#include "common/npy.h"

namespace axesim::workloads {

namespace {

std::string default_text(TextPurpose purpose) {
    const std::filesystem::path folder = data_directory() / "workloads" / "text";
    if (purpose == TextPurpose::evaluation) return read_text_file(folder / "evaluation.txt");
    std::string text = read_text_file(folder / "calibration_a.txt");
    while (text.ends_with('\n')) text.pop_back();
    return text + "\n\n" + read_text_file(folder / "calibration_b.txt");
}

bool is_token_file(const std::string& name_or_path) { return name_or_path.ends_with(".npy"); }

std::string content_of(const std::string& name_or_path, TextPurpose purpose) {
    return name_or_path == "default" ? default_text(purpose) : read_text_file(name_or_path);
}

std::vector<TokenId> read_token_file(const std::string& path, Index vocabulary) {
    const Matrix<std::int64_t> array = read_npy_integer(path);
    if (array.rows() != 1) {
        throw UserError(fmt::format("{}: token ids must be an array of one dimension, not {} x {}",
                                    path, array.rows(), array.cols()));
    }
    std::vector<TokenId> tokens;
    tokens.reserve(static_cast<std::size_t>(array.cols()));
    for (Index i = 0; i < array.cols(); ++i) {
        if (array(0, i) < 0 || array(0, i) >= vocabulary) {
            throw UserError(
                fmt::format("{}: element {} is {}, which is no token id of the model "
                            "(allowed: 0 to {})",
                            path, i, array(0, i), vocabulary - 1));
        }
        tokens.push_back(static_cast<TokenId>(array(0, i)));
    }
    return tokens;
}

std::vector<TokenId> encode_file(const std::string& path, const std::string& text,
                                 const Tokenizer& tokenizer) {
    try {
        return tokenizer.encode(text);
    } catch (const UserError& error) {
        throw UserError(fmt::format("{}: {}", path, error.what()));
    }
}

}  // namespace

Text load_text(const std::string& name_or_path, TextPurpose purpose, const Tokenizer& tokenizer) {
    Text text{name_or_path, purpose, {}, {}};
    text.tokens = is_token_file(name_or_path)
                      ? read_token_file(name_or_path, tokenizer.vocabulary())
                      : encode_file(name_or_path, content_of(name_or_path, purpose), tokenizer);
    text.sha256 = text_sha256(name_or_path, purpose);
    return text;
}

std::string text_sha256(const std::string& name_or_path, TextPurpose purpose) {
    if (is_token_file(name_or_path)) return sha256_of_file(name_or_path);
    const std::string content = content_of(name_or_path, purpose);
    return sha256_hex(std::as_bytes(std::span(content)));
}

std::vector<std::vector<TokenId>> cut_windows(const Text& text, Index first_token, Index count,
                                              Index length) {
    if (first_token < 0 || count < 1 || length < 1) {
        throw UserError(fmt::format("cannot cut {} windows of {} tokens from token {} on", count,
                                    length, first_token));
    }
    const auto available = static_cast<Index>(text.tokens.size());
    if (first_token > available || count > (available - first_token) / length) {
        const char* keys = text.purpose == TextPurpose::evaluation
                               ? "evaluation.tokens"
                               : "calibration.sequences or calibration.length";
        // In floating point: the numbers come from the user and may be of any size.
        const double needed = static_cast<double>(first_token) +
                              static_cast<double>(count) * static_cast<double>(length);
        throw UserError(
            fmt::format("text '{}' too short: has {} tokens, needs {:.0f}; shorten {}, start at an "
                        "earlier first_token or give a longer text",
                        text.name, available, needed, keys));
    }
    std::vector<std::vector<TokenId>> windows;
    for (Index w = 0; w < count; ++w) {
        const auto begin = text.tokens.begin() + first_token + w * length;
        windows.emplace_back(begin, begin + length);
    }
    return windows;
}

}  // namespace axesim::workloads
