// SPDX-License-Identifier: Apache-2.0
// How a GEMM is cut into tiles that fit the buffers (mapper.cpp chooses), as plain functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// m tokens, n output channels, depth k.
struct GemmShape {
    Index m = 0, n = 0, k = 0;
    bool operator==(const GemmShape&) const = default;
};

/// Bits of one element of each operand, in memory or in its buffer.
struct OperandBits {
    int weight = 8, activation = 8, output = 16;
};

/// Times that each operand is fetched from DRAM.
struct Fetches {
    Index weights = 1, activations = 1;
};

/// Tiles of m_tile tokens x n_tile channels; all of k at once, or, where that is too deep for a
/// buffer, k_chunk of it while the sums stay: in the accumulators of one fold (output-stationary),
/// or as partial sums of the whole tile in the outputs buffer (weight-stationary). The outer loop's
/// operand is fetched once, the inner loop's once per outer tile (once in all when it has a single
/// tile). An operand with a single tile uses its whole buffer as one slot.
struct Mapping {
    Index m_tile = 0, n_tile = 0, k_chunk = 0;
    bool weights_outer = false;
    std::size_t weight_slots = 1, activation_slots = 1, output_slots = 1;

    Fetches fetches(const GemmShape& shape) const;
    /// As in "tiles 256 x 96 x 576, loops outputs, tokens, depth, each weight tile stays while
    /// activations stream, weights fetched 1x, activations 6x".
    std::string describe(const GemmShape& shape) const;
};

/// One step of the loop nest: a tile of outputs, or a chunk of its depth.
struct Visit {
    Index first_m = 0, m = 0, first_n = 0, n = 0, first_k = 0, k = 0;
    bool loads_weights = false, loads_activations = false;  ///< another tile than before
    bool first_chunk = true, last_chunk = true;
};

/// The steps of a loop nest in their order, each made when it is asked for: a large product has
/// many.
class Visits {
public:
    Visits(const GemmShape& shape, const Mapping& mapping);

    Index size() const { return tiles() * chunks_; }
    Index tiles() const { return m_tiles_ * n_tiles_; }  ///< of outputs
    Visit operator[](Index step) const;

    class Iterator {
    public:
        Iterator(const Visits& visits, Index step) : visits_(&visits), step_(step) {}
        Visit operator*() const { return (*visits_)[step_]; }
        Iterator& operator++() {
            ++step_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return step_ == other.step_; }

    private:
        const Visits* visits_;
        Index step_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }

private:
    /// Numbers of a tile and of a chunk of its depth.
    struct Place {
        Index m = -1, n = -1, chunk = -1;
    };
    Place place(Index step) const;

    GemmShape shape_;
    Mapping mapping_;
    Index m_tiles_, n_tiles_, chunks_;
};

/// `hardware` as choose_mapping() must see it for weights [n, k] of a layer with this accumulator.
/// Where these lie depth first, tiles take whole columns of them: parts would lie in pieces.
HardwareConfig hardware_for_mapping(const HardwareConfig& hardware,
                                    const AccumulatorFormat& accumulator, Index n,
                                    bool depth_first);

/// The mapping with the least traffic among those within 5 % of the fewest estimated cycles (the
/// first tiles' load, then the slower of compute and traffic, then the last store). Traffic goes
/// by the bits in memory, room by those in the buffers, where outputs are finished results; partial
/// sums come on top. What hardware.mapping gives is kept. Throws KeyError where nothing fits.
Mapping choose_mapping(const GemmShape& shape, const OperandBits& in_memory,
                       const OperandBits& in_buffers, const HardwareConfig& hardware);

}  // namespace axesim::models
