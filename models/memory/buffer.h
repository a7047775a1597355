// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "common/matrix.h"
#include "common/rounding.h"
#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// What a tile of an operand holds: elements and, per row, its scale (as the bits of a float32),
/// its integer (zero point of a token, sum of scaled codes of a channel), for weights with a bias
/// its bits and, for weights in groups, the scales of the accumulation tiles in its columns.
template <class Element>
struct TileContents {
    Matrix<Element> elements;
    std::vector<std::int32_t> row_scale_bits;
    std::vector<std::int32_t> row_integer;
    std::vector<std::int32_t> row_bias_bits;  ///< empty: no bias
    TileScales tile_scales;
};

/// One tile of an operand as it lies in a buffer.
template <class Element>
struct OperandTile {
    /// Shared by all tiles that hold the same; null where values are not simulated.
    std::shared_ptr<const TileContents<Element>> contents;
    std::uint64_t ready_cycle = 0;  ///< when the last of it arrives
};

/// An on-chip SRAM used as `slots` equal parts (2 when double-buffered), each holding one tile: the
/// producer fills a free slot while the consumer reads another. Counts accesses in whole words of a
/// bank.
template <class Tile>
class TileBuffer : public sc_core::sc_module {
public:
    /// What one access reads or writes, and what the array takes or gives in a step.
    TileBuffer(const sc_core::sc_module_name& name, BufferWidths widths)
        : sc_module(name),
          word_bits_(static_cast<std::uint64_t>(widths.word_bits)),
          step_words_(words(static_cast<std::uint64_t>(widths.step_bits))) {}

    /// Empties the buffer and divides it anew. No tile may be in use.
    void configure(std::size_t slots) {
        tiles_.assign(slots, Tile{});
        in_use_.assign(slots, false);
        tell();
    }
    /// Suspends the calling process until a slot is free, and takes it.
    std::size_t acquire() {
        while (true) {
            for (std::size_t slot = 0; slot < in_use_.size(); ++slot) {
                if (!in_use_[slot]) {
                    in_use_[slot] = true;
                    tell();
                    return slot;
                }
            }
            wait(freed_);
        }
    }
    void release(std::size_t slot) {
        in_use_[slot] = false;
        tell();
        freed_.notify(sc_core::SC_ZERO_TIME);
    }
    Tile& tile(std::size_t slot) { return tiles_[slot]; }
    /// From now on `observer` (null: none) is told how many slots are in use whenever some slot is
    /// taken or freed.
    void observe(std::function<void(std::size_t slots_in_use)> observer) {
        observer_ = std::move(observer);
    }

    /// The array's side: whole steps.
    void count_read_steps(std::uint64_t steps) { counts_.reads += steps * step_words_; }
    void count_write_steps(std::uint64_t steps) { counts_.writes += steps * step_words_; }
    /// The other side, a run of elements written or read as one stream: whole words.
    void count_write(std::uint64_t bits) { counts_.writes += words(bits); }
    void count_read(std::uint64_t bits) { counts_.reads += words(bits); }
    const BufferCounts& counts() const { return counts_; }
    std::uint64_t step_words() const { return step_words_; }

private:
    std::uint64_t words(std::uint64_t bits) const { return divide_up(bits, word_bits_); }
    void tell() const {
        if (observer_) {
            observer_(static_cast<std::size_t>(std::count(in_use_.begin(), in_use_.end(), true)));
        }
    }

    std::uint64_t word_bits_;
    std::uint64_t step_words_;
    std::vector<Tile> tiles_;
    std::vector<bool> in_use_;
    std::function<void(std::size_t)> observer_;
    sc_core::sc_event freed_;
    BufferCounts counts_;
};

using WeightTile = OperandTile<std::int16_t>;
using ActivationTile = OperandTile<std::int32_t>;

/// Results on their way to memory: one 32-bit word (float) or the low bits of one a value, or two
/// words for a raw 64-bit accumulator. No words where values are not simulated.
struct OutputTile {
    std::int64_t results = 0;
    std::vector<std::int32_t> words;
    std::int64_t first_word = 0;  ///< where they go in the GEMM's output stream
};

}  // namespace axesim::models
