// SPDX-License-Identifier: Apache-2.0
// The vector loops of the integer GEMM, written once and compiled for each instruction set. All
// work on one panel of channels; see WeightPanels for the layout of weights and activations.
#if defined(AXESIM_MODELS_COMPUTE_GEMM_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AXESIM_MODELS_COMPUTE_GEMM_KERNELS_INL_H_
#undef AXESIM_MODELS_COMPUTE_GEMM_KERNELS_INL_H_
#else
#define AXESIM_MODELS_COMPUTE_GEMM_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include "models/compute/weight_panels.h"

// In place of HWY_BEFORE_NAMESPACE: with AVX3_DL the library has found VNNI for AVX-512 on the
// processor, but does not ask the compiler for it.
#undef AXESIM_BEFORE_KERNELS
#if HWY_TARGET == HWY_AVX3_DL
#define AXESIM_BEFORE_KERNELS() HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
#define AXESIM_BEFORE_KERNELS() HWY_BEFORE_NAMESPACE()
#endif

AXESIM_BEFORE_KERNELS();
namespace axesim::models::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Int32Tag = hn::CappedTag<std::int32_t, 16>;
using Int32Vector = hn::Vec<Int32Tag>;
constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Int32Tag()));

// Vectors of channels that a loop keeps in registers, beside 8 rows: 32 registers hold two.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 2;
#else
constexpr int kVectors = 1;
#endif

/// sum + a.low * b.low + a.high * b.high in each 32-bit lane; halves are int16.
HWY_INLINE Int32Vector add_pair_products(Int32Vector sum, Int32Vector a, Int32Vector b) {
    const Int32Tag d;
#if HWY_TARGET == HWY_AVX3_DL
    (void)d;
    return Int32Vector{_mm512_dpwssd_epi32(sum.raw, a.raw, b.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    // On x86 this is pmaddwd: pairs of neighbours, and the second sum is not used.
    const hn::Repartition<std::int16_t, Int32Tag> d16;
    Int32Vector unused = hn::Zero(d);
    return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
#else
    (void)d;
    const Int32Vector a_low = hn::ShiftRight<16>(hn::ShiftLeft<16>(a));
    const Int32Vector b_low = hn::ShiftRight<16>(hn::ShiftLeft<16>(b));
    const Int32Vector high = hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b));
    return hn::Add(sum, hn::Add(hn::Mul(a_low, b_low), high));
#endif
}

/// How a loop sums up words of products: in int32.
struct SumsInInt32 {
    using Sum = Int32Vector;
    static HWY_INLINE Sum empty() { return hn::Zero(Int32Tag()); }
    static HWY_INLINE Sum load(const std::int32_t* words) { return hn::Load(Int32Tag(), words); }
    static HWY_INLINE Int32Vector total(Sum sum) { return sum; }
    static HWY_INLINE Int32Vector bits_of_negative(Sum sum) { return hn::Neg(sum); }
};

/// Pairs of 16-bit codes.
struct Pairs : SumsInInt32 {
    static HWY_INLINE Sum add(Sum sum, Int32Vector x, Int32Vector w) {
        return add_pair_products(sum, x, w);
    }
};

/// Quads of bytes, unsigned in x and signed in w. Unless kQuadsInInt32, no sum of any of them may
/// leave int16.
#if HWY_TARGET == HWY_AVX3_DL
constexpr bool kQuadsInInt32 = true;
struct Quads {
    /// The compiler's own type: where loops carry __m512i, whose elements it takes for int64, GCC
    /// 12 copies each sum twice a step.
    using Sum = std::int32_t __attribute__((vector_size(64)));
    static HWY_INLINE Sum empty() { return Sum{}; }
    static HWY_INLINE Sum load(const std::int32_t* words) {
        return reinterpret_cast<Sum>(hn::Load(Int32Tag(), words).raw);
    }
    static HWY_INLINE Sum add(Sum sum, Int32Vector x, Int32Vector w) {
        // vpdpbusd: four products, added to the sum.
        return reinterpret_cast<Sum>(
            _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), x.raw, w.raw));
    }
    static HWY_INLINE Int32Vector total(Sum sum) {
        return Int32Vector{reinterpret_cast<__m512i>(sum)};
    }
    static HWY_INLINE Int32Vector bits_of_negative(Sum sum) { return hn::Neg(total(sum)); }
};
#elif HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
constexpr bool kQuadsInInt32 = false;
struct Quads {
    /// Two sums in each 32-bit lane, of the lower and of the upper halves of quads.
    using Tag = hn::Repartition<std::int16_t, Int32Tag>;
    using Sum = hn::Vec<Tag>;
    static HWY_INLINE Sum empty() { return hn::Zero(Tag()); }
    static HWY_INLINE Sum load(const std::int32_t* words) {
        return hn::BitCast(Tag(), hn::Load(Int32Tag(), words));
    }
    static HWY_INLINE Sum add(Sum sum, Int32Vector x, Int32Vector w) {
        // pmaddubsw: products of neighbours, added. The library has no name for it yet.
#if HWY_TARGET <= HWY_AVX3
        return hn::Add(sum, Sum{_mm512_maddubs_epi16(x.raw, w.raw)});
#elif HWY_TARGET == HWY_AVX2
        return hn::Add(sum, Sum{_mm256_maddubs_epi16(x.raw, w.raw)});
#else
        return hn::Add(sum, Sum{_mm_maddubs_epi16(x.raw, w.raw)});
#endif
    }
    static HWY_INLINE Int32Vector total(Sum sum) {
        const Int32Vector both = hn::BitCast(Int32Tag(), sum);
        return hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(both)), hn::ShiftRight<16>(both));
    }
    static HWY_INLINE Int32Vector bits_of_negative(Sum sum) {
        return hn::BitCast(Int32Tag(), hn::Neg(sum));
    }
};
#else
constexpr bool kQuadsInInt32 = true;
struct Quads : SumsInInt32 {
    static HWY_INLINE Sum add(Sum sum, Int32Vector x, Int32Vector w) {
        const Int32Vector low = hn::Add(product<0>(x, w), product<1>(x, w));
        return hn::Add(sum, hn::Add(low, hn::Add(product<2>(x, w), product<3>(x, w))));
    }

private:
    template <int kByte>
    static HWY_INLINE Int32Vector product(Int32Vector x, Int32Vector w) {
        const Int32Vector code = hn::And(hn::ShiftRight<8 * kByte>(x), hn::Set(Int32Tag(), 0xFF));
        return hn::Mul(code, hn::ShiftRight<24>(hn::ShiftLeft<24 - 8 * kByte>(w)));
    }
};
#endif

template <int kRows>
HWY_INLINE void clear(std::int32_t (*rows)[kPanelChannels]) {
    const Int32Tag d;
    for (int r = 0; r < kRows; ++r) {
        for (Index c = 0; c < kPanelChannels; c += kLanes) hn::Store(hn::Zero(d), d, rows[r] + c);
    }
}

/// Sums of kRows rows and kVectors vectors of channels, to be kept in registers.
template <class Products, int kRows>
using ProductSums = typename Products::Sum[kRows][kVectors];

/// sum[row][vector] = start, as Products keeps sums, or 0 if it is null, + sum over words of
/// x[word][row] * w[word][vector]; `words` >= 1.
template <class Products, int kRows>
HWY_INLINE void sum_products(const std::int32_t* HWY_RESTRICT x, const std::int32_t* HWY_RESTRICT w,
                             Index words, const std::int32_t* HWY_RESTRICT start,
                             ProductSums<Products, kRows>& sum) {
    const Int32Tag d;
    for (int v = 0; v < kVectors; ++v) {
        const auto first =
            start == nullptr ? Products::empty() : Products::load(start + v * kLanes);
        for (int r = 0; r < kRows; ++r) sum[r][v] = first;
    }
    Index i = 0;
    do {  // never empty: else the compiler keeps more values than there are registers
        Int32Vector weights[kVectors];
        for (int v = 0; v < kVectors; ++v) {
            weights[v] = hn::Load(d, w + i * kPanelChannels + v * kLanes);
        }
        for (int r = 0; r < kRows; ++r) {
            const Int32Vector activation = hn::Set(d, x[i * kRows + r]);
            for (int v = 0; v < kVectors; ++v) {
                sum[r][v] = Products::add(sum[r][v], activation, weights[v]);
            }
        }
    } while (++i < words);
}

/// sums[row][channel] += sum over words of x[word][row] * w[word][channel]; when kFresh, the sums
/// start at start[channel], as Products keeps sums, or at 0 if it is null.
template <class Products, int kRows, bool kFresh>
HWY_NOINLINE void add_products(const std::int32_t* HWY_RESTRICT x,
                               const std::int32_t* HWY_RESTRICT w, Index words,
                               std::int32_t (*HWY_RESTRICT sums)[kPanelChannels],
                               const std::int32_t* HWY_RESTRICT start = nullptr) {
    const Int32Tag d;
    for (Index c = 0; c < kPanelChannels; c += kVectors * kLanes) {
        ProductSums<Products, kRows> sum;
        sum_products<Products, kRows>(x, w + c, words, start == nullptr ? nullptr : start + c, sum);
        for (int r = 0; r < kRows; ++r) {
            for (int v = 0; v < kVectors; ++v) {
                std::int32_t* const to = sums[r] + c + v * kLanes;
                const Int32Vector total = Products::total(sum[r][v]);
                hn::Store(kFresh ? total : hn::Add(hn::Load(d, to), total), d, to);
            }
        }
    }
}

/// Sets the sign bit of violated[row][channel] where a sum lies outside the limits.
template <int kRows>
HWY_INLINE void check_limits(const std::int32_t (*HWY_RESTRICT sums)[kPanelChannels],
                             const PrefixLimits& limits,
                             std::int32_t (*HWY_RESTRICT violated)[kPanelChannels]) {
    const Int32Tag d;
    for (Index c = 0; c < kPanelChannels; c += kLanes) {
        const Int32Vector lower = hn::Load(d, limits.lower + c);
        const Int32Vector upper = hn::Load(d, limits.upper + c);
        for (int r = 0; r < kRows; ++r) {
            const Int32Vector sum = hn::Load(d, sums[r] + c);
            const Int32Vector outside = hn::Or(hn::Sub(upper, sum), hn::Sub(sum, lower));
            hn::Store(hn::Or(hn::Load(d, violated[r] + c), outside), d, violated[r] + c);
        }
    }
}

/// Whether any of the kLanes channels from c on was marked by check_limits.
HWY_INLINE bool any_violated(const std::int32_t* violated) {
    const Int32Tag d;
    return !hn::AllFalse(d, hn::Lt(hn::Load(d, violated), hn::Zero(d)));
}

/// AccumulatorRule::kept() on vectors, for up to 30 bits.
template <bool kSaturates>
struct VectorRule {
    explicit HWY_INLINE VectorRule(const AccumulatorRule& rule)
        : min(hn::Set(Int32Tag(), static_cast<std::int32_t>(rule.range().min))),
          max(hn::Set(Int32Tag(), static_cast<std::int32_t>(rule.range().max))),
          unused_bits(32 - rule.bits()) {}

    HWY_INLINE Int32Vector kept(Int32Vector exact) const {
        if constexpr (kSaturates) return hn::Min(hn::Max(exact, min), max);
        return hn::ShiftRightSame(hn::ShiftLeftSame(exact, unused_bits), unused_bits);
    }

    Int32Vector min, max;
    int unused_bits;
};

/// Accumulators of kCount vectors of channels that take one step after the other.
template <bool kSaturates, int kCount>
struct SteppedAccumulators {
    explicit HWY_INLINE SteppedAccumulators(const AccumulatorRule& accumulator_rule)
        : rule(accumulator_rule) {
        for (int v = 0; v < kCount; ++v) value[v] = events[v] = hn::Zero(Int32Tag());
    }

    HWY_INLINE void step(int v, Int32Vector exact) {
        const Int32Vector one = hn::Set(Int32Tag(), 1);
        value[v] = rule.kept(exact);
        events[v] = hn::IfThenElse(hn::Ne(value[v], exact), hn::Add(events[v], one), events[v]);
    }

    VectorRule<kSaturates> rule;
    Int32Vector value[kCount];
    Int32Vector events[kCount];
};

/// One tile of one row, step by step, as the kernels below take it.
struct RowOfTile {
    const std::int32_t* x;  ///< [pair * x_stride]
    Index x_stride;
    const std::int32_t* w;  ///< [pair][channel] from the first channel of kCount vectors on
    Index length;           ///< products
};

/// exact[v] += the products of one pair that `mask` leaves of its activations.
template <int kCount>
HWY_INLINE void add_pair(const RowOfTile& tile, Index pair, std::uint32_t mask,
                         Int32Vector* exact) {
    const Int32Tag d;
    const std::uint32_t word = static_cast<std::uint32_t>(tile.x[pair * tile.x_stride]) & mask;
    const Int32Vector activation = hn::Set(d, static_cast<std::int32_t>(word));
    for (int v = 0; v < kCount; ++v) {
        exact[v] = add_pair_products(exact[v], activation,
                                     hn::Load(d, tile.w + pair * kPanelChannels + v * kLanes));
    }
}

constexpr std::uint32_t kFirstOfPair = 0x0000FFFFu;
constexpr std::uint32_t kSecondOfPair = 0xFFFF0000u;

/// One product a step. The 0 that completes an odd tile is a step that changes nothing.
template <bool kSaturates, int kCount>
HWY_INLINE void step_products(const RowOfTile& tile,
                              SteppedAccumulators<kSaturates, kCount>& accumulators) {
    for (Index pair = 0; 2 * pair < tile.length; ++pair) {
        for (const std::uint32_t half : {kFirstOfPair, kSecondOfPair}) {
            Int32Vector exact[kCount];
            for (int v = 0; v < kCount; ++v) exact[v] = accumulators.value[v];
            add_pair<kCount>(tile, pair, half, exact);
            for (int v = 0; v < kCount; ++v) accumulators.step(v, exact[v]);
        }
    }
}

/// `lanes` products a step, in whole pairs where a step has both products of one.
template <bool kSaturates, int kCount>
HWY_INLINE void step_groups(const RowOfTile& tile, Index lanes,
                            SteppedAccumulators<kSaturates, kCount>& accumulators) {
    for (Index k = 0; k < tile.length;) {
        Int32Vector exact[kCount];
        for (int v = 0; v < kCount; ++v) exact[v] = accumulators.value[v];
        const Index end = HWY_MIN(k + lanes, tile.length);
        while (k < end) {
            const bool whole = k % 2 == 0 && k + 1 < end;
            const std::uint32_t half = k % 2 == 0 ? kFirstOfPair : kSecondOfPair;
            add_pair<kCount>(tile, k / 2, whole ? ~0u : half, exact);
            k += whole ? 2 : 1;
        }
        for (int v = 0; v < kCount; ++v) accumulators.step(v, exact[v]);
    }
}

/// Stores the values at the end of the tile and the events of each channel.
template <bool kSaturates, int kCount>
HWY_NOINLINE void step_tile(const RowOfTile& tile, Index lanes, const AccumulatorRule& rule,
                            std::int32_t* values, std::int32_t* events) {
    const Int32Tag d;
    SteppedAccumulators<kSaturates, kCount> accumulators(rule);
    if (lanes == 1) {
        step_products(tile, accumulators);
    } else {
        step_groups(tile, lanes, accumulators);
    }
    for (int v = 0; v < kCount; ++v) {
        hn::Store(accumulators.value[v], d, values + v * kLanes);
        hn::Store(accumulators.events[v], d, events + v * kLanes);
    }
}

/// Extremes per channel of the accumulators of a panel.
struct alignas(64) SeenByChannel {
    std::int32_t inner_min[kPanelChannels] = {};
    std::int32_t inner_max[kPanelChannels] = {};
    std::int32_t outer_min[kPanelChannels] = {};
    std::int32_t outer_max[kPanelChannels] = {};
};

/// The extremes of one vector of channels while rows are added up.
struct SeenByVector {
    HWY_INLINE SeenByVector(const SeenByChannel& seen, Index c)
        : inner_min(hn::Load(Int32Tag(), seen.inner_min + c)),
          inner_max(hn::Load(Int32Tag(), seen.inner_max + c)),
          outer_min(hn::Load(Int32Tag(), seen.outer_min + c)),
          outer_max(hn::Load(Int32Tag(), seen.outer_max + c)) {}

    HWY_INLINE void store(SeenByChannel& seen, Index c) const {
        const Int32Tag d;
        hn::Store(inner_min, d, seen.inner_min + c);
        hn::Store(inner_max, d, seen.inner_max + c);
        hn::Store(outer_min, d, seen.outer_min + c);
        hn::Store(outer_max, d, seen.outer_max + c);
    }

    /// outer += inner, or inner * scale when kScaled, which cannot overflow.
    template <bool kScaled>
    HWY_INLINE void add(Int32Vector inner, Int32Vector scale, std::int32_t* HWY_RESTRICT outer) {
        const Int32Tag d;
        Int32Vector added = inner;
        if constexpr (kScaled) added = hn::Mul(inner, scale);
        const Int32Vector sum = hn::Add(hn::Load(d, outer), added);
        hn::Store(sum, d, outer);
        inner_min = hn::Min(inner_min, inner);
        inner_max = hn::Max(inner_max, inner);
        outer_min = hn::Min(outer_min, sum);
        outer_max = hn::Max(outer_max, sum);
    }

    Int32Vector inner_min, inner_max, outer_min, outer_max;
};

/// outer[row][channel] += inner[row][channel], which cannot overflow, and their extremes. When
/// kScaled, inner * tile_scales[channel] is added.
template <int kRows, bool kScaled>
HWY_INLINE void add_to_outer(const std::int32_t (*HWY_RESTRICT inner)[kPanelChannels],
                             const std::int32_t* HWY_RESTRICT tile_scales,
                             std::int32_t (*HWY_RESTRICT outer)[kPanelChannels],
                             SeenByChannel& seen) {
    const Int32Tag d;
    for (Index c = 0; c < kPanelChannels; c += kLanes) {
        SeenByVector seen_here(seen, c);
        Int32Vector scale = hn::Zero(d);
        if constexpr (kScaled) scale = hn::Load(d, tile_scales + c);
        for (int r = 0; r < kRows; ++r) {
            seen_here.add<kScaled>(hn::Load(d, inner[r] + c), scale, outer[r] + c);
        }
        seen_here.store(seen, c);
    }
}

/// add_products() to fresh sums and add_to_outer() of these, which never leave the registers.
template <class Products, int kRows, bool kScaled>
HWY_NOINLINE void add_products_to_outer(const std::int32_t* HWY_RESTRICT x,
                                        const std::int32_t* HWY_RESTRICT w, Index words,
                                        const std::int32_t* HWY_RESTRICT start,
                                        const std::int32_t* HWY_RESTRICT tile_scales,
                                        std::int32_t (*HWY_RESTRICT outer)[kPanelChannels],
                                        SeenByChannel& seen) {
    const Int32Tag d;
    for (Index first = 0; first < kPanelChannels; first += kVectors * kLanes) {
        ProductSums<Products, kRows> sum;
        sum_products<Products, kRows>(x, w + first, words,
                                      start == nullptr ? nullptr : start + first, sum);
        for (int v = 0; v < kVectors; ++v) {
            const Index c = first + v * kLanes;
            SeenByVector seen_here(seen, c);
            Int32Vector scale = hn::Zero(d);
            if constexpr (kScaled) scale = hn::Load(d, tile_scales + c);
            for (int r = 0; r < kRows; ++r) {
                seen_here.add<kScaled>(Products::total(sum[r][v]), scale, outer[r] + c);
            }
            seen_here.store(seen, c);
        }
    }
}

}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AXESIM_MODELS_COMPUTE_GEMM_KERNELS_INL_H_
