// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_file.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/workloads/expect_error.h"
#include "tests/workloads/gguf_writer.h"
#include "tests/workloads/tiny_llama.h"
#include "workloads/gguf_parser.h"

namespace axesim::workloads {
namespace {

GgufHeader parse(const std::string& bytes) {
    return parse_gguf("x.gguf", std::as_bytes(std::span(bytes)));
}

TEST(GgufFile, ReadsEveryTypeOfValue) {
    GgufWriter writer;
    writer.value("u8", 0, raw(std::uint8_t{200}));
    writer.value("i8", 1, raw(std::int8_t{-100}));
    writer.value("u16", 2, raw(std::uint16_t{60000}));
    writer.value("i16", 3, raw(std::int16_t{-30000}));
    writer.value("u32", 4, raw(std::uint32_t{4000000000}));
    writer.value("i32", 5, raw(std::int32_t{-2000000000}));
    writer.value("f32", 6, raw(0.5F));
    writer.value("bool", 7, raw(std::uint8_t{1}));
    writer.text("string", "Grüße");
    writer.strings("strings", {"a", "", "ccc"});
    writer.integers("integers", {-1, 0, 7});
    writer.value("u64", 10, raw(std::uint64_t{1} << 63));
    writer.value("i64", 11, raw(std::int64_t{-5000000000}));
    writer.value("f64", 12, raw(0.1));
    const TemporaryFile file("values.gguf", writer.str());
    const GgufFile gguf(file.path());
    EXPECT_EQ(gguf.find_integer("u8"), 200);
    EXPECT_EQ(gguf.find_integer("i8"), -100);
    EXPECT_EQ(gguf.find_integer("u16"), 60000);
    EXPECT_EQ(gguf.find_integer("i16"), -30000);
    EXPECT_EQ(gguf.find_integer("u32"), 4000000000);
    EXPECT_EQ(gguf.find_integer("i32"), -2000000000);
    EXPECT_EQ(gguf.find_integer("i64"), -5000000000);
    EXPECT_EQ(gguf.find_number("f32"), 0.5);
    EXPECT_EQ(gguf.find_number("f64"), 0.1);
    EXPECT_EQ(gguf.find_number("u8"), 200.0);
    EXPECT_EQ(std::get<bool>(gguf.metadata().at("bool")), true);
    EXPECT_EQ(gguf.find_string("string"), "Grüße");
    EXPECT_EQ(gguf.find_strings("strings"), (std::vector<std::string_view>{"a", "", "ccc"}));
    EXPECT_EQ(gguf.find_integers("integers"), (std::vector<std::int64_t>{-1, 0, 7}));
    EXPECT_EQ(gguf.find_integer("nothing"), std::nullopt);
    expect_user_error([&] { gguf.find_integer("u64"); }, {"values.gguf", "u64", "integer"});
    expect_user_error([&] { gguf.find_integer("strings"); }, {"strings", "single integer"});
    expect_user_error([&] { gguf.find_strings("integers"); }, {"integers", "array of strings"});
    expect_user_error([&] { gguf.find_string("f32"); }, {"f32", "string"});
}

TEST(GgufFile, ReadsVersion2AndAnotherAlignment) {
    GgufWriter writer;
    writer.version = 2;
    writer.alignment = 128;
    writer.integer("general.alignment", 128);
    writer.tensor("a", {3}, 0, raw_array<float>({1, 2, 3}));
    writer.tensor("b", {2, 2, 2}, 0, raw_array<float>({1, 2, 3, 4, 5, 6, 7, 8}));
    const TemporaryFile file("v2.gguf", writer.str());
    const GgufFile gguf(file.path());
    const GgufTensor* b = gguf.find_tensor("b");
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(b->rows, 4);
    EXPECT_EQ(b->columns, 2);
    std::vector<float> rows(4);
    b->dequantize_rows(1, 2, rows.data());
    EXPECT_EQ(rows, (std::vector<float>{3, 4, 5, 6}));
    EXPECT_EQ(gguf.find_tensor("c"), nullptr);
}

TEST(GgufFile, NamesWhatIsWrong) {
    expect_user_error([] { parse("GGML\3\0\0\0"); }, {"x.gguf", "not a GGUF file"});
    expect_user_error([] { parse("GG"); }, {"x.gguf", "truncated", "magic"});
    expect_user_error([] { parse("GGUF" + raw(std::uint32_t{1})); }, {"version 1", "2 and 3"});
    expect_user_error([] { parse("GGUF" + raw(std::uint32_t{0x03000000})); }, {"big-endian"});
    GgufWriter twice;
    twice.integer("key", 1);
    twice.integer("key", 1);
    expect_user_error([&] { parse(twice.str()); }, {"key", "twice"});
    GgufWriter unknown;
    unknown.value("key", 13, "");
    expect_user_error([&] { parse(unknown.str()); }, {"key", "unknown value type 13"});
    GgufWriter misaligned;
    misaligned.integer("general.alignment", 24);
    expect_user_error([&] { parse(misaligned.str()); }, {"general.alignment", "power of two"});
    GgufWriter blocks;
    blocks.tensor("t", {33}, 8, std::string(68, 'x'));
    expect_user_error([&] { parse(blocks.str()); }, {"t", "33", "Q8_0"});
    GgufWriter flat;
    flat.tensor("t", {}, 0, "");
    expect_user_error([&] { parse(flat.str()); }, {"t", "0 dimensions"});
}

TEST(GgufFile, RefusesAbsurdSizesWithoutAllocatingThem) {
    const std::uint64_t huge = std::uint64_t{1} << 61;
    const auto head = [](std::uint64_t tensors, std::uint64_t keys) {
        return "GGUF" + raw(std::uint32_t{3}) + raw(tensors) + raw(keys);
    };
    expect_user_error([&] { parse(head(huge, 0)); }, {"truncated", "tensor"});
    expect_user_error([&] { parse(head(0, huge)); }, {"truncated", "metadata key"});
    expect_user_error([&] { parse(head(0, 1) + raw(huge)); }, {"truncated"});
    for (const std::uint32_t type : {0, 5, 8, 12}) {
        GgufWriter array;
        array.value("key", 9, raw(type) + raw(huge));
        expect_user_error([&] { parse(array.str()); }, {"truncated", "key"});
    }
    GgufWriter nested;
    nested.value("key", 9, raw(std::uint32_t{9}) + raw(std::uint64_t{1}));
    expect_user_error([&] { parse(nested.str()); }, {"key", "unsupported"});
    GgufWriter product;
    product.tensor("t", {huge, huge, huge, huge}, 0, "");
    expect_user_error([&] { parse(product.str()); }, {"tensor t", "dimension"});
    GgufWriter large;
    large.tensor("t", {1 << 20, 1 << 20}, 0, "");
    expect_user_error([&] { parse(large.str()); }, {"truncated", "tensor t"});
    GgufWriter empty;
    empty.tensor("t", {0, 4}, 0, "");
    expect_user_error([&] { parse(empty.str()); }, {"tensor t", "dimension of 0"});
}

// Wherever a file is cut, and whichever byte of its header is wrong, reading ends in a UserError or
// in a header whose tensors all lie within the file.
TEST(GgufFile, SurvivesEveryCutAndEveryWrongByte) {
    const GgufWriter writer = TinyLlama({.blocks = 1}).writer();
    const std::string whole = writer.str();
    const std::size_t header = writer.header().size();
    const auto survives = [](const std::string& bytes) {
        try {
            for (const auto& [name, tensor] : parse(bytes).tensors) {
                if (tensor.type == nullptr) continue;
                std::vector<float> row(static_cast<std::size_t>(tensor.columns));
                tensor.dequantize_rows(tensor.rows - 1, 1, row.data());
            }
            return true;
        } catch (const UserError&) {
            return false;
        }
    };
    EXPECT_TRUE(survives(whole));
    for (std::size_t length = 0; length < whole.size(); length += length < header ? 1 : 509) {
        EXPECT_FALSE(survives(whole.substr(0, length))) << length;
    }
    int refused = 0;
    for (std::size_t i = 0; i < header; ++i) {
        for (const char wrong : {'\xFF', '\x80', '\0'}) {
            std::string bytes = whole;
            bytes[i] = wrong;
            if (!survives(bytes)) ++refused;
        }
    }
    EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace axesim::workloads
