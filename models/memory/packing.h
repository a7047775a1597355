// SPDX-License-Identifier: Apache-2.0
// Where the bits of narrow integers lie in memory words, as plain functions on byte buffers.
// Bits are numbered from the least significant bit of byte 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace axesim::models {

/// padded_byte: each element in the fewest whole bytes.
/// padded_pow2: each element in the next power-of-two number of bits (2, 4, 8, 16, 32).
/// packed: element after element in one stream of bits, straddling words.
/// aligned_fields: as packed, but no element straddles a word of `word_bits` bits.
enum class Layout { padded_byte, padded_pow2, aligned_fields, packed };

/// How elements of `element_bits` (2..32) are laid out.
struct PackingFormat {
    Layout layout = Layout::packed;
    int element_bits = 8;
    int word_bits = 64;  ///< aligned_fields only: 64, 128, 256 or 512

    /// Bits from the start of one element to the start of the next inside a word.
    int container_bits() const;
    /// Offset in bits of element `index` from the start of the stream.
    std::int64_t bit_offset(std::int64_t index) const;
    /// Bits that `count` elements occupy from the start of a stream (without a tail).
    std::int64_t stream_bits(std::int64_t count) const;
};

/// Writes `values` as elements first, first+1, ... of the stream in `memory`. Bits of other
/// elements stay as they are; padding bits are written 0, those after the last element of a word of
/// aligned_fields as far as the span reaches. Two's complement or unsigned: the low element_bits of
/// each value. Throws std::invalid_argument when the span does not cover the elements.
void pack(std::span<const std::int32_t> values, std::int64_t first, const PackingFormat& format,
          std::span<std::byte> memory);
void pack(std::span<const std::int16_t> values, std::int64_t first, const PackingFormat& format,
          std::span<std::byte> memory);

/// Reads elements first, first+1, ... of the stream; sign-extended when `is_signed`. What does
/// not fit the type of the values loses its high bits. Throws std::invalid_argument when the span
/// does not cover the elements.
void unpack(std::span<const std::byte> memory, std::int64_t first, const PackingFormat& format,
            bool is_signed, std::span<std::int32_t> values);
void unpack(std::span<const std::byte> memory, std::int64_t first, const PackingFormat& format,
            bool is_signed, std::span<std::int16_t> values);

}  // namespace axesim::models
