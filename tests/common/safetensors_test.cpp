// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "common/error.h"
#include "common/safetensors_file.h"
#include "tests/temporary_directory.h"

namespace axesim {
namespace {

void write_raw(const std::filesystem::path& path, const std::string& header,
               const std::string& data) {
    std::ofstream out(path, std::ios::binary);
    const std::uint64_t length = header.size();
    out.write(reinterpret_cast<const char*>(&length), 8);
    out << header << data;
}

TEST(SafeTensors, ReadsTheFormatOfItsSpecification) {
    const testing::TemporaryDirectory folder;
    write_raw(folder / "a",
              R"({"__metadata__":{"k":"v"},"w":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}})",
              "\x01\x02\x03\x04");
    const SafeTensorsFile file(folder / "a");
    EXPECT_EQ(file.metadata().at("k"), "v");
    EXPECT_EQ(file.at("w").shape, (std::vector<std::int64_t>{2, 2}));
    EXPECT_EQ(static_cast<int>(file.at("w").bytes[3]), 4);
    EXPECT_THROW(file.at("x"), UserError);
}

TEST(SafeTensors, RoundTrip) {
    const testing::TemporaryDirectory folder;
    const std::vector<float> values{1, 2, 3};
    write_safetensors(folder / "a", {{"v", {"F32", {3}, std::as_bytes(std::span(values))}}},
                      {{"bits", "6"}});
    const SafeTensorsFile file(folder / "a");
    EXPECT_EQ(std::memcmp(file.at("v").bytes.data(), values.data(), 12), 0);
    EXPECT_EQ(file.metadata().at("bits"), "6");
}

TEST(SafeTensors, RejectsFilesThatLie) {
    const testing::TemporaryDirectory folder;
    const auto rejected = [&](const std::string& header) {
        write_raw(folder / "a", header, "1234");
        EXPECT_THROW(SafeTensorsFile(folder / "a"), UserError) << header;
    };
    rejected("not json");
    rejected(R"({"w":{"dtype":"I8","shape":[5],"data_offsets":[0,5]}})");
    rejected(R"({"w":{"dtype":"I8","shape":[3],"data_offsets":[0,4]}})");
    rejected(R"({"w":{"dtype":"I8","shape":[-4],"data_offsets":[0,4]}})");
    rejected(R"({"w":{"dtype":"Q4","shape":[4],"data_offsets":[0,4]}})");
    rejected(R"({"w":{"dtype":"I8","shape":[4]}})");
    rejected(R"({"w":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,4]}})");
    std::ofstream(folder / "b") << "tiny";
    EXPECT_THROW(SafeTensorsFile(folder / "b"), UserError);
}

}  // namespace
}  // namespace axesim
