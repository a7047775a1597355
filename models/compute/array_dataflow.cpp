// SPDX-License-Identifier: Apache-2.0
#include "models/compute/array_dataflow.h"

#include <algorithm>

#include "common/rounding.h"

namespace axesim::models {

namespace {

std::uint64_t count(Index value) { return static_cast<std::uint64_t>(value); }

bool weights_stay(const HardwareConfig& hardware) {
    return hardware.dataflow == Dataflow::weight_stationary;
}

/// Products of one channel that a column of held weights takes.
Index column_depth(const HardwareConfig& hardware) {
    return Index{hardware.array.rows} * hardware.accumulator.lanes;
}

/// Whole tiles that a column holds; 0 when a tile is deeper.
Index tiles_in_column(Index tile, const HardwareConfig& hardware) {
    return column_depth(hardware) / tile;
}

/// Depth after which folds begin anew: a tile, or the whole tiles of a column.
Index fold_period(Index tile, const HardwareConfig& hardware) {
    return tile * std::max<Index>(tiles_in_column(tile, hardware), 1);
}

/// Calls fold(products) for each fold of held weights along k.
template <class Fold>
void for_depth_folds(Index k, Index tile, const HardwareConfig& hardware, Fold&& fold) {
    const Index period = fold_period(tile, hardware);
    for (Index begin = 0; begin < k; begin += period) {
        const Index end = std::min(begin + period, k);
        for (Index at = begin; at < end; at += column_depth(hardware)) {
            fold(std::min(column_depth(hardware), end - at));
        }
    }
}

Index skew(const ArrayConfig& array) {
    return array.rows + array.columns - 2 + array.pipeline_depth - 1;
}

ArrayWork output_stationary_work(const ArrayBlock& block, const HardwareConfig& hardware) {
    const ArrayConfig& array = hardware.array;
    const Index lanes = hardware.accumulator.lanes;
    // A step's products never cross the end of an accumulation tile.
    const Index tile = hardware.accumulator.tile_length(block.depth);
    const Index steps = block.k / tile * divide_up(tile, lanes) + divide_up(block.k % tile, lanes);
    const Index folds = divide_up(block.m, array.rows) * divide_up(block.n, array.columns);
    ArrayWork work;
    work.folds = count(folds);
    work.steps = count(steps);
    work.busy = count(folds * steps);
    // The pipeline fills before the first chunk and drains after the last, once a fold.
    if (block.last_chunk) work.fill_drain = count(folds * skew(array));
    work.weight_reads = work.activation_reads = work.busy;
    return work;
}

ArrayWork weight_stationary_work(const ArrayBlock& block, const HardwareConfig& hardware) {
    const ArrayConfig& array = hardware.array;
    const Index lanes = hardware.accumulator.lanes;
    const Index tile = hardware.accumulator.tile_length(block.depth);
    const Index across = divide_up(block.n, array.columns);
    const Index folds = depth_folds(block.k, block.depth, hardware);
    const Index fill_drain = array.rows + skew(array);
    Index rows = 0, shifts = 0, carries = 0;
    for_depth_folds(block.k, tile, hardware, [&](Index products) {
        const Index used = divide_up(products, lanes);
        rows += used;
        shifts += used * (used + 1) / 2;  // the weight of row r passes r registers
        carries += (divide_up(products, tile) - 1) * (divide_up(tile, lanes) - 1);
    });
    ArrayWork work;
    work.folds = count(folds * across);
    work.steps = count(rows);
    work.busy = count(folds * across * block.m);
    work.fill_drain = count(folds * across * fill_drain);
    work.until_last_fold = count((folds - 1) * (block.m + fill_drain));
    work.weight_reads = count(rows * across);
    work.activation_reads = work.busy;
    work.partial_reads = count((folds - (block.first_chunk ? 1 : 0)) * across * block.m);
    work.partial_writes = count((folds - (block.last_chunk ? 1 : 0)) * across * block.m);
    work.weight_shifts = count(shifts * block.n * lanes);
    work.outer_shifts = count(carries * block.n * block.m);
    return work;
}

/// Cycles in which the banks of one buffer serve this many words.
std::uint64_t port_cycles(std::uint64_t reads, std::uint64_t writes, const BufferConfig& buffers) {
    return divide_up(buffers.port_words(reads, writes),
                     static_cast<std::uint64_t>(buffers.banks_in_use()));
}

}  // namespace

ArrayWork array_work(const ArrayBlock& block, const HardwareConfig& hardware) {
    return weights_stay(hardware) ? weight_stationary_work(block, hardware)
                                  : output_stationary_work(block, hardware);
}

ArrayWork array_cycles(Index m, Index n, Index k, const HardwareConfig& hardware) {
    return array_work({.m = m, .n = n, .k = k, .depth = k}, hardware);
}

std::uint64_t port_stalls(const ArrayWork& work, const StepWords& words,
                          const HardwareConfig& hardware) {
    const BufferConfig& buffers = hardware.buffers;
    const std::uint64_t weights = port_cycles(words.weights, 0, buffers);
    const std::uint64_t activations = port_cycles(words.activations, 0, buffers);
    if (!weights_stay(hardware)) return work.busy * (std::max(weights, activations) - 1);
    // Each token writes a record, of partial sums or of results; but in a first fold it reads one.
    const auto token = [&](std::uint64_t reads) {
        return std::max(activations, port_cycles(reads, words.outputs, buffers)) - 1;
    };
    return work.weight_reads * (weights - 1) + work.partial_reads * token(words.outputs) +
           (work.busy - work.partial_reads) * token(0);
}

Index depth_unit(const HardwareConfig& hardware) {
    const AccumulatorFormat& accumulator = hardware.accumulator;
    const Index tile = accumulator.tile_size;
    if (!weights_stay(hardware)) return tile > 0 ? tile : accumulator.lanes;
    return tile > 0 ? fold_period(tile, hardware) : column_depth(hardware);
}

Index depth_folds(Index k, Index depth, const HardwareConfig& hardware) {
    if (!weights_stay(hardware)) return 1;
    Index folds = 0;
    for_depth_folds(k, hardware.accumulator.tile_length(depth), hardware, [&](Index) { ++folds; });
    return folds;
}

int partial_sum_bits(const HardwareConfig& hardware, int outer_bits) {
    const AccumulatorFormat& accumulator = hardware.accumulator;
    if (accumulator.tile_size == 0) return accumulator.inner_bits;
    const bool tiles_span_folds = accumulator.tile_size > column_depth(hardware);
    return outer_bits + (tiles_span_folds ? accumulator.inner_bits : 0);
}

Index outer_accumulators(const HardwareConfig& hardware) {
    const Index tile = hardware.accumulator.tile_size;
    const ArrayConfig& array = hardware.array;
    if (tile == 0) return 0;
    if (!weights_stay(hardware)) return Index{array.rows} * array.columns;
    return array.columns * std::max<Index>(tiles_in_column(tile, hardware), 1);
}

Index outer_registers(const HardwareConfig& hardware) {
    if (!weights_stay(hardware) || hardware.accumulator.tile_size == 0) return 0;
    const Index rows_of_tile = hardware.accumulator.tile_size / hardware.accumulator.lanes;
    return (outer_accumulators(hardware) - hardware.array.columns) * (rows_of_tile - 1);
}

}  // namespace axesim::models
