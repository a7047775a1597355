// SPDX-License-Identifier: Apache-2.0
// The loops in int64 for what int32 cannot hold: plain loops over the channels of a panel, which
// the compiler vectorizes for each instruction set.
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

/// AccumulatorRule::kept() without a branch on the mode inside loops.
template <bool kSaturates>
HWY_INLINE std::int64_t kept(std::int64_t exact, std::int64_t min, std::int64_t max, int unused) {
    if constexpr (kSaturates) {
        const std::int64_t raised = exact < min ? min : exact;
        return raised > max ? max : raised;
    }
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(exact) << unused) >> unused;
}

/// values[channel] = what the accumulators keep of values[channel] + added[channel];
/// events[channel] += 1 where that overflowed.
template <bool kSaturates>
HWY_INLINE void add_wide(const std::int64_t* HWY_RESTRICT added, const AccumulatorRule& rule,
                         std::int64_t* HWY_RESTRICT values, std::int64_t* HWY_RESTRICT events) {
    const std::int64_t min = rule.range().min;
    const std::int64_t max = rule.range().max;
    const int unused = 64 - rule.bits();
    for (Index c = 0; c < kPanelChannels; ++c) {
        const std::int64_t exact = values[c] + added[c];
        values[c] = kept<kSaturates>(exact, min, max, unused);
        events[c] += values[c] != exact ? 1 : 0;
    }
}

/// One tile of one row: x[k] and the packed words of the tile's pairs.
template <bool kSaturates>
HWY_INLINE void step_tile_wide(const std::int32_t* HWY_RESTRICT x,
                               const std::int32_t* HWY_RESTRICT w, Index length, Index lanes,
                               const AccumulatorRule& rule, std::int64_t* HWY_RESTRICT values,
                               std::int64_t* HWY_RESTRICT events) {
    for (Index c = 0; c < kPanelChannels; ++c) values[c] = events[c] = 0;
    for (Index step = 0; step < length; step += lanes) {
        alignas(64) std::int64_t sum[kPanelChannels] = {};
        const Index end = step + lanes < length ? step + lanes : length;
        for (Index k = step; k < end; ++k) {
            const std::int32_t* words = w + k / 2 * kPanelChannels;
            const int up = k % 2 == 0 ? 16 : 0;
            const std::int64_t activation = x[k];
            for (Index c = 0; c < kPanelChannels; ++c) {
                const auto high = static_cast<std::uint32_t>(words[c]) << up;
                sum[c] += activation * (static_cast<std::int32_t>(high) >> 16);
            }
        }
        add_wide<kSaturates>(sum, rule, values, events);
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
