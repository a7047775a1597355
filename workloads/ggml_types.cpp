// SPDX-License-Identifier: Apache-2.0
#include "workloads/ggml_types.h"

#include <Eigen/Core>
#include <array>
#include <bit>
#include <cstring>

namespace axesim::workloads {

namespace {

constexpr int kBlock = 32;  // elements of a block of Q4_0 ... Q8_0
constexpr int kHalf = kBlock / 2;
constexpr int kSuperBlock = 256;  // elements of a block of the "K" types

using Bytes = const std::byte*;

template <class T>
T load(Bytes from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

float load_half(Bytes from) {
    return static_cast<float>(std::bit_cast<Eigen::half>(load<std::uint16_t>(from)));
}

void decode_f32(Bytes block, float* out) { *out = load<float>(block); }

void decode_f16(Bytes block, float* out) { *out = load_half(block); }

void decode_bf16(Bytes block, float* out) {
    *out = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(block)) << 16);
}

// Four low bits of element j and j + 16 share a byte. Local copies of the codes keep the compiler
// from fearing that `out` overlaps them, so that the loops become vector code.
// `offset` is -0.0 where there is none: adding it changes no bit, not even the sign of a zero.
void decode_nibbles(Bytes packed, float scale, float offset, int bias, float* out) {
    const auto codes = load<std::array<std::uint8_t, kHalf>>(packed);
    for (unsigned j = 0; j < kHalf; ++j) {
        out[j] = static_cast<float>((codes[j] & 0xF) - bias) * scale + offset;
    }
    for (unsigned j = 0; j < kHalf; ++j) {
        out[j + kHalf] = static_cast<float>((codes[j] >> 4) - bias) * scale + offset;
    }
}

// As above with a fifth bit for each element in a 32-bit word.
void decode_five_bits(Bytes high_bits, Bytes packed, float scale, float offset, int bias,
                      float* out) {
    const auto high = load<std::uint32_t>(high_bits);
    const auto codes = load<std::array<std::uint8_t, kHalf>>(packed);
    for (unsigned j = 0; j < kHalf; ++j) {
        const int low_code = (codes[j] & 0xF) | static_cast<int>(high >> j & 1) << 4;
        const int high_code = (codes[j] >> 4) | static_cast<int>(high >> (j + kHalf) & 1) << 4;
        out[j] = static_cast<float>(low_code - bias) * scale + offset;
        out[j + kHalf] = static_cast<float>(high_code - bias) * scale + offset;
    }
}

void decode_q4_0(Bytes block, float* out) {
    decode_nibbles(block + 2, load_half(block), -0.0F, 8, out);
}

void decode_q4_1(Bytes block, float* out) {
    decode_nibbles(block + 4, load_half(block), load_half(block + 2), 0, out);
}

void decode_q5_0(Bytes block, float* out) {
    decode_five_bits(block + 2, block + 6, load_half(block), -0.0F, 16, out);
}

void decode_q5_1(Bytes block, float* out) {
    decode_five_bits(block + 4, block + 8, load_half(block), load_half(block + 2), 0, out);
}

void decode_q8_0(Bytes block, float* out) {
    const float scale = load_half(block);
    const auto codes = load<std::array<std::int8_t, kBlock>>(block + 2);
    for (unsigned j = 0; j < kBlock; ++j) out[j] = static_cast<float>(codes[j]) * scale;
}

struct ScaleAndMinimum {
    int scale, minimum;
};

// Q4_K and Q5_K: eight pairs of 6-bit numbers in twelve bytes. Pairs 0-3 are the low six bits of
// bytes 0-3 and 4-7; pairs 4-7 have their low four bits in bytes 8-11, their high two bits on top
// of the first eight bytes.
ScaleAndMinimum unpack_scale(const std::array<std::uint8_t, 12>& packed, unsigned pair) {
    if (pair < 4) return {packed[pair] & 63, packed[pair + 4] & 63};
    return {(packed[pair + 4] & 0xF) | (packed[pair - 4] >> 6) << 4,
            (packed[pair + 4] >> 4) | (packed[pair] >> 6) << 4};
}

// Q4_K and Q5_K: eight sub-blocks of 32, two of which share 32 bytes of codes.
void decode_k_sub_blocks(Bytes block, Bytes high_bits, Bytes packed, float* out) {
    const float scale = load_half(block);
    const float minimum = load_half(block + 2);
    const auto scales = load<std::array<std::uint8_t, 12>>(block + 4);
    for (unsigned sub = 0; sub < 8; ++sub) {
        const auto pair = unpack_scale(scales, sub);
        const float step = scale * static_cast<float>(pair.scale);
        const float offset = minimum * static_cast<float>(pair.minimum);
        const auto codes = load<std::array<std::uint8_t, kBlock>>(packed + sub / 2 * kBlock);
        for (unsigned j = 0; j < kBlock; ++j) {
            int code = sub % 2 == 0 ? codes[j] & 0xF : codes[j] >> 4;
            if (high_bits != nullptr) {
                code |= (static_cast<int>(high_bits[j]) >> sub & 1) << 4;
            }
            out[sub * kBlock + j] = step * static_cast<float>(code) - offset;
        }
    }
}

void decode_q4_k(Bytes block, float* out) { decode_k_sub_blocks(block, nullptr, block + 16, out); }

void decode_q5_k(Bytes block, float* out) {
    decode_k_sub_blocks(block, block + 16, block + 48, out);
}

// 128 bytes with the low four bits, 64 with the high two, 16 scales of 16 elements each, and the
// scale of the scales. Each half of the block (128 elements) is four runs of 32.
void decode_q6_k(Bytes block, float* out) {
    const auto low = load<std::array<std::uint8_t, 128>>(block);
    const auto high = load<std::array<std::uint8_t, 64>>(block + 128);
    const auto scales = load<std::array<std::int8_t, 16>>(block + 192);
    const float scale = load_half(block + 208);
    for (unsigned i = 0; i < kSuperBlock; ++i) {
        const unsigned half = i / 128, run = i % 128 / 32, j = i % 32;
        const int low_byte = low[half * 64 + run % 2 * 32 + j];
        const int low_bits = run < 2 ? low_byte & 0xF : low_byte >> 4;
        const int high_bits = high[half * 32 + j] >> (2 * run) & 3;
        out[i] = scale * static_cast<float>(scales[i / 16]) *
                 static_cast<float>((low_bits | high_bits << 4) - 32);
    }
}

constexpr std::array kTypes = {
    GgmlType{0, "F32", 1, 4, decode_f32},
    GgmlType{1, "F16", 1, 2, decode_f16},
    GgmlType{30, "BF16", 1, 2, decode_bf16},
    GgmlType{2, "Q4_0", kBlock, 18, decode_q4_0},
    GgmlType{3, "Q4_1", kBlock, 20, decode_q4_1},
    GgmlType{6, "Q5_0", kBlock, 22, decode_q5_0},
    GgmlType{7, "Q5_1", kBlock, 24, decode_q5_1},
    GgmlType{8, "Q8_0", kBlock, 34, decode_q8_0},
    GgmlType{12, "Q4_K", kSuperBlock, 144, decode_q4_k},
    GgmlType{13, "Q5_K", kSuperBlock, 176, decode_q5_k},
    GgmlType{14, "Q6_K", kSuperBlock, 210, decode_q6_k},
};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t id) {
    for (const GgmlType& type : kTypes) {
        if (type.id == id) return &type;
    }
    return nullptr;
}

std::string readable_ggml_types() {
    std::string names;
    for (const GgmlType& type : kTypes) {
        if (!names.empty()) names += ", ";
        names += type.name;
    }
    return names;
}

void dequantize(const GgmlType& type, std::span<const std::byte> bytes, std::span<float> elements) {
    const std::size_t blocks = elements.size() / static_cast<std::size_t>(type.block_elements);
    for (std::size_t b = 0; b < blocks; ++b) {
        type.decode(bytes.data() + b * static_cast<std::size_t>(type.block_bytes),
                    elements.data() + b * static_cast<std::size_t>(type.block_elements));
    }
}

}  // namespace axesim::workloads
