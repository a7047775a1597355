// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "common/error.h"
#include "common/rounding.h"
#include "models/compute/array_dataflow.h"
#include "models/mapping.h"

namespace axesim::models {

namespace {

constexpr std::int64_t kBitsPerKib = 8 * 1024;

/// A mapping this much slower than the fastest is still taken when it moves fewer bits: DRAM bits
/// cost most of the energy.
constexpr double kCycleSlack = 1.05;

std::int64_t capacity_bits(std::int64_t buffer_kib) { return buffer_kib * kBitsPerKib; }

std::size_t slots_of(Index tiles, Index most) {
    return static_cast<std::size_t>(std::clamp<Index>(tiles, 1, most));
}

/// Tiles of an operand that are in its buffer at once.
Index operand_slots(const HardwareConfig& hardware) {
    return hardware.buffers.double_buffered ? hardware.memory_interface.prefetch_tiles + 1 : 1;
}

/// Bits that a mapping needs of each buffer.
struct Room {
    std::int64_t weights = 0, activations = 0, outputs = 0;
};

bool fits(const Room& room, const BufferConfig& buffers) {
    return room.weights <= capacity_bits(buffers.weights_kib) &&
           room.activations <= capacity_bits(buffers.activations_kib) &&
           room.outputs <= capacity_bits(buffers.outputs_kib);
}

/// Bits of partial sums that wait for the next fold: of the columns in the array, or of a whole
/// tile of outputs where depth comes in chunks.
std::int64_t partial_sums(const GemmShape& shape, const Mapping& mapping,
                          const HardwareConfig& hardware) {
    if (depth_folds(shape.k, shape.k, hardware) == 1) return 0;
    const bool chunked = mapping.k_chunk < shape.k;
    const Index columns =
        chunked ? mapping.n_tile : std::min<Index>(mapping.n_tile, hardware.array.columns);
    return mapping.m_tile * columns *
           partial_sum_bits(hardware, hardware.accumulator.outer_bits_for(shape.k));
}

/// Fills in the slots of a mapping and tells what room it takes. Partial sums and the results
/// before them share the outputs buffer: these two are its halves, double-buffered or not.
Room divide_buffers(Mapping& mapping, const GemmShape& shape, const OperandBits& bits,
                    const HardwareConfig& hardware) {
    const Index m_tiles = divide_up(shape.m, mapping.m_tile);
    const Index n_tiles = divide_up(shape.n, mapping.n_tile);
    const Index chunks = divide_up(shape.k, mapping.k_chunk);
    const std::int64_t partials = partial_sums(shape, mapping, hardware);
    mapping.weight_slots = slots_of(n_tiles * chunks, operand_slots(hardware));
    mapping.activation_slots = slots_of(m_tiles * chunks, operand_slots(hardware));
    mapping.output_slots =
        partials > 0 ? 1 : slots_of(m_tiles * n_tiles, hardware.buffers.double_buffered ? 2 : 1);
    const auto slots = [](std::size_t number) { return static_cast<std::int64_t>(number); };
    return {mapping.n_tile * mapping.k_chunk * bits.weight * slots(mapping.weight_slots),
            mapping.m_tile * mapping.k_chunk * bits.activation * slots(mapping.activation_slots),
            partials + mapping.m_tile * mapping.n_tile * bits.output * slots(mapping.output_slots)};
}

bool fit(Mapping& mapping, const GemmShape& shape, const OperandBits& bits,
         const HardwareConfig& hardware) {
    return fits(divide_buffers(mapping, shape, bits, hardware), hardware.buffers);
}

/// Cycles of the array for tiles of m_tile tokens: held weights enter it anew for each of these.
double compute_cycles(const GemmShape& shape, Index m_tile, const HardwareConfig& hardware) {
    const auto tile_cycles = [&](Index m) {
        const ArrayWork work = array_cycles(m, shape.n, shape.k, hardware);
        return static_cast<double>(work.busy + work.fill_drain);
    };
    const Index whole = shape.m / m_tile, rest = shape.m % m_tile;
    return static_cast<double>(whole) * tile_cycles(m_tile) + (rest > 0 ? tile_cycles(rest) : 0);
}

struct Estimate {
    Mapping mapping;
    double cycles = 0;
    double traffic_bits = 0;
};

/// At the peak rates: of the memory interface, or of what all clusters share when each has a share.
double bits_per_cycle_of_cluster(const HardwareConfig& hardware) {
    double shared = hardware.dram.peak_bits_per_second() / (hardware.clock_mhz * 1e6);
    if (hardware.clusters > 1) {
        shared = std::min<double>(shared, hardware.interconnect.bits_per_cycle) / hardware.clusters;
    }
    return std::min<double>(hardware.memory_interface.bus_bits, shared);
}

Estimate estimate(const GemmShape& shape, const Mapping& mapping, const OperandBits& bits,
                  const HardwareConfig& hardware) {
    const double bits_per_cycle = bits_per_cycle_of_cluster(hardware);
    const auto [weight_fetches, activation_fetches] = mapping.fetches(shape);
    const double traffic = static_cast<double>(
        shape.n * shape.k * bits.weight * weight_fetches +
        shape.m * shape.k * bits.activation * activation_fetches + shape.m * shape.n * bits.output);
    const double first_load =
        static_cast<double>(mapping.k_chunk *
                            (mapping.n_tile * bits.weight + mapping.m_tile * bits.activation)) /
        bits_per_cycle;
    const double last_store =
        static_cast<double>(mapping.m_tile * mapping.n_tile * bits.output) / bits_per_cycle;
    const double compute = compute_cycles(shape, mapping.m_tile, hardware);
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

/// Sides of tiles to choose from: the user's, or all that are worth trying.
std::vector<Index> sides(Index total, Index side, std::int64_t given) {
    if (given > 0) return {std::min<Index>(given, total)};
    return candidates(total, side);
}

/// Sets k_chunk: what the user says, else all of k, else its largest part that fits. An
/// output-stationary array keeps the sums of one fold only, so more outputs take all of k at once.
/// False when nothing fits.
bool choose_depth(Mapping& mapping, const GemmShape& shape, const OperandBits& bits,
                  const HardwareConfig& hardware) {
    const BufferConfig& buffers = hardware.buffers;
    const bool holds_sums =
        hardware.dataflow == Dataflow::weight_stationary ||
        (mapping.m_tile <= hardware.array.rows && mapping.n_tile <= hardware.array.columns);
    const Index given = hardware.mapping.depth;
    mapping.k_chunk = given > 0 ? std::min<Index>(given, shape.k) : shape.k;
    if (mapping.k_chunk < shape.k && !holds_sums) return false;
    if (fit(mapping, shape, bits, hardware)) return true;
    if (given > 0 || !holds_sums) return false;
    const Index slots = operand_slots(hardware);
    const Index room = std::min(
        capacity_bits(buffers.weights_kib) / (slots * mapping.n_tile * bits.weight),
        capacity_bits(buffers.activations_kib) / (slots * mapping.m_tile * bits.activation));
    const Index unit = depth_unit(hardware);
    mapping.k_chunk = std::min(room, shape.k - 1) / unit * unit;
    return mapping.k_chunk > 0 && fit(mapping, shape, bits, hardware);
}

/// Every mapping that fits, with what it is thought to take.
std::vector<Estimate> mappings_that_fit(const GemmShape& shape, const OperandBits& in_memory,
                                        const OperandBits& in_buffers,
                                        const HardwareConfig& hardware) {
    const MappingConfig& given = hardware.mapping;
    std::vector<Estimate> estimates;
    for (const Index m_tile : sides(shape.m, hardware.array.rows, given.tokens)) {
        for (const Index n_tile : sides(shape.n, hardware.array.columns, given.outputs)) {
            for (const OuterLoop outer : {OuterLoop::activations, OuterLoop::weights}) {
                if (given.outer_loop != OuterLoop::automatic && given.outer_loop != outer) continue;
                Mapping mapping{.m_tile = m_tile,
                                .n_tile = n_tile,
                                .weights_outer = outer == OuterLoop::weights};
                if (!choose_depth(mapping, shape, in_buffers, hardware)) continue;
                estimates.push_back(estimate(shape, mapping, in_memory, hardware));
            }
        }
    }
    return estimates;
}

/// The key of the mapping that the user gave, "" when all is left to the mapper.
std::string given_key(const MappingConfig& given) {
    if (given.tokens > 0) return "hardware.mapping.tokens";
    if (given.outputs > 0) return "hardware.mapping.outputs";
    if (given.depth > 0) return "hardware.mapping.depth";
    return "";
}

/// Says what the least tiles that the config allows would need.
[[noreturn]] void reject(const GemmShape& shape, const OperandBits& bits,
                         const HardwareConfig& hardware) {
    const MappingConfig& given = hardware.mapping;
    const ArrayConfig& array = hardware.array;
    Mapping least{.m_tile = std::ranges::min(sides(shape.m, array.rows, given.tokens)),
                  .n_tile = std::ranges::min(sides(shape.n, array.columns, given.outputs))};
    const bool one_fold = hardware.dataflow == Dataflow::weight_stationary ||
                          (least.m_tile <= array.rows && least.n_tile <= array.columns);
    least.k_chunk = given.depth > 0 ? std::min<Index>(given.depth, shape.k)
                    : one_fold      ? std::min<Index>(depth_unit(hardware), shape.k)
                                    : shape.k;
    const std::string key = given_key(given);
    if (least.k_chunk < shape.k && !one_fold) {
        throw KeyError(key,
                       fmt::format("tiles of {} tokens x {} outputs take all {} products of "
                                   "depth at once: the {} x {} output-stationary array keeps "
                                   "the sums of no more outputs than it has units",
                                   least.m_tile, least.n_tile, shape.k, array.rows, array.columns));
    }
    const Room room = divide_buffers(least, shape, bits, hardware);
    const auto kib = [](std::int64_t bits_needed) {
        return static_cast<double>(bits_needed) / kBitsPerKib;
    };
    throw KeyError(
        key.empty() ? "hardware.buffers" : key,
        fmt::format(
            "tiles of {} tokens x {} outputs x {} products of depth, the least {}, need "
            "{:.1f} KiB of weights, {:.1f} KiB of activations and {:.1f} KiB of outputs "
            "(there are {}, {} and {}); enlarge hardware.buffers.* or {}",
            least.m_tile, least.n_tile, least.k_chunk,
            key.empty() ? fmt::format("for the {} x {} array", array.rows, array.columns)
                        : "with hardware.mapping",
            kib(room.weights), kib(room.activations), kib(room.outputs),
            hardware.buffers.weights_kib, hardware.buffers.activations_kib,
            hardware.buffers.outputs_kib,
            key.empty() ? "shrink hardware.array" : "leave hardware.mapping to the mapper"));
}

}  // namespace

HardwareConfig hardware_for_mapping(const HardwareConfig& hardware,
                                    const AccumulatorFormat& accumulator, Index n,
                                    bool depth_first) {
    HardwareConfig in_use = hardware;
    in_use.accumulator = accumulator;
    if (depth_first) in_use.array.columns = std::max(in_use.array.columns, static_cast<int>(n));
    return in_use;
}

Mapping choose_mapping(const GemmShape& shape, const OperandBits& in_memory,
                       const OperandBits& in_buffers, const HardwareConfig& hardware) {
    const Index depth = hardware.mapping.depth;
    if (depth > 0 && depth < shape.k && depth % depth_unit(hardware) != 0) {
        throw KeyError("hardware.mapping.depth",
                       fmt::format("{} is no multiple of {}, the products after which whole tiles "
                                   "and folds end (allowed: such multiples, or auto)",
                                   depth, depth_unit(hardware)));
    }
    std::vector<Estimate> estimates = mappings_that_fit(shape, in_memory, in_buffers, hardware);
    if (estimates.empty()) reject(shape, in_buffers, hardware);
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
