// SPDX-License-Identifier: Apache-2.0
#include "models/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "common/error.h"

namespace axesim::models {

namespace {

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

constexpr std::int64_t kBitsPerKib = 8 * 1024;

/// A mapping this much slower than the fastest is still taken when it moves fewer bits: DRAM bits
/// cost most of the energy.
constexpr double kCycleSlack = 1.05;

/// Whether tiles of `tile_bits` fit: in the whole buffer when there is only one of them, in a half
/// when the buffer is double-buffered. Returns the number of slots, 0 if they do not fit.
std::size_t slots_for(std::int64_t tile_bits, Index tiles, std::int64_t buffer_kib, bool doubled) {
    const std::int64_t capacity = buffer_kib * kBitsPerKib;
    const std::size_t slots = doubled && tiles > 1 ? 2 : 1;
    return tile_bits * static_cast<std::int64_t>(slots) <= capacity ? slots : 0;
}

/// Fills in the slots of a mapping; false when a tile does not fit its buffer.
bool fit(Mapping& mapping, const GemmShape& shape, const OperandBits& bits,
         const BufferConfig& buffers) {
    const Index m_tiles = divide_up(shape.m, mapping.m_tile);
    const Index n_tiles = divide_up(shape.n, mapping.n_tile);
    const Index chunks = divide_up(shape.k, mapping.k_chunk);
    const bool doubled = buffers.double_buffered;
    mapping.weight_slots = slots_for(mapping.n_tile * mapping.k_chunk * bits.weight,
                                     n_tiles * chunks, buffers.weights_kib, doubled);
    mapping.activation_slots = slots_for(mapping.m_tile * mapping.k_chunk * bits.activation,
                                         m_tiles * chunks, buffers.activations_kib, doubled);
    mapping.output_slots = slots_for(mapping.m_tile * mapping.n_tile * bits.output,
                                     m_tiles * n_tiles, buffers.outputs_kib, doubled);
    return mapping.weight_slots > 0 && mapping.activation_slots > 0 && mapping.output_slots > 0;
}

/// Times that each operand is fetched from DRAM.
struct Fetches {
    Index weights = 1, activations = 1;
};
Fetches fetches(const GemmShape& shape, const Mapping& mapping) {
    const Index m_tiles = divide_up(shape.m, mapping.m_tile);
    const Index n_tiles = divide_up(shape.n, mapping.n_tile);
    if (mapping.k_chunk < shape.k) return {m_tiles, n_tiles};
    if (mapping.weights_outer) return {1, m_tiles > 1 ? n_tiles : 1};
    return {n_tiles > 1 ? m_tiles : 1, 1};
}

struct Estimate {
    Mapping mapping;
    double cycles = 0;
    double traffic_bits = 0;
};

Estimate estimate(const GemmShape& shape, const Mapping& mapping, const OperandBits& bits,
                  const HardwareConfig& hardware) {
    const double bits_per_cycle =
        std::min<double>(hardware.memory_interface.bus_bits,
                         hardware.dram.peak_bits_per_second() / (hardware.clock_mhz * 1e6));
    const auto [weight_fetches, activation_fetches] = fetches(shape, mapping);
    const double traffic = static_cast<double>(
        shape.n * shape.k * bits.weight * weight_fetches +
        shape.m * shape.k * bits.activation * activation_fetches + shape.m * shape.n * bits.output);
    const double first_load =
        static_cast<double>(mapping.k_chunk *
                            (mapping.n_tile * bits.weight + mapping.m_tile * bits.activation)) /
        bits_per_cycle;
    const double last_store =
        static_cast<double>(mapping.m_tile * mapping.n_tile * bits.output) / bits_per_cycle;
    const ArrayCycles array = array_cycles(shape.m, shape.n, shape.k, hardware);
    const double compute = static_cast<double>(array.busy + array.fill_drain);
    const double between = traffic / bits_per_cycle - first_load - last_store;
    return {mapping, first_load + std::max(compute, between) + last_store, traffic};
}

/// Tile sizes worth trying: for each number of tiles the smallest multiple of the array's side.
std::vector<Index> candidates(Index total, Index side) {
    std::vector<Index> sizes;
    for (Index tiles = divide_up(total, side); tiles >= 1; --tiles) {
        const Index size = std::min(total, divide_up(divide_up(total, tiles), side) * side);
        if (sizes.empty() || sizes.back() != size) sizes.push_back(size);
    }
    return sizes;
}

[[noreturn]] void reject(const GemmShape& shape, const OperandBits& bits,
                         const HardwareConfig& hardware) {
    const auto kib = [](std::int64_t tile_bits) {
        return static_cast<double>(tile_bits) / kBitsPerKib;
    };
    const std::int64_t unit = std::max<std::int64_t>(hardware.accumulator.tile_size, 1);
    throw UserError(fmt::format(
        "hardware.buffers: too small for one pass over the {} x {} array: a tile of depth {} needs "
        "{:.1f} KiB of weights, {:.1f} KiB of activations and {:.1f} KiB of outputs in each of {} "
        "slots; enlarge hardware.buffers.* or shrink hardware.array",
        hardware.array.rows, hardware.array.columns, std::min<std::int64_t>(unit, shape.k),
        kib(std::min<Index>(hardware.array.columns, shape.n) * unit * bits.weight),
        kib(std::min<Index>(hardware.array.rows, shape.m) * unit * bits.activation),
        kib(static_cast<Index>(hardware.array.columns) * hardware.array.rows * bits.output),
        hardware.buffers.double_buffered ? 2 : 1));
}

/// Depth does not fit: one fold of outputs at a time, its depth in the largest chunks that fit.
Mapping chunked_mapping(const GemmShape& shape, const OperandBits& bits,
                        const HardwareConfig& hardware) {
    Mapping mapping;
    mapping.m_tile = std::min<Index>(hardware.array.rows, shape.m);
    mapping.n_tile = std::min<Index>(hardware.array.columns, shape.n);
    const Index unit = hardware.accumulator.tile_size > 0 ? hardware.accumulator.tile_size
                                                          : hardware.accumulator.lanes;
    for (Index units = divide_up(shape.k, unit); units >= 1; --units) {
        mapping.k_chunk = std::min(units * unit, shape.k);
        if (fit(mapping, shape, bits, hardware.buffers)) return mapping;
    }
    reject(shape, bits, hardware);
}

}  // namespace

std::string Mapping::describe(const GemmShape& shape) const {
    const auto [weight_fetches, activation_fetches] = fetches(shape, *this);
    return fmt::format("tiles {} x {} x {}, {} outer, weights fetched {}x, activations {}x", m_tile,
                       n_tile, k_chunk, weights_outer ? "weights" : "activations", weight_fetches,
                       activation_fetches);
}

std::vector<Visit> schedule(const GemmShape& shape, const Mapping& mapping) {
    std::vector<Visit> visits;
    const Index m_tiles = divide_up(shape.m, mapping.m_tile);
    const Index n_tiles = divide_up(shape.n, mapping.n_tile);
    Index loaded_m = -1, loaded_n = -1, loaded_weight_k = -1, loaded_activation_k = -1;
    const auto visit_tile = [&](Index mi, Index ni) {
        for (Index k = 0; k < shape.k; k += mapping.k_chunk) {
            Visit visit;
            visit.first_m = mi * mapping.m_tile;
            visit.m = std::min(mapping.m_tile, shape.m - visit.first_m);
            visit.first_n = ni * mapping.n_tile;
            visit.n = std::min(mapping.n_tile, shape.n - visit.first_n);
            visit.first_k = k;
            visit.k = std::min(mapping.k_chunk, shape.k - k);
            visit.loads_weights = ni != loaded_n || k != loaded_weight_k;
            visit.loads_activations = mi != loaded_m || k != loaded_activation_k;
            visit.first_chunk = k == 0;
            visit.last_chunk = k + visit.k == shape.k;
            loaded_m = mi;
            loaded_n = ni;
            loaded_weight_k = loaded_activation_k = k;
            visits.push_back(visit);
        }
    };
    const Index outer = mapping.weights_outer ? n_tiles : m_tiles;
    const Index inner = mapping.weights_outer ? m_tiles : n_tiles;
    for (Index o = 0; o < outer; ++o) {
        for (Index i = 0; i < inner; ++i) {
            mapping.weights_outer ? visit_tile(i, o) : visit_tile(o, i);
        }
    }
    return visits;
}

ArrayCycles array_cycles(Index m, Index n, Index k, const HardwareConfig& hardware) {
    const ArrayConfig& array = hardware.array;
    const AccumulatorFormat& accumulator = hardware.accumulator;
    // A step's products never cross the end of an accumulation tile.
    const Index tile = accumulator.tile_length(k);
    const Index whole = k / tile;
    const Index rest = k % tile;
    const Index steps =
        whole * divide_up(tile, accumulator.lanes) + divide_up(rest, accumulator.lanes);
    const Index folds = divide_up(m, array.rows) * divide_up(n, array.columns);
    ArrayCycles cycles;
    cycles.folds = static_cast<std::uint64_t>(folds);
    cycles.steps = static_cast<std::uint64_t>(steps);
    cycles.busy = static_cast<std::uint64_t>(folds * steps);
    cycles.fill_drain = static_cast<std::uint64_t>(folds * (array.rows + array.columns - 2));
    return cycles;
}

Mapping choose_mapping(const GemmShape& shape, const OperandBits& in_memory,
                       const OperandBits& in_buffers, const HardwareConfig& hardware) {
    std::vector<Estimate> estimates;
    for (const Index m_tile : candidates(shape.m, hardware.array.rows)) {
        for (const Index n_tile : candidates(shape.n, hardware.array.columns)) {
            for (const bool weights_outer : {false, true}) {
                Mapping mapping{.m_tile = m_tile,
                                .n_tile = n_tile,
                                .k_chunk = shape.k,
                                .weights_outer = weights_outer};
                if (!fit(mapping, shape, in_buffers, hardware.buffers)) continue;
                estimates.push_back(estimate(shape, mapping, in_memory, hardware));
            }
        }
    }
    if (estimates.empty()) return chunked_mapping(shape, in_buffers, hardware);
    const auto fewer_cycles = [](const Estimate& a, const Estimate& b) {
        return a.cycles < b.cycles;
    };
    const double enough =
        kCycleSlack * std::min_element(estimates.begin(), estimates.end(), fewer_cycles)->cycles;
    std::erase_if(estimates, [&](const Estimate& e) { return e.cycles > enough; });
    return std::min_element(estimates.begin(), estimates.end(),
                            [](const Estimate& a, const Estimate& b) {
                                return std::tie(a.traffic_bits, a.cycles) <
                                       std::tie(b.traffic_bits, b.cycles);
                            })
        ->mapping;
}

}  // namespace axesim::models
