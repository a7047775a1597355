// SPDX-License-Identifier: Apache-2.0
#include "common/parallel.h"
#include "models/compute/gemm.h"
#include "models/compute/gemm_checks.h"
#include "models/compute/gemm_kernels.h"

namespace axesim::models {
namespace {

// One task: 16 blocks of 8 tokens, so that a panel is used often while it is near, by four panels.
constexpr Index kBlocksPerTask = 16;
constexpr Index kPanelsPerTask = 4;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

const Matrix<std::int16_t>& checked(const Matrix<std::int16_t>& weights, const GemmFormat& format,
                                    const TileScales& tile_scales) {
    check_format(format, weights.cols());
    check_codes(weights, format.weights);
    check_tile_scales(tile_scales, weights.rows(), weights.cols(), format);
    return weights;
}

}  // namespace

struct PreparedActivations::Impl {
    std::shared_ptr<const Matrix<std::int32_t>> codes;
    ActivationBlocks blocks;
};

PreparedActivations::PreparedActivations(std::shared_ptr<const Matrix<std::int32_t>> shared_codes,
                                         const GemmFormat& format)
    : impl_(std::make_unique<Impl>()) {
    impl_->codes = std::move(shared_codes);
    const Matrix<std::int32_t>& codes = *impl_->codes;
    ActivationBlocks& packed = impl_->blocks;
    const std::vector<TileSpan> tiles =
        cut_into_tiles(codes.cols(), format.accumulator.tile_length(codes.cols()));
    packed.codes = &codes;
    if (!tiles.empty()) {
        packed.pairs = tiles.back().first_pair + tiles.back().pairs();
        packed.quads = tiles.back().first_quad + tiles.back().quads();
    }
    packed.blocks = cut_into_token_blocks(codes.rows());
    if (fits_pairs(format) && codes.rows() > 0) {
        packed.words = hwy::AllocateAligned<std::int32_t>(
            static_cast<std::size_t>(codes.rows() * packed.pairs));
    }
    if (fits_quads(format) && codes.rows() > 0) {
        packed.quad_words = hwy::AllocateAligned<std::int32_t>(
            static_cast<std::size_t>(codes.rows() * packed.quads));
        if (format.activations.min < 0) packed.quad_offsets = kByteOffsets;
    }
    for_blocks(static_cast<Index>(packed.blocks.size()), kBlocksPerTask,
               [&](Index first, Index count) {
                   for (Index b = first; b < first + count; ++b) {
                       const TokenBlock& block = packed.blocks[static_cast<std::size_t>(b)];
                       check_activation_range(pack_token_block(block, tiles, packed), format);
                   }
               });
}
PreparedActivations::~PreparedActivations() = default;
PreparedActivations::PreparedActivations(PreparedActivations&&) noexcept = default;
PreparedActivations& PreparedActivations::operator=(PreparedActivations&&) noexcept = default;

struct PreparedWeights::Impl {
    Impl(const Matrix<std::int16_t>& weights, const GemmFormat& gemm_format,
         const TileScales& tile_scales)
        : format(gemm_format),
          panels(checked(weights, gemm_format, tile_scales), gemm_format, tile_scales) {}

    GemmFormat format;
    WeightPanels panels;
};

PreparedWeights::PreparedWeights(const Matrix<std::int16_t>& weights, const GemmFormat& format,
                                 const TileScales& tile_scales)
    : impl_(std::make_unique<Impl>(weights, format, tile_scales)) {}
PreparedWeights::~PreparedWeights() = default;
PreparedWeights::PreparedWeights(PreparedWeights&&) noexcept = default;
PreparedWeights& PreparedWeights::operator=(PreparedWeights&&) noexcept = default;

Index PreparedWeights::channels() const { return impl_->panels.channels(); }
Index PreparedWeights::depth() const { return impl_->panels.depth(); }
bool PreparedWeights::overflow_free() const { return impl_->panels.overflow_free(); }

AccumulatorObservation PreparedWeights::multiply(const Matrix<std::int32_t>& activations,
                                                 Matrix<std::int64_t>& outputs) const {
    const std::shared_ptr<const Matrix<std::int32_t>> borrowed(std::shared_ptr<void>(),
                                                               &activations);
    return multiply(PreparedActivations(borrowed, impl_->format), outputs);
}

AccumulatorObservation PreparedWeights::multiply(const PreparedActivations& activations,
                                                 Matrix<std::int64_t>& outputs) const {
    const WeightPanels& panels = impl_->panels;
    const ActivationBlocks& packed = activations.impl_->blocks;
    check_depth(packed.codes->cols(), panels.depth());
    outputs.resize(packed.codes->rows(), panels.channels());
    const Index block_groups = ceil_div(static_cast<Index>(packed.blocks.size()), kBlocksPerTask);
    const Index panel_groups = ceil_div(panels.panels(), kPanelsPerTask);

    std::vector<AccumulatorObservation> seen(static_cast<std::size_t>(block_groups * panel_groups));
    for_blocks(block_groups * panel_groups, 1, [&](Index task, Index) {
        const std::span<const TokenBlock> all(packed.blocks);
        const auto first_block = static_cast<std::size_t>(task / panel_groups * kBlocksPerTask);
        const Index first_panel = task % panel_groups * kPanelsPerTask;
        const auto blocks =
            all.subspan(first_block)
                .first(std::min<std::size_t>(kBlocksPerTask, all.size() - first_block));
        seen[static_cast<std::size_t>(task)] =
            multiply_blocks(panels, packed, blocks, first_panel,
                            std::min(first_panel + kPanelsPerTask, panels.panels()), outputs);
    });
    AccumulatorObservation merged;
    for (const AccumulatorObservation& part : seen) merged.merge(part);
    return merged;
}

}  // namespace axesim::models
