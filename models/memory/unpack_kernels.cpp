// SPDX-License-Identifier: Apache-2.0
// Four elements at a time: a byte shuffle brings each element's bytes into a 32-bit lane, a shift
// moves its first bit to the bottom. Eight elements are a whole number of bytes, so that two
// shuffles and two vectors of shifts serve a whole run.
#include "models/memory/unpack_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/memory/unpack_kernels.cpp"
#include <hwy/foreach_target.h>
// clang-format off: after foreach_target.h
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace axesim::models::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR
/// No vectors: the caller does it all.
template <class T>
std::int64_t unpack(const BitRun&, std::span<T>) {
    return 0;
}
#else
namespace hn = hwy::HWY_NAMESPACE;

using Four = hn::FixedTag<std::uint32_t, 4>;
using Bytes = hn::Repartition<std::uint8_t, Four>;
constexpr std::int64_t kLoadBytes = 16;
constexpr std::int64_t kGroup = 8;

/// How the four elements from one bit on are brought into lanes.
struct Lanes {
    explicit Lanes(std::int64_t start, int stride) : first_byte(start / 8) {
        for (int lane = 0; lane < 4; ++lane) {
            const int bit = static_cast<int>(start % 8) + lane * stride;
            shifts[lane] = static_cast<std::uint32_t>(bit % 8);
            for (int byte = 0; byte < 4; ++byte) {
                shuffle[4 * lane + byte] = static_cast<std::uint8_t>(bit / 8 + byte);
            }
        }
    }
    std::int64_t first_byte;
    HWY_ALIGN std::uint8_t shuffle[kLoadBytes];
    HWY_ALIGN std::uint32_t shifts[4];
};

void store(hn::Vec<Four> low, hn::Vec<Four> high, std::int32_t* to) {
    const hn::RebindToSigned<Four> d;
    hn::StoreU(hn::BitCast(d, low), d, to);
    hn::StoreU(hn::BitCast(d, high), d, to + 4);
}

void store(hn::Vec<Four> low, hn::Vec<Four> high, std::int16_t* to) {
    const hn::Repartition<std::int16_t, Four> d;
    hn::StoreU(hn::ConcatEven(d, hn::BitCast(d, high), hn::BitCast(d, low)), d, to);
}

template <class T>
std::int64_t unpack(const BitRun& run, std::span<T> values) {
    const Four d;
    const Bytes d8;
    const Lanes low(run.start, run.stride), high(run.start + 4 * run.stride, run.stride);
    const std::int64_t room =
        static_cast<std::int64_t>(run.memory.size()) - kLoadBytes - high.first_byte;
    if (room < 0) return 0;
    const std::int64_t groups =
        HWY_MIN(static_cast<std::int64_t>(values.size()) / kGroup, room / run.stride + 1);
    const auto mask = hn::Set(d, (1u << run.bits) - 1);
    const auto sign = hn::Set(d, run.is_signed ? 1u << (run.bits - 1) : 0u);
    const auto low_shuffle = hn::Load(d8, low.shuffle), high_shuffle = hn::Load(d8, high.shuffle);
    const auto low_shifts = hn::Load(d, low.shifts), high_shifts = hn::Load(d, high.shifts);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(run.memory.data());
    const auto four = [&](std::int64_t byte, auto shuffle, auto shifts) HWY_ATTR {
        const auto lanes = hn::TableLookupBytes(hn::LoadU(d8, bytes + byte), shuffle);
        const auto field = hn::And(hn::Shr(hn::BitCast(d, lanes), shifts), mask);
        return hn::Sub(hn::Xor(field, sign), sign);
    };
    T* to = values.data();
    for (std::int64_t g = 0; g < groups; ++g, to += kGroup) {
        const std::int64_t moved = g * run.stride;  // eight elements take `stride` bytes
        store(four(low.first_byte + moved, low_shuffle, low_shifts),
              four(high.first_byte + moved, high_shuffle, high_shifts), to);
    }
    return groups * kGroup;
}
#endif

std::int64_t unpack_int32(const BitRun& run, std::span<std::int32_t> values) {
    return unpack(run, values);
}
std::int64_t unpack_int16(const BitRun& run, std::span<std::int16_t> values) {
    return unpack(run, values);
}

}  // namespace
}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace axesim::models {

HWY_EXPORT(unpack_int32);
HWY_EXPORT(unpack_int16);

std::int64_t unpack_groups(const BitRun& run, std::span<std::int32_t> values) {
    return HWY_DYNAMIC_DISPATCH(unpack_int32)(run, values);
}
std::int64_t unpack_groups(const BitRun& run, std::span<std::int16_t> values) {
    return HWY_DYNAMIC_DISPATCH(unpack_int16)(run, values);
}

}  // namespace axesim::models
#endif  // HWY_ONCE
