// SPDX-License-Identifier: Apache-2.0
// The loops in int64, for what int32 cannot hold.
#if defined(AXESIM_MODELS_COMPUTE_GEMM_WIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AXESIM_MODELS_COMPUTE_GEMM_WIDE_INL_H_
#undef AXESIM_MODELS_COMPUTE_GEMM_WIDE_INL_H_
#else
#define AXESIM_MODELS_COMPUTE_GEMM_WIDE_INL_H_
#endif

#include <hwy/highway.h>

#include "models/compute/weight_panels.h"

HWY_BEFORE_NAMESPACE();
namespace axesim::models::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Int64Tag = hn::CappedTag<std::int64_t, 8>;
using Int64Vector = hn::Vec<Int64Tag>;
constexpr Index kWideLanes = static_cast<Index>(hn::MaxLanes(Int64Tag()));
// Vectors that take their steps side by side.
constexpr int kWideVectors = 4;

/// AccumulatorRule::kept() on vectors.
template <bool kSaturates>
struct WideRule {
    explicit HWY_INLINE WideRule(const AccumulatorRule& rule)
        : min(hn::Set(Int64Tag(), rule.range().min)),
          max(hn::Set(Int64Tag(), rule.range().max)),
          unused_bits(64 - rule.bits()) {}

    HWY_INLINE Int64Vector kept(Int64Vector exact) const {
        if constexpr (kSaturates) return hn::Min(hn::Max(exact, min), max);
        return hn::ShiftRightSame(hn::ShiftLeftSame(exact, unused_bits), unused_bits);
    }

    /// Keeps what fits of the exact sum and counts an event where it does not.
    HWY_INLINE void step(Int64Vector exact, Int64Vector& value, Int64Vector& events) const {
        value = kept(exact);
        const Int64Vector one = hn::Set(Int64Tag(), 1);
        events = hn::IfThenElse(hn::Ne(value, exact), hn::Add(events, one), events);
    }

    Int64Vector min, max;
    int unused_bits;
};

/// values[channel] = what the accumulators keep of values[channel] + added[channel];
/// events[channel] = 1 where that overflowed, else 0.
template <bool kSaturates>
HWY_NOINLINE void add_wide(const std::int64_t* HWY_RESTRICT added, const AccumulatorRule& rule,
                           std::int64_t* HWY_RESTRICT values, std::int64_t* HWY_RESTRICT events) {
    const Int64Tag d;
    const WideRule<kSaturates> wide_rule(rule);
    for (Index c = 0; c < kPanelChannels; c += kWideLanes) {
        Int64Vector value = hn::Load(d, values + c);
        Int64Vector event = hn::Zero(d);
        wide_rule.step(hn::Add(value, hn::Load(d, added + c)), value, event);
        hn::Store(value, d, values + c);
        hn::Store(event, d, events + c);
    }
}

/// activation * the first (or second) code of each of kWideLanes words of pairs.
HWY_INLINE Int64Vector wide_products(std::int32_t activation, const std::int32_t* words,
                                     bool first) {
    const Int64Tag d;
    const hn::Rebind<std::int32_t, Int64Tag> d_words;
    auto codes = hn::Load(d_words, words);
    if (first) codes = hn::ShiftLeft<16>(codes);
    const Int64Vector wide_codes = hn::PromoteTo(d, hn::ShiftRight<16>(codes));
#if HWY_TARGET == HWY_SCALAR
    return hn::Mul(wide_codes, hn::Set(d, activation));
#else
    // int32 times int32 into int64, from the low half of each lane.
    const hn::Repartition<std::int32_t, Int64Tag> d32;
    return hn::MulEven(hn::BitCast(d32, wide_codes), hn::Set(d32, activation));
#endif
}

/// One tile of one row: x[k] and the packed words of the tile's pairs.
template <bool kSaturates>
HWY_NOINLINE void step_tile_wide(const std::int32_t* x, const std::int32_t* w, Index length,
                                 Index lanes, const AccumulatorRule& rule, std::int64_t* values,
                                 std::int64_t* events) {
    const Int64Tag d;
    const WideRule<kSaturates> wide_rule(rule);
    constexpr int kCount = HWY_MIN(kWideVectors, static_cast<int>(kPanelChannels / kWideLanes));
    for (Index c = 0; c < kPanelChannels; c += kCount * kWideLanes) {
        Int64Vector value[kCount];
        Int64Vector event[kCount];
        for (int v = 0; v < kCount; ++v) value[v] = event[v] = hn::Zero(d);
        for (Index k = 0; k < length;) {
            Int64Vector exact[kCount];
            for (int v = 0; v < kCount; ++v) exact[v] = value[v];
            for (const Index end = HWY_MIN(k + lanes, length); k < end; ++k) {
                const std::int32_t* words = w + k / 2 * kPanelChannels + c;
                for (int v = 0; v < kCount; ++v) {
                    exact[v] =
                        hn::Add(exact[v], wide_products(x[k], words + v * kWideLanes, k % 2 == 0));
                }
            }
            for (int v = 0; v < kCount; ++v) wide_rule.step(exact[v], value[v], event[v]);
        }
        for (int v = 0; v < kCount; ++v) {
            hn::Store(value[v], d, values + c + v * kWideLanes);
            hn::Store(event[v], d, events + c + v * kWideLanes);
        }
    }
}

/// Extends the range by the values of a row.
HWY_INLINE void include(const std::int64_t* values, IntegerRange& range) {
    std::int64_t min = range.min;
    std::int64_t max = range.max;
    for (Index c = 0; c < kPanelChannels; ++c) {
        min = values[c] < min ? values[c] : min;
        max = values[c] > max ? values[c] : max;
    }
    range = {min, max};
}

}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AXESIM_MODELS_COMPUTE_GEMM_WIDE_INL_H_
