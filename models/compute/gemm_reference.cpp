// SPDX-License-Identifier: Apache-2.0
// The definition of the arithmetic: design.md section 3, one step after the other. Everything
// faster is tested against this.
#include <stdexcept>

#include "models/compute/accumulator_rule.h"
#include "models/compute/gemm.h"
#include "models/compute/gemm_checks.h"

namespace axesim::models {
namespace {

void include(IntegerRange& range, const IntegerRange& other) {
    range.min = std::min(range.min, other.min);
    range.max = std::max(range.max, other.max);
}

void keep_least(std::optional<OverflowPlace>& first, const OverflowPlace& place) {
    if (!first || place < *first) first = place;
}

}  // namespace

void AccumulatorObservation::merge(const AccumulatorObservation& other) {
    inner_events += other.inner_events;
    outer_events += other.outer_events;
    if (other.first_overflow) keep_least(first_overflow, *other.first_overflow);
    include(inner_seen, other.inner_seen);
    include(outer_seen, other.outer_seen);
}

AccumulatorObservation gemm_reference(const Matrix<std::int32_t>& activations,
                                      const Matrix<std::int16_t>& weights, const GemmFormat& format,
                                      Matrix<std::int64_t>& outputs,
                                      const TileScales& tile_scales) {
    const Index depth = weights.cols();
    check_format(format, depth);
    check_operands(activations, weights, format);
    check_tile_scales(tile_scales, weights.rows(), depth, format);
    const Index tile = format.accumulator.tile_length(depth);
    const Index lanes = format.accumulator.lanes;
    const AccumulatorRule inner_rule(format.accumulator.inner_bits, format.accumulator.overflow);
    const AccumulatorRule outer_rule(format.accumulator.outer_bits_for(depth),
                                     format.accumulator.overflow);

    AccumulatorObservation seen;
    outputs.resize(activations.rows(), weights.rows());
    for (Index token = 0; token < activations.rows(); ++token) {
        for (Index channel = 0; channel < weights.rows(); ++channel) {
            std::int64_t outer = 0;
            for (Index tile_begin = 0; tile_begin < depth; tile_begin += tile) {
                const Index tile_end = std::min(tile_begin + tile, depth);
                std::int64_t inner = 0;
                for (Index step = tile_begin; step < tile_end; step += lanes) {
                    std::int64_t exact = inner;
                    for (Index k = step; k < std::min(step + lanes, tile_end); ++k) {
                        exact += std::int64_t{activations(token, k)} * weights(channel, k);
                    }
                    inner = inner_rule.kept(exact);
                    if (inner != exact) {
                        ++seen.inner_events;
                        keep_least(seen.first_overflow,
                                   {token, channel, step, AccumulatorStage::inner});
                    }
                }
                include(seen.inner_seen, {inner, inner});
                const std::int64_t scale =
                    tile_scales.size() > 0 ? tile_scales(channel, tile_begin / tile) : 1;
                const std::int64_t exact = outer + inner * scale;
                outer = outer_rule.kept(exact);
                if (outer != exact) {
                    ++seen.outer_events;
                    keep_least(seen.first_overflow,
                               {token, channel, tile_begin, AccumulatorStage::outer});
                }
                include(seen.outer_seen, {outer, outer});
            }
            outputs(token, channel) = outer;
        }
    }
    return seen;
}

}  // namespace axesim::models
