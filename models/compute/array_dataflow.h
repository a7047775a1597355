// SPDX-License-Identifier: Apache-2.0
// What the array does for a block of outputs, as plain functions: cycles, operands that it reads,
// sums that it parks, for either dataflow. The values do not depend on any of this.
//
// Output-stationary: rows x columns units each keep the accumulators of one output. A fold is that
// many outputs; it steps through k, `lanes` products a step, and fills and drains its skewed
// operands in rows + columns - 2 cycles.
//
// Weight-stationary: each unit keeps `lanes` weights of one channel; a column holds rows x lanes
// consecutive products of a channel's depth. A fold is that depth of `columns` channels. Its
// weights shift in from the top in `rows` cycles, then every token passes once: the inner sum of a
// tile runs down the column, one step a row, in registers of P_I bits. Where a tile ends it is
// added to the outer sum: at the foot of the column, and, when several tiles of T products fit into
// it, also after each of them inside the column, between which the outer sum runs beside the inner
// ones. A fold never holds a part of a tile and the start of another: with T < rows x lanes it
// holds floor(rows x lanes / T) tiles, with more a tile takes ceil(T / (rows x lanes)) folds. What
// T does not divide leaves rows idle. Between the folds of a dot product its partial sums lie in
// the outputs buffer: the outer sum and, where tiles span folds, the inner sum of the open tile.
// Every token of a fold reads one such record of all columns (but in the first fold) and writes one
// (but in the last, whose results go on to the scaling unit).
//
// Each further stage of a unit's pipeline (array.pipeline_depth) adds a cycle to every fold's fill.
// These are SCALE-Sim v3's cycles, ceil(M/R) ceil(N/C) (K + R + C - 2) - 1 and ceil(K/R) ceil(N/C)
// (M + 2R + C - 2) - 1, but for the cycle that SCALE-Sim takes off once a GEMM.
#pragma once

#include <cstdint>

#include "common/matrix.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// m tokens x n channels, and k products of each of their dot products of `depth`. Where depth
/// comes in chunks, each but the last is a multiple of depth_unit().
struct ArrayBlock {
    Index m = 0, n = 0, k = 0;
    Index depth = 0;
    bool first_chunk = true, last_chunk = true;
};

struct ArrayWork {
    std::uint64_t busy = 0;             ///< cycles in which products enter the accumulators
    std::uint64_t fill_drain = 0;       ///< cycles in which operands shift in or sums run out
    std::uint64_t until_last_fold = 0;  ///< of both: before any result of this block comes out
    std::uint64_t folds = 0;
    std::uint64_t steps = 0;             ///< adds to the inner accumulators for each output
    std::uint64_t weight_reads = 0;      ///< operands of a step, read from the weights buffer
    std::uint64_t activation_reads = 0;  ///< ... from the activations buffer
    std::uint64_t partial_reads = 0;     ///< partial sums of all columns, from the outputs buffer
    std::uint64_t partial_writes = 0;    ///< ... to the outputs buffer
    std::uint64_t weight_shifts = 0;     ///< weights that entered a register on their way in
    std::uint64_t outer_shifts = 0;      ///< outer sums that entered a register between tiles
};

ArrayWork array_work(const ArrayBlock& block, const HardwareConfig& hardware);

/// The same for a whole GEMM of m tokens, n channels, depth k.
ArrayWork array_cycles(Index m, Index n, Index k, const HardwareConfig& hardware);

/// Cycles that the array waits for the ports of its buffers in this work. `words`: words of a bank
/// that a step's operands, or a record of partial sums or results, take.
struct StepWords {
    std::uint64_t weights = 1, activations = 1, outputs = 1;
};
std::uint64_t port_stalls(const ArrayWork& work, const StepWords& words,
                          const HardwareConfig& hardware);

/// Products of depth that a chunk must be a multiple of, so that chunks end where tiles and folds
/// do.
Index depth_unit(const HardwareConfig& hardware);

/// Folds along the depth; 1 when output-stationary: its accumulators keep their sums.
Index depth_folds(Index k, Index depth, const HardwareConfig& hardware);

/// Bits that an output's partial sums take between two folds of a weight-stationary array.
int partial_sum_bits(const HardwareConfig& hardware, int outer_bits);

/// Outer accumulators of the whole array (none when monolithic), and the registers that carry an
/// outer sum from one tile's end to the next inside a column.
Index outer_accumulators(const HardwareConfig& hardware);
Index outer_registers(const HardwareConfig& hardware);

}  // namespace axesim::models
