// SPDX-License-Identifier: Apache-2.0
#include "workloads/text.h"

#include <gtest/gtest.h>

#include "common/files.h"
#include "common/npy.h"
#include "tests/workloads/expect_error.h"
#include "tests/workloads/gguf_writer.h"

namespace axesim::workloads {
namespace {

// One token a byte.
class Bytes : public Tokenizer {
public:
    std::vector<TokenId> encode(std::string_view text) const override {
        if (text.find('\xFF') != text.npos) throw UserError("the text is not UTF-8");
        return {text.begin(), text.end()};
    }
    std::string decode(const std::vector<TokenId>& tokens) const override {
        return {tokens.begin(), tokens.end()};
    }
    Index vocabulary() const override { return 128; }
};

TEST(Text, ReadsAFile) {
    const TemporaryFile file("text.txt", "abc");
    const Text text = load_text(file.path(), TextPurpose::evaluation, Bytes());
    EXPECT_EQ(text.name, file.path());
    EXPECT_EQ(text.tokens, (std::vector<TokenId>{'a', 'b', 'c'}));
    // FIPS 180-2, appendix B.1.
    EXPECT_EQ(text.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_user_error([] { load_text("/nowhere.txt", TextPurpose::evaluation, Bytes()); },
                      {"/nowhere.txt"});
    const TemporaryFile bad("bad.txt", "\xFF");
    expect_user_error([&] { load_text(bad.path(), TextPurpose::evaluation, Bytes()); },
                      {"bad.txt", "UTF-8"});
}

TEST(Text, ReadsTokenIds) {
    const TemporaryFile file("ids.npy", "");
    const auto write = [&](const Matrix<std::int64_t>& ids) { write_npy(file.path(), ids); };
    const auto load = [&] { return load_text(file.path(), TextPurpose::calibration, Bytes()); };
    write(Matrix<std::int64_t>{{0, 127, 5}});
    EXPECT_EQ(load().tokens, (std::vector<TokenId>{0, 127, 5}));
    EXPECT_EQ(load().sha256, sha256_hex(MappedFile(file.path()).bytes()));
    write(Matrix<std::int64_t>{{0, 128}});
    expect_user_error(load, {"ids.npy", "element 1 is 128", "0 to 127"});
    write(Matrix<std::int64_t>{{-1}});
    expect_user_error(load, {"ids.npy", "-1"});
    write(Matrix<std::int64_t>{{1, 2}, {3, 4}});
    expect_user_error(load, {"ids.npy", "one dimension"});
}

TEST(Text, ComesWithTextsOfItsOwn) {
    const Text evaluation = load_text("default", TextPurpose::evaluation, Bytes());
    const Text calibration = load_text("default", TextPurpose::calibration, Bytes());
    const std::string folder = AXESIM_SOURCE_DIR "/workloads/text/";
    EXPECT_EQ(Bytes().decode(evaluation.tokens), read_text_file(folder + "evaluation.txt"));
    const std::string joined = Bytes().decode(calibration.tokens);
    const std::string a = read_text_file(folder + "calibration_a.txt");
    const std::string b = read_text_file(folder + "calibration_b.txt");
    EXPECT_TRUE(joined.starts_with(a.substr(0, a.find_last_not_of('\n') + 1) + "\n\n"));
    EXPECT_TRUE(joined.ends_with("\n\n" + b));
    EXPECT_EQ(joined.size(), a.find_last_not_of('\n') + 1 + 2 + b.size());
    EXPECT_NE(evaluation.sha256, calibration.sha256);
}

TEST(Text, CutsWindows) {
    const Text text{"t", TextPurpose::evaluation, {0, 1, 2, 3, 4, 5, 6}, ""};
    using Windows = std::vector<std::vector<TokenId>>;
    EXPECT_EQ(cut_windows(text, 1, 2, 3), (Windows{{1, 2, 3}, {4, 5, 6}}));
    EXPECT_EQ(cut_windows(text, 0, 1, 7), (Windows{{0, 1, 2, 3, 4, 5, 6}}));
    expect_user_error([&] { cut_windows(text, 2, 2, 3); },
                      {"'t'", "has 7 tokens, needs 8", "evaluation.tokens", "longer text"});
    expect_user_error([&] { cut_windows(text, 8, 1, 1); }, {"has 7 tokens, needs 9"});
    const Index huge = Index{1} << 62;
    expect_user_error([&] { cut_windows(text, 0, huge, huge); }, {"has 7 tokens"});
    expect_user_error([&] { cut_windows(text, -1, 1, 1); }, {"-1"});
    const Text calibration{"c", TextPurpose::calibration, {1}, ""};
    expect_user_error([&] { cut_windows(calibration, 0, 1, 2); }, {"calibration.sequences"});
}

}  // namespace
}  // namespace axesim::workloads
