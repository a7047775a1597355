// SPDX-License-Identifier: Apache-2.0
#include "models/memory/packing.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "common/parallel.h"
#include "models/memory/unpack_kernels.h"

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

/// Elements of whole bytes that start at one.
template <class Container, class T>
void pack_bytes(std::span<const T> values, std::uint64_t mask, std::byte* to) {
    for (const T value : values) {
        const auto container = static_cast<Container>(static_cast<std::uint64_t>(value) & mask);
        std::memcpy(to, &container, sizeof container);
        to += sizeof container;
    }
}

template <class T>
void pack_values(std::span<const T> values, std::int64_t first, const PackingFormat& format,
                 std::span<std::byte> memory) {
    require_room(format, first, values.size(), memory);
    if (values.empty()) return;
    const std::uint64_t mask = low_bits(format.element_bits);
    const int container = format.container_bits();
    if (format.layout != Layout::aligned_fields && format.bit_offset(first) % kBitsPerByte == 0) {
        std::byte* to = memory.data() + format.bit_offset(first) / kBitsPerByte;
        if (container == 8) return pack_bytes<std::uint8_t>(values, mask, to);
        if (container == 16) return pack_bytes<std::uint16_t>(values, mask, to);
        if (container == 32) return pack_bytes<std::uint32_t>(values, mask, to);
    }
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
std::uint64_t load_up_to_end(std::span<const std::byte> memory, std::int64_t byte) {
    std::uint64_t word = 0;
    const auto left = static_cast<std::int64_t>(memory.size()) - byte;
    if (left >= kLoadBytes) {
        std::memcpy(&word, memory.data() + byte, sizeof word);  // of a size known to the compiler
    } else {
        std::memcpy(&word, memory.data() + byte, static_cast<std::size_t>(left));
    }
    return word;
}

/// Elements one after the other. An element of up to 57 bits is held whole by one load of 64.
template <class T>
void unpack_one_by_one(const BitRun& run, std::int64_t first, std::span<T> values) {
    const std::uint64_t mask = low_bits(run.bits);
    const std::uint64_t sign = run.is_signed ? std::uint64_t{1} << (run.bits - 1) : 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::int64_t bit = run.start + (first + static_cast<std::int64_t>(i)) * run.stride;
        const std::uint64_t word = load_up_to_end(run.memory, bit / kBitsPerByte);
        values[i] = static_cast<T>((((word >> (bit % kBitsPerByte)) & mask) ^ sign) - sign);
    }
}

template <class T>
void unpack_run(const BitRun& run, std::span<T> values) {
    constexpr int kWidestOfKernel = 16;
    const std::int64_t done = run.stride <= kWidestOfKernel ? unpack_groups(run, values) : 0;
    unpack_one_by_one(run, done, values.subspan(static_cast<std::size_t>(done)));
}

template <class T>
void unpack_values(std::span<const std::byte> memory, std::int64_t first,
                   const PackingFormat& format, bool is_signed, std::span<T> values) {
    require_room(format, first, values.size(), memory);
    const int bits = format.element_bits;
    if (format.layout != Layout::aligned_fields) {
        unpack_run({memory, format.bit_offset(first), format.container_bits(), bits, is_signed},
                   values);
        return;
    }
    const std::int64_t fields = fields_per_word(format);
    std::int64_t offset = format.bit_offset(first);
    std::int64_t word_begin = first / fields * format.word_bits;
    auto in_word = static_cast<std::size_t>(fields - first % fields);
    while (!values.empty()) {
        const std::span<T> run = values.first(std::min(in_word, values.size()));
        unpack_run({memory, offset, bits, bits, is_signed}, run);
        values = values.subspan(run.size());
        offset = word_begin += format.word_bits;
        in_word = static_cast<std::size_t>(fields);
    }
}

/// Blocks of elements are independent when they are read.
template <class T>
void unpack_in_blocks(std::span<const std::byte> memory, std::int64_t first,
                      const PackingFormat& format, bool is_signed, std::span<T> values) {
    constexpr Index kElements = Index{1} << 15;
    for_blocks(static_cast<Index>(values.size()), kElements, [&](Index begin, Index count) {
        unpack_values(
            memory, first + begin, format, is_signed,
            values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
    });
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
    unpack_in_blocks(memory, first, format, is_signed, values);
}

void unpack(std::span<const std::byte> memory, std::int64_t first, const PackingFormat& format,
            bool is_signed, std::span<std::int16_t> values) {
    unpack_in_blocks(memory, first, format, is_signed, values);
}

}  // namespace axesim::models
