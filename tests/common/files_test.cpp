// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "common/error.h"
#include "tests/temporary_directory.h"

namespace axesim {
namespace {

std::size_t entries(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(Files, AtomicWriteReplacesTheWholeFile) {
    const testing::TemporaryDirectory folder;
    for (const std::string text : {"first", "second"}) {
        write_file_atomically(folder / "a", [&](std::ostream& out) { out << text; });
        EXPECT_EQ(read_text_file(folder / "a"), text);
    }
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, AtomicWriteThatThrowsLeavesTheOldFileAndNothingElse) {
    const testing::TemporaryDirectory folder;
    write_file_atomically(folder / "a", [](std::ostream& out) { out << "old"; });
    EXPECT_THROW(write_file_atomically(folder / "a",
                                       [](std::ostream& out) {
                                           out << "half";
                                           throw RunError("cut");
                                       }),
                 RunError);
    EXPECT_EQ(read_text_file(folder / "a"), "old");
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, AFailedStreamIsAnErrorThatNamesTheFileAndLeavesNothing) {
    const testing::TemporaryDirectory folder;
    try {
        // What a full disk leaves behind: a stream that has failed.
        write_file_atomically(folder / "a",
                              [](std::ostream& out) { out.setstate(std::ios::badbit); });
        FAIL() << "no error";
    } catch (const RunError& error) {
        EXPECT_NE(std::string(error.what()).find((folder / "a").string()), std::string::npos);
    }
    EXPECT_EQ(entries(folder.path()), 0U);
}

TEST(Files, WritableDirectoryIsMadeAndAFileInItsPlaceIsRejected) {
    const testing::TemporaryDirectory folder;
    require_writable_directory(folder / "x/y");
    EXPECT_EQ(entries(folder / "x/y"), 0U);
    std::ofstream(folder / "file") << "here";
    EXPECT_THROW(require_writable_directory(folder / "file"), UserError);
    EXPECT_THROW(require_writable_directory(folder / "file/below"), UserError);
}

TEST(Files, ALockIsHeldByOne) {
    const testing::TemporaryDirectory folder;
    {
        const auto lock = FileLock::try_take(folder / "a.lock");
        ASSERT_TRUE(lock);
        EXPECT_FALSE(FileLock::try_take(folder / "a.lock"));
        EXPECT_TRUE(FileLock::try_take(folder / "b.lock"));
    }
    const FileLock again(folder / "a.lock");
    EXPECT_FALSE(FileLock::try_take(folder / "a.lock"));
    EXPECT_THROW(FileLock(folder / "missing" / "a.lock"), RunError);
}

TEST(Files, MappedFileHoldsTheBytes) {
    const testing::TemporaryDirectory folder;
    std::ofstream(folder / "a") << "abc";
    const MappedFile file(folder / "a");
    ASSERT_EQ(file.bytes().size(), 3U);
    EXPECT_EQ(static_cast<char>(file.bytes()[2]), 'c');
    std::ofstream(folder / "empty").flush();
    EXPECT_THROW(MappedFile(folder / "empty"), UserError);
    EXPECT_THROW(MappedFile(folder / "missing"), UserError);
    EXPECT_THROW(MappedFile(folder.path()), UserError);
}

TEST(Files, ReleasedPagesReadTheSame) {
    const testing::TemporaryDirectory folder;
    std::string text;
    for (int i = 0; i < 5000; ++i) text += std::to_string(i);
    std::ofstream(folder / "a") << text;
    const MappedFile file(folder / "a");
    const auto same = [&] {
        return std::memcmp(file.bytes().data(), text.data(), text.size()) == 0;
    };
    ASSERT_EQ(file.bytes().size(), text.size());
    EXPECT_TRUE(same());
    for (const std::size_t first : {0, 1, 4095, 4096, 4097, 10000}) {
        release_pages(file.bytes().subspan(first));
        release_pages(file.bytes().first(first));
        EXPECT_TRUE(same());
    }
    EXPECT_EQ(sha256_of_file(folder / "a"), sha256_hex(file.bytes()));
}

TEST(Files, Sha256OfThePublishedTestVector) {
    // FIPS 180-2, appendix B.1.
    const std::string text = "abc";
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(text))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace axesim
