// SPDX-License-Identifier: Apache-2.0
#include "models/memory/packing.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace axesim::models {
namespace {

static_assert(std::endian::native == std::endian::little,
              "bytes of a word are taken to lie in memory from the least significant one on");

constexpr int kBitsPerByte = 8;
constexpr std::int64_t kLoadBytes = sizeof(std::uint64_t);

std::int64_t bytes_for(std::int64_t bits) { return (bits + kBitsPerByte - 1) / kBitsPerByte; }

std::uint64_t low_bits(int count) { return (std::uint64_t{1} << count) - 1; }

/// Elements in a word of aligned_fields.
std::int64_t fields_per_word(const PackingFormat& format) {
    return format.word_bits / format.element_bits;
}

void require_valid(const PackingFormat& format) {
    if (format.element_bits < 2 || format.element_bits > 32) {
        throw std::invalid_argument(
            fmt::format("packing: elements of {} bits, outside 2..32", format.element_bits));
    }
    if (format.layout == Layout::aligned_fields && format.word_bits < format.element_bits) {
        throw std::invalid_argument(fmt::format("packing: elements of {} bits in words of {}",
                                                format.element_bits, format.word_bits));
    }
}

void require_room(const PackingFormat& format, std::int64_t first, std::size_t count,
                  std::span<const std::byte> memory) {
    require_valid(format);
    const auto end = first + static_cast<std::int64_t>(count);
    const std::int64_t needed = bytes_for(format.stream_bits(end));
    if (first < 0 || needed > static_cast<std::int64_t>(memory.size())) {
        throw std::invalid_argument(
            fmt::format("packing: elements {}..{} need {} bytes, the buffer has {}", first, end,
                        needed, memory.size()));
    }
}

/// Writes bit fields one after the other; bits before and after them stay as they are.
class BitWriter {
public:
    BitWriter(std::span<std::byte> memory, std::int64_t bit_offset)
        : memory_(memory),
          byte_(static_cast<std::size_t>(bit_offset / kBitsPerByte)),
          filled_(static_cast<int>(bit_offset % kBitsPerByte)) {
        if (filled_ > 0)
            pending_ = std::to_integer<std::uint64_t>(memory_[byte_]) & low_bits(filled_);
    }

    /// `value` has no bits beyond `bits`, which is 0..32.
    void put(std::uint64_t value, int bits) {
        pending_ |= value << filled_;
        filled_ += bits;
        if (filled_ < kFlushBits) return;
        const auto word = static_cast<std::uint32_t>(pending_);
        std::memcpy(&memory_[byte_], &word, sizeof word);
        byte_ += sizeof word;
        pending_ >>= kFlushBits;
        filled_ -= kFlushBits;
    }

    /// Writes what is pending, and completes the last byte with the bits that are there.
    void finish() {
        for (; filled_ > 0; filled_ -= kBitsPerByte, pending_ >>= kBitsPerByte, ++byte_) {
            auto byte = static_cast<std::byte>(pending_ & low_bits(kBitsPerByte));
            if (filled_ < kBitsPerByte) byte |= memory_[byte_] & ~std::byte(low_bits(filled_));
            memory_[byte_] = byte;
        }
    }

private:
    static constexpr int kFlushBits = 32;

    std::span<std::byte> memory_;
    std::size_t byte_;
    int filled_;
    std::uint64_t pending_ = 0;
};

template <class T>
void pack_values(std::span<const T> values, std::int64_t first, const PackingFormat& format,
                 std::span<std::byte> memory) {
    require_room(format, first, values.size(), memory);
    if (values.empty()) return;
    const std::uint64_t mask = low_bits(format.element_bits);
    const int container = format.container_bits();
    BitWriter writer(memory, format.bit_offset(first));
    if (format.layout != Layout::aligned_fields) {
        for (const T value : values)
            writer.put(static_cast<std::uint64_t>(value) & mask, container);
        writer.finish();
        return;
    }
    const std::int64_t fields = fields_per_word(format);
    const auto memory_bits = static_cast<std::int64_t>(memory.size()) * kBitsPerByte;
    const std::int64_t tail = format.word_bits - fields * format.element_bits;
    std::int64_t field = first % fields;
    std::int64_t word_end = (first / fields + 1) * format.word_bits;
    for (const T value : values) {
        writer.put(static_cast<std::uint64_t>(value) & mask, container);
        if (++field < fields) continue;
        // The span need not reach to the end of its last word.
        const std::int64_t missing = std::max<std::int64_t>(0, word_end - memory_bits);
        writer.put(0, static_cast<int>(std::max<std::int64_t>(0, tail - missing)));
        word_end += format.word_bits;
        field = 0;
    }
    writer.finish();
}

/// The 8 bytes from `byte` on; beyond the end of the memory they count as 0.
std::uint64_t load_near_end(std::span<const std::byte> memory, std::int64_t byte) {
    std::uint64_t word = 0;
    const auto left = static_cast<std::int64_t>(memory.size()) - byte;
    std::memcpy(&word, memory.data() + byte, static_cast<std::size_t>(std::min(left, kLoadBytes)));
    return word;
}

/// Elements of `bits` at bit offsets start, start + stride, ... An element starts at most 7 bits
/// into a byte, so that one load of 64 bits holds it whole.
template <class T>
void unpack_run(std::span<const std::byte> memory, std::int64_t start, int stride, int bits,
                bool is_signed, std::span<T> values) {
    const std::uint64_t mask = low_bits(bits);
    const std::uint64_t sign = is_signed ? std::uint64_t{1} << (bits - 1) : 0;
    const auto extract = [&](std::uint64_t word, std::int64_t offset) {
        return static_cast<T>((((word >> (offset % kBitsPerByte)) & mask) ^ sign) - sign);
    };
    // The last offset from which 8 bytes can be loaded.
    const std::int64_t last =
        (static_cast<std::int64_t>(memory.size()) - kLoadBytes) * kBitsPerByte + kBitsPerByte - 1;
    const auto count = static_cast<std::int64_t>(values.size());
    std::int64_t fast = count;
    if (start + (count - 1) * stride > last) fast = last < start ? 0 : (last - start) / stride + 1;
    T* to = values.data();
    auto offset = static_cast<std::uint64_t>(start);
    for (std::int64_t i = 0; i < fast; ++i, offset += static_cast<std::uint64_t>(stride)) {
        std::uint64_t word;
        std::memcpy(&word, memory.data() + offset / kBitsPerByte, sizeof word);
        to[i] = extract(word, static_cast<std::int64_t>(offset));
    }
    for (std::int64_t i = fast; i < count; ++i) {
        const std::int64_t at = start + i * stride;
        to[i] = extract(load_near_end(memory, at / kBitsPerByte), at);
    }
}

template <class T>
void unpack_values(std::span<const std::byte> memory, std::int64_t first,
                   const PackingFormat& format, bool is_signed, std::span<T> values) {
    require_room(format, first, values.size(), memory);
    const int bits = format.element_bits;
    if (format.layout != Layout::aligned_fields) {
        unpack_run(memory, format.bit_offset(first), format.container_bits(), bits, is_signed,
                   values);
        return;
    }
    const std::int64_t fields = fields_per_word(format);
    std::int64_t offset = format.bit_offset(first);
    std::int64_t word_begin = first / fields * format.word_bits;
    auto in_word = static_cast<std::size_t>(fields - first % fields);
    while (!values.empty()) {
        const std::span<T> run = values.first(std::min(in_word, values.size()));
        unpack_run(memory, offset, bits, bits, is_signed, run);
        values = values.subspan(run.size());
        offset = word_begin += format.word_bits;
        in_word = static_cast<std::size_t>(fields);
    }
}

}  // namespace

int PackingFormat::container_bits() const {
    switch (layout) {
        case Layout::padded_byte:
            return static_cast<int>(bytes_for(element_bits)) * kBitsPerByte;
        case Layout::padded_pow2:
            return static_cast<int>(std::bit_ceil(static_cast<unsigned>(element_bits)));
        case Layout::aligned_fields:
        case Layout::packed:
            break;
    }
    return element_bits;
}

std::int64_t PackingFormat::bit_offset(std::int64_t index) const {
    if (layout != Layout::aligned_fields) return index * container_bits();
    const std::int64_t fields = fields_per_word(*this);
    return index / fields * word_bits + index % fields * element_bits;
}

std::int64_t PackingFormat::stream_bits(std::int64_t count) const {
    return count == 0 ? 0 : bit_offset(count - 1) + container_bits();
}

void pack(std::span<const std::int32_t> values, std::int64_t first, const PackingFormat& format,
          std::span<std::byte> memory) {
    pack_values(values, first, format, memory);
}

void pack(std::span<const std::int16_t> values, std::int64_t first, const PackingFormat& format,
          std::span<std::byte> memory) {
    pack_values(values, first, format, memory);
}

void unpack(std::span<const std::byte> memory, std::int64_t first, const PackingFormat& format,
            bool is_signed, std::span<std::int32_t> values) {
    unpack_values(memory, first, format, is_signed, values);
}

void unpack(std::span<const std::byte> memory, std::int64_t first, const PackingFormat& format,
            bool is_signed, std::span<std::int16_t> values) {
    unpack_values(memory, first, format, is_signed, values);
}

}  // namespace axesim::models
