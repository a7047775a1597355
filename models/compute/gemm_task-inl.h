// SPDX-License-Identifier: Apache-2.0
// The working memory of one task of the GEMM, and how its overflow events are counted.
#if defined(AXESIM_MODELS_COMPUTE_GEMM_TASK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AXESIM_MODELS_COMPUTE_GEMM_TASK_INL_H_
#undef AXESIM_MODELS_COMPUTE_GEMM_TASK_INL_H_
#else
#define AXESIM_MODELS_COMPUTE_GEMM_TASK_INL_H_
#endif

#include "models/compute/gemm_kernels-inl.h"
#include "models/compute/gemm_kernels.h"

AXESIM_BEFORE_KERNELS();
namespace axesim::models::HWY_NAMESPACE {
namespace {

constexpr int kMaxRows = 8;

/// One row [channel] for each token of a block.
template <class T>
using Rows = T[kMaxRows][kPanelChannels];

/// Everything that the tiles of one task work on.
struct alignas(64) Task {
    Task(const WeightPanels& panels, const ActivationBlocks& blocks, Matrix<std::int64_t>& results)
        : weights(panels), activations(blocks), outputs(results) {}

    const WeightPanels& weights;
    const ActivationBlocks& activations;
    Matrix<std::int64_t>& outputs;
    AccumulatorObservation seen;
    SeenByChannel seen_by_channel;
    alignas(64) Rows<std::int32_t> inner;
    alignas(64) Rows<std::int32_t> outer;
    alignas(64) Rows<std::int32_t> violated;
    alignas(64) Rows<std::int64_t> wide_inner;
    alignas(64) Rows<std::int64_t> wide_outer;
    alignas(64) std::int32_t events[kPanelChannels];
    alignas(64) std::int64_t wide_events[kPanelChannels];
};

/// One tile of one panel for one block of tokens.
struct TilePlace {
    const TokenBlock& block;
    Index panel;
    const TileSpan& tile;
    Index index;  ///< of the tile
    const TilePlan& plan;
};

void keep_least(std::optional<OverflowPlace>& first, const OverflowPlace& place) {
    if (!first || place < *first) first = place;
}

/// Walks one channel's tile again, up to the step that first overflows.
Index first_overflowing_step(const Task& task, const TilePlace& at, Index row, Index c) {
    const std::int32_t* x =
        task.activations.codes->row(at.block.first + row).data() + at.tile.first;
    const std::int32_t* w = task.weights.words(at.panel, at.tile.first_pair) + c;
    const Index lanes = task.weights.lanes();
    std::int64_t value = 0;
    for (Index k = 0; k < at.tile.length;) {
        const Index step = k;
        std::int64_t exact = value;
        for (const Index end = std::min(k + lanes, at.tile.length); k < end; ++k) {
            const auto code = static_cast<std::int16_t>(w[k / 2 * kPanelChannels] >> (k % 2 * 16));
            exact += std::int64_t{x[k]} * code;
        }
        value = task.weights.inner().kept(exact);
        if (value != exact) return at.tile.first + step;
    }
    return at.tile.first + at.tile.length;
}

/// Counts events[0..count) of channels c, c + 1, ... of a row. Only the lowest channel can hold
/// the task's first overflow, and only if nothing before it is known already.
template <class T>
void count_inner_events(Task& task, const TilePlace& at, Index row, Index c, Index count,
                        const T* events) {
    std::uint64_t total = 0;
    for (Index i = 0; i < count; ++i) total += static_cast<std::uint64_t>(events[i]);
    if (total == 0) return;
    task.seen.inner_events += total;
    while (*events == 0) ++events, ++c;
    OverflowPlace place{at.block.first + row, at.panel * kPanelChannels + c, at.tile.first,
                        AccumulatorStage::inner};
    if (task.seen.first_overflow && *task.seen.first_overflow < place) return;
    place.k = first_overflowing_step(task, at, row, c);
    keep_least(task.seen.first_overflow, place);
}

void count_outer_events(Task& task, const TilePlace& at, Index row) {
    std::uint64_t total = 0;
    for (const std::int64_t events : task.wide_events) total += static_cast<std::uint64_t>(events);
    if (total == 0) return;
    task.seen.outer_events += total;
    Index c = 0;
    while (task.wide_events[c] == 0) ++c;
    keep_least(task.seen.first_overflow, {at.block.first + row, at.panel * kPanelChannels + c,
                                          at.tile.first, AccumulatorStage::outer});
}

}  // namespace
}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AXESIM_MODELS_COMPUTE_GEMM_TASK_INL_H_
