// SPDX-License-Identifier: Apache-2.0
// Walks the tiles of a panel for a block of tokens, each by the method its plan proves right.

// Vectors without a size known to the compiler cannot stand in arrays, as the kernels keep them.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// With VNNI.
#define HWY_WANT_AVX3_DL

#include "models/compute/gemm_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/compute/gemm_kernels.cpp"
#include <hwy/foreach_target.h>
// clang-format off: after foreach_target.h
#include <hwy/highway.h>

#include "models/compute/gemm_kernels-inl.h"
#include "models/compute/gemm_task-inl.h"
#include "models/compute/gemm_wide-inl.h"
// clang-format on

AXESIM_BEFORE_KERNELS();
namespace axesim::models::HWY_NAMESPACE {
namespace {

/// Steps kCount vectors of channels of one row of the tile.
template <int kRows, int kCount>
void step_vectors(Task& task, const TilePlace& at, Index row, Index c) {
    const RowOfTile tile{task.activations.block_words(at.block) + at.tile.first_pair * kRows + row,
                         kRows, task.weights.words(at.panel, at.tile.first_pair) + c,
                         at.tile.length};
    const AccumulatorRule& rule = task.weights.inner();
    const auto step = rule.saturates() ? step_tile<true, kCount> : step_tile<false, kCount>;
    step(tile, task.weights.lanes(), rule, task.inner[row] + c, task.events);
    count_inner_events(task, at, row, c, kCount * kLanes, task.events);
}

/// A tile's products as Pairs or Quads: where its words begin, and how many there are.
struct TileWords {
    const std::int32_t* x;
    const std::int32_t* w;
    Index count;
    const std::int32_t* start;  ///< of its sums per channel; null: they start at 0
};

template <class Products>
TileWords words_of(const Task& task, const TilePlace& at);
template <>
TileWords words_of<Pairs>(const Task& task, const TilePlace& at) {
    return {task.activations.block_words(at.block) + at.tile.first_pair * at.block.rows,
            task.weights.words(at.panel, at.tile.first_pair), at.tile.pairs(), nullptr};
}
template <>
TileWords words_of<Quads>(const Task& task, const TilePlace& at) {
    return {task.activations.block_quads(at.block) + at.tile.first_quad * at.block.rows,
            task.weights.quad_words(at.panel, at.tile.first_quad), at.tile.quads(),
            task.weights.quad_starts(at.panel, at.index)};
}

template <class Products, int kRows>
void sum_in_any_order(Task& task, const TilePlace& at) {
    const TileWords tile = words_of<Products>(task, at);
    add_products<Products, kRows, true>(tile.x, tile.w, tile.count, task.inner, tile.start);
}

/// If every prefix at a segment's start lies within its limits, no step overflowed and the sum is
/// the accumulator's value. Vectors of channels where one does not are summed again in steps.
template <class Products, int kRows>
void sum_and_check(Task& task, const TilePlace& at, Index segment_words) {
    clear<kRows>(task.inner);
    clear<kRows>(task.violated);
    const TileWords tile = words_of<Products>(task, at);
    const PrefixLimits* limits = task.weights.limits(at.plan);
    for (Index i = 0; i < tile.count; i += segment_words) {
        check_limits<kRows>(task.inner, *limits++, task.violated);
        add_products<Products, kRows, false>(tile.x + i * kRows, tile.w + i * kPanelChannels,
                                             std::min(segment_words, tile.count - i), task.inner);
    }
    for (Index row = 0; row < kRows; ++row) {
        for (Index c = 0; c < kPanelChannels; c += kVectors * kLanes) {
            const bool first = any_violated(task.violated[row] + c);
            const bool last = any_violated(task.violated[row] + c + (kVectors - 1) * kLanes);
            if (first && last) {
                step_vectors<kRows, kVectors>(task, at, row, c);
            } else if (first) {
                step_vectors<kRows, 1>(task, at, row, c);
            } else if (last) {
                step_vectors<kRows, 1>(task, at, row, c + (kVectors - 1) * kLanes);
            }
        }
    }
}

template <int kRows>
void sum_in_steps(Task& task, const TilePlace& at) {
    for (Index row = 0; row < kRows; ++row) {
        for (Index c = 0; c < kPanelChannels; c += kVectors * kLanes) {
            step_vectors<kRows, kVectors>(task, at, row, c);
        }
    }
}

template <int kRows>
void sum_wide(Task& task, const TilePlace& at) {
    const std::int32_t* w = task.weights.words(at.panel, at.tile.first_pair);
    const AccumulatorRule& rule = task.weights.inner();
    const auto sum = rule.saturates() ? step_tile_wide<true> : step_tile_wide<false>;
    // What no step can overflow may be one step.
    const bool any_order = at.plan.method == TileMethod::wide_any_order;
    const Index lanes = any_order ? at.tile.length : task.weights.lanes();
    for (Index row = 0; row < kRows; ++row) {
        const std::int32_t* x =
            task.activations.codes->row(at.block.first + row).data() + at.tile.first;
        sum(x, w, at.tile.length, lanes, rule, task.wide_inner[row], task.wide_events);
        count_inner_events(task, at, row, 0, kPanelChannels, task.wide_events);
    }
}

/// Sums the tile and adds it to the outer accumulators at once, where no step can overflow in int32
/// (true), or does nothing.
template <int kRows, bool kScaled>
bool sum_to_outer(Task& task, const TilePlace& at, const std::int32_t* tile_scales) {
    const auto add = [&]<class Products>(Products) {
        const TileWords tile = words_of<Products>(task, at);
        add_products_to_outer<Products, kRows, kScaled>(
            tile.x, tile.w, tile.count, tile.start, tile_scales, task.outer, task.seen_by_channel);
    };
    if (task.weights.sums_quads_in_any_order(at.plan)) {
        add(Quads());
        return true;
    }
    if (at.plan.method != TileMethod::any_order) return false;
    add(Pairs());
    return true;
}

/// Leaves the tile's inner accumulators in task.wide_inner (true) or in task.inner (false).
template <int kRows>
bool sum_tile(Task& task, const TilePlace& at) {
    switch (at.plan.method) {
        case TileMethod::any_order_int16:
        case TileMethod::any_order:
            if (task.weights.sums_quads_in_any_order(at.plan)) {
                sum_in_any_order<Quads, kRows>(task, at);
            } else {
                sum_in_any_order<Pairs, kRows>(task, at);
            }
            return false;
        case TileMethod::check_prefixes_int16:
            sum_and_check<Quads, kRows>(task, at, at.plan.segment / 4);
            return false;
        case TileMethod::check_prefixes:
            if (kQuadsInInt32 && task.weights.has_quads() && !task.weights.has_signed_quads()) {
                sum_and_check<Quads, kRows>(task, at, at.plan.segment / 4);
            } else {
                sum_and_check<Pairs, kRows>(task, at, at.plan.segment / 2);
            }
            return false;
        case TileMethod::step:
            sum_in_steps<kRows>(task, at);
            return false;
        case TileMethod::wide_any_order:
        case TileMethod::wide_step:
            sum_wide<kRows>(task, at);
            return true;
    }
    return false;
}

template <class From, class To>
void convert(const From (*from)[kPanelChannels], Index rows, To (*to)[kPanelChannels]) {
    for (Index r = 0; r < rows; ++r) {
        for (Index c = 0; c < kPanelChannels; ++c) to[r][c] = static_cast<To>(from[r][c]);
    }
}

void add_to_wide_outer(Task& task, const TilePlace& at, const std::int32_t* tile_scales) {
    const AccumulatorRule& rule = task.weights.outer();
    const auto add = rule.saturates() ? add_wide<true> : add_wide<false>;
    for (Index row = 0; row < at.block.rows; ++row) {
        include(task.wide_inner[row], task.seen.inner_seen);
        if (tile_scales != nullptr) {
            for (Index c = 0; c < kPanelChannels; ++c) {
                task.wide_inner[row][c] *= tile_scales[c];
            }
        }
        add(task.wide_inner[row], rule, task.wide_outer[row], task.wide_events);
        count_outer_events(task, at, row);
        include(task.wide_outer[row], task.seen.outer_seen);
    }
}

template <class T>
void write_outputs(Task& task, const TokenBlock& block, Index panel,
                   const T (*outer)[kPanelChannels]) {
    const Index first_channel = panel * kPanelChannels;
    const Index count = std::min(kPanelChannels, task.weights.channels() - first_channel);
    for (Index row = 0; row < block.rows; ++row) {
        std::int64_t* to = task.outputs.row(block.first + row).data() + first_channel;
        for (Index c = 0; c < count; ++c) to[c] = outer[row][c];
    }
}

template <int kRows>
void multiply_panel(Task& task, const TokenBlock& block, Index panel) {
    const bool narrow_outer = task.weights.outer_is_safe_int32(panel);
    if (narrow_outer) {
        clear<kRows>(task.outer);
    } else {
        std::fill_n(task.wide_outer[0], kRows * kPanelChannels, 0);
    }
    Index t = 0;
    for (const TileSpan& tile : task.weights.tiles()) {
        const std::int32_t* tile_scales = task.weights.tile_scales(panel, t);
        const TilePlace at{block, panel, tile, t, task.weights.plan(panel, t)};
        ++t;
        if (narrow_outer &&
            (tile_scales == nullptr ? sum_to_outer<kRows, false>(task, at, tile_scales)
                                    : sum_to_outer<kRows, true>(task, at, tile_scales))) {
            continue;
        }
        const bool wide_inner = sum_tile<kRows>(task, at);
        if (narrow_outer) {
            // An outer accumulator that is safe in int32 has inner ones that are.
            if (wide_inner) convert(task.wide_inner, kRows, task.inner);
            if (tile_scales == nullptr) {
                add_to_outer<kRows, false>(task.inner, tile_scales, task.outer,
                                           task.seen_by_channel);
            } else {
                add_to_outer<kRows, true>(task.inner, tile_scales, task.outer,
                                          task.seen_by_channel);
            }
        } else {
            if (!wide_inner) convert(task.inner, kRows, task.wide_inner);
            add_to_wide_outer(task, at, tile_scales);
        }
    }
    if (narrow_outer) {
        write_outputs(task, block, panel, task.outer);
    } else {
        write_outputs(task, block, panel, task.wide_outer);
    }
}

AccumulatorObservation multiply_blocks(const WeightPanels& weights,
                                       const ActivationBlocks& activations,
                                       std::span<const TokenBlock> blocks, Index first_panel,
                                       Index end_panel, Matrix<std::int64_t>& outputs) {
    const auto task = std::make_unique<Task>(weights, activations, outputs);
    for (Index panel = first_panel; panel < end_panel; ++panel) {
        for (const TokenBlock& block : blocks) {
            switch (block.rows) {
                case 8:
                    multiply_panel<8>(*task, block, panel);
                    break;
                case 4:
                    multiply_panel<4>(*task, block, panel);
                    break;
                case 2:
                    multiply_panel<2>(*task, block, panel);
                    break;
                default:
                    multiply_panel<1>(*task, block, panel);
                    break;
            }
        }
    }
    const SeenByChannel& narrow = task->seen_by_channel;
    for (Index c = 0; c < kPanelChannels; ++c) {
        AccumulatorObservation of_channel;
        of_channel.inner_seen = {narrow.inner_min[c], narrow.inner_max[c]};
        of_channel.outer_seen = {narrow.outer_min[c], narrow.outer_max[c]};
        task->seen.merge(of_channel);
    }
    return task->seen;
}

/// The words of pairs first, first + 1, ... < pairs of one row of a tile, `rows` words apart.
template <class Code>
void pack_pairs(const Code* codes, Index first, Index length, Index rows, std::int32_t* words) {
    for (Index p = first; p < length / 2; ++p) {
        words[p * rows] = (codes[2 * p] & 0xFFFF) | static_cast<std::int32_t>(codes[2 * p + 1])
                                                        << 16;
    }
    if (length % 2 != 0) words[length / 2 * rows] = codes[length - 1] & 0xFFFF;
}

#if HWY_TARGET == HWY_SCALAR
/// No vectors: the caller does it all.
template <class Code>
Index pack_four_rows(const Code*, Index, Index, Index, std::int32_t*) {
    return 0;
}
#else
using FourWords = hn::FixedTag<std::int32_t, 4>;

/// Four words of pairs from eight codes.
HWY_INLINE hn::Vec<FourWords> four_pairs(const std::int32_t* codes) {
    const FourWords d;
    const auto first = hn::LoadU(d, codes);
    const auto second = hn::LoadU(d, codes + 4);
    const auto low = hn::And(hn::ConcatEven(d, second, first), hn::Set(d, 0xFFFF));
    return hn::Or(low, hn::ShiftLeft<16>(hn::ConcatOdd(d, second, first)));
}
HWY_INLINE hn::Vec<FourWords> four_pairs(const std::int16_t* codes) {
    return hn::BitCast(FourWords(), hn::LoadU(hn::Repartition<std::int16_t, FourWords>(), codes));
}

/// Packs one tile of four rows that lie `stride` codes apart into words[pair * rows], as far as
/// whole groups of four pairs go; returns the pairs done.
template <class Code>
Index pack_four_rows(const Code* codes, Index stride, Index length, Index rows,
                     std::int32_t* words) {
    const FourWords d;
    const hn::Repartition<std::int64_t, FourWords> d64;
    constexpr Index kPairs = 4;
    const Index end = length / 2 / kPairs * kPairs;
    for (Index p = 0; p < end; p += kPairs) {
        const Code* from = codes + 2 * p;
        const auto row0 = four_pairs(from), row1 = four_pairs(from + stride);
        const auto row2 = four_pairs(from + 2 * stride), row3 = four_pairs(from + 3 * stride);
        const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, row0, row1));
        const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, row2, row3));
        const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, row0, row1));
        const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, row2, row3));
        std::int32_t* to = words + p * rows;
        hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, to);
        hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, to + rows);
        hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, to + 2 * rows);
        hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, to + 3 * rows);
    }
    return end;
}
#endif

/// Packs `count` rows of a tile, `stride` codes apart, into words[pair * rows + row].
template <class Code>
void pack_rows(const Code* codes, Index stride, Index count, Index length, Index rows,
               std::int32_t* words) {
    Index row = 0;
    for (; row + 4 <= count; row += 4) {
        const Code* four = codes + row * stride;
        const Index done = pack_four_rows(four, stride, length, rows, words + row);
        for (Index i = 0; i < 4; ++i) {
            pack_pairs(four + i * stride, done, length, rows, words + row + i);
        }
    }
    for (; row < count; ++row) pack_pairs(codes + row * stride, 0, length, rows, words + row);
}

IntegerRange extremes_of(const std::int32_t* codes, Index count) {
    std::int32_t min = codes[0];
    std::int32_t max = codes[0];
    for (Index k = 0; k < count; ++k) {
        min = HWY_MIN(min, codes[k]);
        max = HWY_MAX(max, codes[k]);
    }
    return {min, max};
}

/// Both halves of a pair as bytes in the low half.
std::int32_t bytes_of_pair(std::int32_t pair) { return (pair & 0xFF) | (pair >> 8 & 0xFF00); }

void pack_quads(const std::int32_t* pair_words, Index pairs, Index width, std::int32_t offsets,
                std::int32_t* quad_words) {
    for (Index p = 0; p < pairs; p += 2) {
        const std::int32_t* first = pair_words + p * width;
        std::int32_t* to = quad_words + p / 2 * width;
        if (p + 1 == pairs) {
            for (Index i = 0; i < width; ++i) to[i] = bytes_of_pair(first[i]) ^ offsets;
            return;
        }
        for (Index i = 0; i < width; ++i) {
            const std::int32_t word = bytes_of_pair(first[i]) | bytes_of_pair(first[width + i])
                                                                    << 16;
            to[i] = word ^ offsets;
        }
    }
}

void start_offset_quads(const std::int32_t* quad_words, Index quads, std::int32_t* starts) {
    const Int32Tag d;
    for (Index c = 0; c < kPanelChannels; c += kLanes) {
        auto sum = Quads::empty();
        for (Index q = 0; q < quads; ++q) {
            sum = Quads::add(sum, hn::Set(d, kByteOffsets),
                             hn::Load(d, quad_words + q * kPanelChannels + c));
        }
        hn::Store(Quads::bits_of_negative(sum), d, starts + c);
    }
}

IntegerRange pack_token_block(const TokenBlock& block, const std::vector<TileSpan>& tiles,
                              const ActivationBlocks& activations) {
    const Matrix<std::int32_t>& codes = *activations.codes;
    const std::int32_t* x = codes.row(block.first).data();
    const IntegerRange extremes = extremes_of(x, block.rows * codes.cols());  // rows back to back
    std::int32_t* const words = activations.block_words(block);
    std::int32_t* const quads = activations.block_quads(block);
    if (words == nullptr) return extremes;
    for (const TileSpan& tile : tiles) {
        std::int32_t* const tile_words = words + tile.first_pair * block.rows;
        pack_rows(x + tile.first, codes.cols(), block.rows, tile.length, block.rows, tile_words);
        if (quads == nullptr) continue;
        pack_quads(tile_words, tile.pairs(), block.rows, activations.quad_offsets,
                   quads + tile.first_quad * block.rows);
    }
    return extremes;
}

void pack_weights(const std::int16_t* codes, Index depth, Index channels, const TileSpan& tile,
                  std::int32_t* words) {
    std::int32_t* to = words + tile.first_pair * kPanelChannels;
    std::fill_n(to, channels < kPanelChannels ? tile.pairs() * kPanelChannels : 0, 0);
    pack_rows(codes + tile.first, depth, channels, tile.length, kPanelChannels, to);
}

bool sums_quads_in_int32() { return kQuadsInInt32; }

CodeSums sum_codes(const std::int32_t* words, Index pairs) {
    const Int32Tag d;
    CodeSums sums;
    for (Index c = 0; c < kPanelChannels; c += kLanes) {
        for (Index first = 0; first < pairs; first += kPairsInInt32) {
            Int32Vector all = hn::Zero(d), positive = hn::Zero(d);
            for (Index p = first; p < HWY_MIN(first + kPairsInInt32, pairs); ++p) {
                const Int32Vector pair = hn::Load(d, words + p * kPanelChannels + c);
                const Int32Vector low = hn::ShiftRight<16>(hn::ShiftLeft<16>(pair));
                const Int32Vector high = hn::ShiftRight<16>(pair);
                all = hn::Add(all, hn::Add(low, high));
                positive = hn::Add(positive,
                                   hn::Add(hn::Max(low, hn::Zero(d)), hn::Max(high, hn::Zero(d))));
            }
            HWY_ALIGN std::int32_t all_of[kLanes], positive_of[kLanes];
            hn::Store(all, d, all_of);
            hn::Store(positive, d, positive_of);
            for (Index i = 0; i < kLanes; ++i) {
                sums.positive[c + i] += positive_of[i];
                sums.negative[c + i] += all_of[i] - positive_of[i];
            }
        }
    }
    return sums;
}

}  // namespace
}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace axesim::models {

HWY_EXPORT(multiply_blocks);
HWY_EXPORT(pack_quads);
HWY_EXPORT(pack_token_block);
HWY_EXPORT(pack_weights);
HWY_EXPORT(start_offset_quads);
HWY_EXPORT(sum_codes);
HWY_EXPORT(sums_quads_in_int32);

std::vector<TokenBlock> cut_into_token_blocks(Index tokens) {
    std::vector<TokenBlock> blocks;
    Index first = 0;
    for (const Index rows : {8, 4, 2, 1}) {
        for (; tokens - first >= rows; first += rows) blocks.push_back({first, rows});
    }
    return blocks;
}

IntegerRange pack_token_block(const TokenBlock& block, const std::vector<TileSpan>& tiles,
                              ActivationBlocks& activations) {
    return HWY_DYNAMIC_DISPATCH(pack_token_block)(block, tiles, activations);
}

void pack_quads(const std::int32_t* pair_words, Index pairs, Index width, std::int32_t offsets,
                std::int32_t* quad_words) {
    HWY_DYNAMIC_DISPATCH(pack_quads)(pair_words, pairs, width, offsets, quad_words);
}

void start_offset_quads(const std::int32_t* quad_words, Index quads, std::int32_t* starts) {
    HWY_DYNAMIC_DISPATCH(start_offset_quads)(quad_words, quads, starts);
}

void pack_weights(const std::int16_t* codes, Index depth, Index channels, const TileSpan& tile,
                  std::int32_t* words) {
    HWY_DYNAMIC_DISPATCH(pack_weights)(codes, depth, channels, tile, words);
}

bool sums_quads_in_int32() { return HWY_DYNAMIC_DISPATCH(sums_quads_in_int32)(); }

CodeSums sum_codes(const std::int32_t* words, Index pairs) {
    return HWY_DYNAMIC_DISPATCH(sum_codes)(words, pairs);
}

AccumulatorObservation multiply_blocks(const WeightPanels& weights,
                                       const ActivationBlocks& activations,
                                       std::span<const TokenBlock> blocks, Index first_panel,
                                       Index end_panel, Matrix<std::int64_t>& outputs) {
    return HWY_DYNAMIC_DISPATCH(multiply_blocks)(weights, activations, blocks, first_panel,
                                                 end_panel, outputs);
}

}  // namespace axesim::models
#endif  // HWY_ONCE
