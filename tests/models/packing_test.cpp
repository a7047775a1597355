// SPDX-License-Identifier: Apache-2.0
// Packing against an implementation that moves one bit at a time and finds every element's place
// by walking the stream from its start.
#include "models/memory/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace axesim::models {
namespace {

using Bits = std::vector<bool>;

std::vector<PackingFormat> all_formats() {
    std::vector<PackingFormat> formats;
    for (int bits = 2; bits <= 32; ++bits) {
        formats.push_back({Layout::padded_byte, bits});
        formats.push_back({Layout::padded_pow2, bits});
        formats.push_back({Layout::packed, bits});
        for (const int word : {64, 128, 256, 512}) {
            formats.push_back({Layout::aligned_fields, bits, word});
        }
    }
    return formats;
}

std::string describe(const PackingFormat& f) {
    return "layout " + std::to_string(static_cast<int>(f.layout)) + " bits " +
           std::to_string(f.element_bits) + " word " + std::to_string(f.word_bits);
}

int naive_container(const PackingFormat& f) {
    int container = f.element_bits;
    if (f.layout == Layout::padded_byte) {
        while (container % 8 != 0) ++container;
    } else if (f.layout == Layout::padded_pow2) {
        container = 2;
        while (container < f.element_bits) container *= 2;
    }
    return container;
}

/// Place of an element, from the rule alone: a field that would leave its word opens the next.
std::int64_t naive_offset(const PackingFormat& f, std::int64_t index) {
    std::int64_t offset = 0;
    for (std::int64_t i = 0;; ++i) {
        if (f.layout == Layout::aligned_fields) {
            while (offset / f.word_bits != (offset + f.element_bits - 1) / f.word_bits) ++offset;
        }
        if (i == index) return offset;
        offset += naive_container(f);
    }
}

Bits to_bits(const std::vector<std::byte>& memory) {
    Bits bits;
    for (const std::byte byte : memory) {
        for (int b = 0; b < 8; ++b) bits.push_back(((std::to_integer<int>(byte) >> b) & 1) != 0);
    }
    return bits;
}

std::int64_t naive_read(const Bits& bits, std::int64_t offset, int count, bool is_signed) {
    std::int64_t value = 0;
    for (int b = 0; b < count; ++b) {
        if (!bits[static_cast<std::size_t>(offset + b)]) continue;
        const std::int64_t weight = std::int64_t{1} << b;
        value += is_signed && b == count - 1 ? -weight : weight;
    }
    return value;
}

std::size_t bytes_for(std::int64_t bits) { return static_cast<std::size_t>((bits + 7) / 8); }

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::int64_t integer(std::int64_t min, std::int64_t max) {
        return std::uniform_int_distribution<std::int64_t>(min, max)(engine_);
    }
    std::vector<std::byte> memory(std::size_t bytes) {
        std::vector<std::byte> result(bytes);
        for (std::byte& byte : result) byte = static_cast<std::byte>(integer(0, 255));
        return result;
    }
    template <class T>
    std::vector<T> codes(std::int64_t count, int bits, bool is_signed) {
        const std::int64_t least = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
        std::vector<T> result;
        for (std::int64_t i = 0; i < count; ++i) {
            result.push_back(static_cast<T>(integer(least, least + (std::int64_t{1} << bits) - 1)));
        }
        return result;
    }

private:
    std::mt19937_64 engine_;
};

TEST(Packing, OffsetsFollowFromTheRule) {
    for (const PackingFormat& f : all_formats()) {
        EXPECT_EQ(f.container_bits(), naive_container(f)) << describe(f);
        EXPECT_EQ(f.stream_bits(0), 0);
        for (const std::int64_t index : {0, 1, 2, 3, 9, 10, 11, 85, 86, 200}) {
            EXPECT_EQ(f.bit_offset(index), naive_offset(f, index)) << describe(f);
            EXPECT_EQ(f.stream_bits(index + 1), naive_offset(f, index) + naive_container(f));
        }
    }
}

TEST(Packing, ByHand) {
    // 1, 2, 3, 4 in 6 bits: 000100 000011 000010 000001 from the top bit of byte 2 down.
    const std::vector<std::int32_t> values{1, 2, 3, 4};
    std::vector<std::byte> memory(3);
    pack(std::span(values), 0, {Layout::packed, 6}, memory);
    EXPECT_EQ(memory, (std::vector<std::byte>{std::byte{0x81}, std::byte{0x30}, std::byte{0x10}}));
    // Ten 6-bit fields a 64-bit word: element 10 opens byte 8.
    EXPECT_EQ((PackingFormat{Layout::aligned_fields, 6, 64}).bit_offset(10), 64);
    EXPECT_EQ((PackingFormat{Layout::padded_byte, 6}).container_bits(), 8);
    EXPECT_EQ((PackingFormat{Layout::padded_byte, 9}).container_bits(), 16);
    EXPECT_EQ((PackingFormat{Layout::padded_pow2, 3}).container_bits(), 4);
}

// Unpacking random memory, with the buffer ending right behind the last bit read.
template <class T>
void unpack_equals_bitwise(int max_bits, unsigned seed) {
    Random random(seed);
    for (const PackingFormat& f : all_formats()) {
        if (f.element_bits > max_bits) continue;
        for (int i = 0; i < 8; ++i) {
            const std::int64_t first = random.integer(0, 100);
            const std::int64_t count = random.integer(1, 70);
            const auto memory = random.memory(bytes_for(f.stream_bits(first + count)));
            const Bits bits = to_bits(memory);
            for (const bool is_signed : {true, false}) {
                std::vector<T> values(static_cast<std::size_t>(count));
                unpack(memory, first, f, is_signed, std::span(values));
                for (std::int64_t e = 0; e < count; ++e) {
                    const std::int64_t expected =
                        naive_read(bits, naive_offset(f, first + e), f.element_bits, is_signed);
                    ASSERT_EQ(values[static_cast<std::size_t>(e)], static_cast<T>(expected))
                        << describe(f) << " element " << first + e;
                }
            }
        }
    }
}

TEST(Packing, UnpackEqualsBitwise32) { unpack_equals_bitwise<std::int32_t>(32, 1); }
TEST(Packing, UnpackEqualsBitwise16) { unpack_equals_bitwise<std::int16_t>(16, 2); }

// Packing into random memory: elements as given, padding 0, everything else untouched.
template <class T>
void pack_equals_bitwise(int max_bits, unsigned seed) {
    Random random(seed);
    for (const PackingFormat& f : all_formats()) {
        if (f.element_bits > max_bits) continue;
        for (int i = 0; i < 8; ++i) {
            const std::int64_t first = random.integer(0, 100);
            const std::int64_t count = random.integer(1, 70);
            const std::size_t canary = static_cast<std::size_t>(random.integer(0, 9));
            auto memory = random.memory(bytes_for(f.stream_bits(first + count)) + canary);
            Bits expected = to_bits(memory);
            const auto values = random.codes<T>(count, f.element_bits, i % 2 == 0);
            for (std::int64_t e = 0; e < count; ++e) {
                const std::int64_t offset = naive_offset(f, first + e);
                const std::int64_t next = naive_offset(f, first + e + 1);
                const auto raw = static_cast<std::uint64_t>(values[static_cast<std::size_t>(e)]);
                for (std::int64_t b = offset; b < next; ++b) {
                    if (b >= static_cast<std::int64_t>(expected.size())) break;
                    expected[static_cast<std::size_t>(b)] =
                        b - offset < f.element_bits && ((raw >> (b - offset)) & 1) != 0;
                }
            }
            pack(std::span(values), first, f, memory);
            ASSERT_EQ(to_bits(memory), expected) << describe(f) << " from " << first;
        }
    }
}

TEST(Packing, PackEqualsBitwise32) { pack_equals_bitwise<std::int32_t>(32, 3); }
TEST(Packing, PackEqualsBitwise16) { pack_equals_bitwise<std::int16_t>(16, 4); }

TEST(Packing, RoundTripInPieces) {
    Random random(5);
    for (const PackingFormat& f : all_formats()) {
        for (const bool is_signed : {true, false}) {
            if (!is_signed && f.element_bits == 32) continue;  // does not fit an int32
            const auto values = random.codes<std::int32_t>(300, f.element_bits, is_signed);
            auto memory = random.memory(bytes_for(f.stream_bits(300)));
            const std::span<const std::int32_t> all(values);
            for (std::size_t at = 0; at < all.size();) {
                const std::size_t left = all.size() - at;
                const auto piece = std::min(left, static_cast<std::size_t>(random.integer(1, 40)));
                pack(all.subspan(at, piece), static_cast<std::int64_t>(at), f, memory);
                at += piece;
            }
            std::vector<std::int32_t> read(values.size());
            for (std::size_t at = 0; at < all.size();) {
                const std::size_t left = all.size() - at;
                const auto piece = std::min(left, static_cast<std::size_t>(random.integer(1, 40)));
                unpack(memory, static_cast<std::int64_t>(at), f, is_signed,
                       std::span(read).subspan(at, piece));
                at += piece;
            }
            ASSERT_EQ(read, values) << describe(f);
        }
    }
}

TEST(Packing, RefusesShortBuffersAndOddFormats) {
    std::vector<std::int32_t> values(11);
    std::vector<std::byte> memory(8);
    EXPECT_THROW(pack(std::span<const std::int32_t>(values), 0, {Layout::packed, 6}, memory),
                 std::invalid_argument);
    EXPECT_THROW(unpack(memory, 0, {Layout::packed, 6}, true, std::span(values)),
                 std::invalid_argument);
    EXPECT_THROW(unpack(memory, 0, {Layout::packed, 1}, true, std::span(values).first(1)),
                 std::invalid_argument);
    EXPECT_THROW(unpack(memory, 0, {Layout::packed, 33}, true, std::span(values).first(1)),
                 std::invalid_argument);
    EXPECT_NO_THROW(unpack(memory, 0, {Layout::packed, 6}, true, std::span(values).first(10)));
    EXPECT_NO_THROW(unpack({}, 0, {Layout::packed, 6}, true, std::span<std::int32_t>()));
}

}  // namespace
}  // namespace axesim::models
