// SPDX-License-Identifier: Apache-2.0
#include "workloads/ggml_types.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "common/files.h"

namespace axesim::workloads {
namespace {

std::vector<std::byte> from_hex(const std::string& hex) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

// Expected values come from another implementation; make_ggml_vectors.py says which.
TEST(GgmlTypes, DecodeAsTheGgufPackageDoes) {
    const auto document = nlohmann::json::parse(
        read_text_file(AXESIM_SOURCE_DIR "/tests/workloads/data/ggml_vectors.json"));
    std::set<std::string> seen;
    for (const auto& vector : document.at("vectors")) {
        const GgmlType* type = find_ggml_type(vector.at("id"));
        ASSERT_NE(type, nullptr);
        EXPECT_EQ(vector.at("type"), type->name);
        seen.insert(type->name);
        const auto bytes = from_hex(vector.at("bytes"));
        const std::vector<std::uint32_t> expected = vector.at("float_bits");
        std::vector<float> values(expected.size());
        ASSERT_EQ(type->row_bytes(static_cast<Index>(values.size())),
                  static_cast<Index>(bytes.size()));
        dequantize(*type, bytes, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            EXPECT_EQ(std::bit_cast<std::uint32_t>(values[i]), expected[i])
                << type->name << " element " << i << ": " << values[i] << " instead of "
                << std::bit_cast<float>(expected[i]);
        }
    }
    EXPECT_EQ(seen.size(), 11U);
}

// Reads any bit field of a block, one bit at a time, for the plain decoders below.
int bits(const std::vector<std::byte>& block, int byte, int first_bit, int count) {
    int value = 0;
    for (int b = 0; b < count; ++b) {
        const int bit = first_bit + b;
        value |= (std::to_integer<int>(block[byte + bit / 8]) >> (bit % 8) & 1) << b;
    }
    return value;
}

// Half precision by its definition (IEEE 754).
double half_at(const std::vector<std::byte>& block, int byte) {
    const int mantissa = bits(block, byte, 0, 10), exponent = bits(block, byte, 10, 5);
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return bits(block, byte, 15, 1) != 0 ? -magnitude : magnitude;
}

int signed_byte(const std::vector<std::byte>& block, int byte) {
    const int value = bits(block, byte, 0, 8);
    return value >= 128 ? value - 256 : value;
}

// The nibble of element i of a 32-element block whose codes begin at `byte`.
int nibble(const std::vector<std::byte>& block, int byte, int i) {
    return bits(block, byte + i % 16, i < 16 ? 0 : 4, 4);
}

// The 6-bit scale (or minimum) of a K block's sub-block, put together as in ggml-common.h.
int six_bits(const std::vector<std::byte>& block, int sub, bool minimum) {
    if (sub < 4) return bits(block, 4 + sub + (minimum ? 4 : 0), 0, 6);
    const int low = bits(block, 4 + sub + 4, minimum ? 4 : 0, 4);
    return low + 16 * bits(block, 4 + (minimum ? sub : sub - 4), 6, 2);
}

double plain_decode(const std::string& type, const std::vector<std::byte>& b, int i) {
    if (type == "F16") return half_at(b, 0);
    if (type == "Q4_0") return half_at(b, 0) * (nibble(b, 2, i) - 8);
    if (type == "Q4_1") return half_at(b, 0) * nibble(b, 4, i) + half_at(b, 2);
    if (type == "Q5_0") return half_at(b, 0) * (nibble(b, 6, i) + 16 * bits(b, 2, i, 1) - 16);
    if (type == "Q5_1") {
        return half_at(b, 0) * (nibble(b, 8, i) + 16 * bits(b, 4, i, 1)) + half_at(b, 2);
    }
    if (type == "Q8_0") return half_at(b, 0) * signed_byte(b, 2 + i);
    if (type == "Q4_K" || type == "Q5_K") {
        const int sub = i / 32, j = i % 32, codes = type == "Q4_K" ? 16 : 48;
        int code = bits(b, codes + sub / 2 * 32 + j, sub % 2 == 0 ? 0 : 4, 4);
        if (type == "Q5_K") code += 16 * bits(b, 16 + j, sub, 1);
        return half_at(b, 0) * six_bits(b, sub, false) * code -
               half_at(b, 2) * six_bits(b, sub, true);
    }
    const int half = i / 128, quarter = i % 128 / 32, j = i % 32;  // Q6_K
    const int low = bits(b, half * 64 + quarter % 2 * 32 + j, quarter < 2 ? 0 : 4, 4);
    const int high = bits(b, 128 + half * 32 + j, 2 * quarter, 2);
    return half_at(b, 208) * signed_byte(b, 192 + i / 16) * (low + 16 * high - 32);
}

TEST(GgmlTypes, DecodeAsBitByBit) {
    std::mt19937 generator(3);
    std::uniform_int_distribution<int> any_byte(0, 255);
    for (const std::uint32_t id : {1, 2, 3, 6, 7, 8, 12, 13, 14}) {
        const GgmlType& type = *find_ggml_type(id);
        for (int round = 0; round < 50; ++round) {
            std::vector<std::byte> block(static_cast<std::size_t>(type.block_bytes));
            for (std::byte& byte : block) byte = static_cast<std::byte>(any_byte(generator));
            std::vector<float> values(static_cast<std::size_t>(type.block_elements));
            dequantize(type, block, values);
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (!std::isfinite(values[i])) continue;  // the scale's bits were infinity or NaN
                const double expected = plain_decode(type.name, block, static_cast<int>(i));
                const double offset = block.size() >= 4 ? half_at(block, 2) : 0;
                const double size = std::abs(expected) + std::abs(offset) * 64;
                ASSERT_NEAR(values[i], expected, 1e-6 * size) << type.name << " element " << i;
            }
        }
    }
}

TEST(GgmlTypes, UnknownTypesAreNotFound) {
    EXPECT_EQ(find_ggml_type(4), nullptr);   // Q4_2, removed from the format
    EXPECT_EQ(find_ggml_type(16), nullptr);  // IQ2_XXS
    EXPECT_NE(readable_ggml_types().find("Q4_1"), std::string::npos);
}

}  // namespace
}  // namespace axesim::workloads
