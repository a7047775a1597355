// SPDX-License-Identifier: Apache-2.0
// What must hold of any design and any shape (conservation, bounds, monotony), over thousands of
// random ones. SystemC has one kernel a process, so each platform runs in a process of its own.
// "Slow" keeps them out of the run under AddressSanitizer, which takes a SystemC process's stack
// for the program's when an exception is thrown on it, and then reports errors that are none.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <random>
#include <set>

#include "common/error.h"
#include "models/compute/array_dataflow.h"
#include "models/compute/gemm.h"
#include "models/cost/costs.h"
#include "sim/platform.h"
#include "tests/sim/small_hardware.h"

namespace axesim::sim {
namespace {

using models::Dataflow;
using models::HardwareConfig;
using models::Stream;

struct Case {
    HardwareConfig config;
    Index m = 1, n = 1, k = 1;
    unsigned seed = 0;
    bool has_values = true;
    bool ticks = false;  ///< something happens in every cycle, so that nothing may run ahead of it
};

/// Wakes in every cycle of a clock.
struct Metronome : sc_core::sc_module {
    SC_HAS_PROCESS(Metronome);
    Metronome(const sc_core::sc_module_name& name, double clock_mhz)
        : sc_module(name), clock(clock_mhz) {
        SC_THREAD(tick);
    }
    void tick() {
        while (true) clock.wait_cycles(1);
    }
    models::SimulationClock clock;
};

/// What comes back from the process of a case. Plain memory: it goes through a pipe.
struct Figures {
    bool equals_reference = false;
    models::Counts counts;
    models::CycleCounts gemm;
    models::AccumulatorObservation observed;
    models::Mapping mapping;
};
static_assert(std::is_trivially_copyable_v<Figures>);

template <class T>
Matrix<T> random_codes(Index rows, Index columns, const IntegerRange& range, std::mt19937& random) {
    std::uniform_int_distribution<std::int64_t> pick(range.min, range.max);
    return Matrix<T>::NullaryExpr(rows, columns, [&] { return static_cast<T>(pick(random)); });
}

Figures simulate(const Case& c) {
    std::mt19937 random(c.seed);
    const auto x = random_codes<std::int32_t>(c.m, c.k, c.config.activations.codes(), random);
    const auto w = random_codes<std::int16_t>(c.n, c.k, c.config.weight_codes(), random);
    models::set_simulation_resolution();
    Platform platform("platform", c.config,
                      {.weight_bytes = Platform::weight_bytes(c.n, c.k, c.config, c.config),
                       .max_tokens = c.m,
                       .max_depth = c.k,
                       .max_outputs = c.n,
                       .has_values = c.has_values});
    std::optional<Metronome> metronome;
    if (c.ticks) metronome.emplace("metronome", c.config.clock_mhz);
    Figures figures;
    Matrix<std::int64_t> outputs, expected;
    platform.run([&] {
        const auto weights =
            c.has_values ? platform.store_weights(
                               w, std::vector<double>(static_cast<std::size_t>(c.n), 1.0), c.config)
                         : platform.reserve_weights(c.n, c.k, c.config, false);
        const GemmReport report = platform.multiply_raw(
            weights, platform.store_activations(x, c.config), c.config, outputs);
        figures.gemm = report.cycles;
        figures.observed = report.observed;
        figures.mapping = report.mapping;
    });
    figures.counts = platform.counts();
    if (!c.has_values) return figures;
    const auto observed = models::gemm_reference(x, w, c.config.gemm(), expected);
    figures.equals_reference = outputs == expected && figures.observed == observed;
    return figures;
}

/// Nothing when the case's buffers hold no tiles.
std::optional<Figures> run(const Case& c) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        int status = 1;
        try {
            const Figures figures = simulate(c);
            if (::write(ends[1], &figures, sizeof figures) == sizeof figures) status = 0;
        } catch (const KeyError&) {
            status = 2;
        } catch (...) {
        }
        ::_exit(status);
    }
    ::close(ends[1]);
    Figures figures;
    const bool whole = ::read(ends[0], &figures, sizeof figures) == sizeof figures;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) return std::nullopt;
    if (!whole) throw std::runtime_error("the platform's process failed");
    return figures;
}

class Draw {
public:
    explicit Draw(unsigned seed) : random_(seed) {}

    /// Some clusters that divide work somehow.
    void add_clusters(HardwareConfig& h) {
        h.clusters = pick(2, 6);
        h.cluster_split = of({models::ClusterSplit::output_channels, models::ClusterSplit::tokens});
        h.interconnect = {of({16, 64, 100, 1024}), pick(1, 9)};
    }

    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
    bool flip() { return pick(0, 1) == 1; }
    template <class T>
    T of(std::initializer_list<T> values) {
        return values.begin()[pick(0, static_cast<int>(values.size()) - 1)];
    }

    Case any_case() {
        Case c;
        HardwareConfig& h = c.config;
        h.dataflow = of({Dataflow::output_stationary, Dataflow::weight_stationary});
        h.weight_bits = pick(2, 9);
        h.activations.bits = pick(2, 9);
        h.accumulator.lanes = of({1, 1, 2, 4});
        h.accumulator.tile_size = pick(0, 6) == 0 ? 0 : Index{h.accumulator.lanes} * pick(1, 24);
        h.accumulator.inner_bits = h.weight_bits + h.activations.bits + pick(0, 8);
        h.accumulator.overflow = of({OverflowMode::wrap, OverflowMode::saturate});
        h.array = {pick(1, 9), pick(1, 9), pick(1, 3)};
        h.buffers = {.weights_kib = pick(1, 4),
                     .activations_kib = pick(1, 4),
                     .outputs_kib = pick(1, 4),
                     .double_buffered = flip(),
                     .banks = of({1, 1, 2, 3, 4}),
                     .ports = of({1, 2}),
                     .weights_word_bits = of({0, 0, 24, 100}),
                     .activations_word_bits = of({0, 0, 24, 100}),
                     .outputs_word_bits = of({0, 0, 48, 100})};
        h.memory_interface = {of({models::Layout::packed, models::Layout::padded_byte,
                                  models::Layout::aligned_fields, models::Layout::padded_pow2}),
                              64,
                              64,
                              4,
                              pick(1, 4),
                              of({models::TransferPolicy::per_row, models::TransferPolicy::per_tile,
                                  models::TransferPolicy::coalesced}),
                              of({1, 1, 2, 4})};
        h.clock_mhz = of({500.0, 1000.0, 1050.0});
        h.dram = plain_dram();
        h.dram.channels = of({1, 2});
        c.m = pick(1, 40);
        c.n = pick(1, 40);
        c.k = pick(1, 300);
        c.seed = static_cast<unsigned>(pick(0, 1 << 30));
        return c;
    }

private:
    std::mt19937 random_;
};

/// Sums of what the tiles of this mapping are known to take.
struct Expected {
    std::uint64_t busy = 0, fill_drain = 0, weights = 0, activations = 0, runs = 0;
};
Expected expected_of(const Case& c, const models::Mapping& mapping) {
    Expected sum;
    for (const models::Visit& visit : models::Visits({c.m, c.n, c.k}, mapping)) {
        const models::ArrayWork work = models::array_work(
            {visit.m, visit.n, visit.k, c.k, visit.first_chunk, visit.last_chunk}, c.config);
        sum.busy += work.busy;
        sum.fill_drain += work.fill_drain;
        const auto rows = static_cast<std::uint64_t>(visit.loads_weights ? visit.n : 0);
        const auto tokens = static_cast<std::uint64_t>(visit.loads_activations ? visit.m : 0);
        sum.weights += rows * static_cast<std::uint64_t>(visit.k);
        sum.activations += tokens * static_cast<std::uint64_t>(visit.k);
        sum.runs += rows + tokens + 4;  // at most one run a row, and metadata
    }
    return sum;
}

/// Bits in whole words hold those bits and little more.
void expect_words(std::uint64_t words, int word_bits, std::uint64_t bits, std::uint64_t runs) {
    EXPECT_GE(words * static_cast<std::uint64_t>(word_bits), bits);
    EXPECT_LE(words * static_cast<std::uint64_t>(word_bits),
              bits + runs * static_cast<std::uint64_t>(word_bits));
}

void expect_conservation(const Case& c, const Figures& f, const Expected& sum) {
    const auto traffic = [&](Stream stream) -> const models::TrafficCounts& {
        return f.counts.traffic[static_cast<std::size_t>(stream)];
    };
    std::uint64_t transferred = 0;
    for (const Stream stream : models::kStreams) {
        const models::TrafficCounts& t = traffic(stream);
        EXPECT_EQ(t.transferred_bits,
                  t.payload_bits + t.metadata_bits + t.padding_bits + t.burst_tail_bits);
        EXPECT_EQ(t.transferred_bits, f.counts.dram_bits[static_cast<std::size_t>(stream)]);
        transferred += t.transferred_bits;
    }
    EXPECT_EQ(transferred, f.counts.dram.read_bits + f.counts.dram.written_bits);
    EXPECT_EQ(traffic(Stream::outputs).transferred_bits, f.counts.dram.written_bits);
    EXPECT_EQ(traffic(Stream::outputs).payload_bits, static_cast<std::uint64_t>(64 * c.m * c.n));
    // What the DRAM gave is in the buffers, at the width of the multipliers.
    const auto weight_bits = static_cast<std::uint64_t>(c.config.weight_bits);
    const auto activation_bits = static_cast<std::uint64_t>(c.config.activations.bits);
    EXPECT_EQ(traffic(Stream::weights).payload_bits, weight_bits * sum.weights);
    EXPECT_EQ(traffic(Stream::activations).payload_bits, activation_bits * sum.activations);
    const int outer_bits = c.config.accumulator.outer_bits_for(c.k);
    const auto word_bits = [&](Stream stream) {
        return models::buffer_widths(c.config, outer_bits, stream).word_bits;
    };
    expect_words(f.counts.weights_buffer.writes, word_bits(Stream::weights),
                 weight_bits * sum.weights, sum.runs);
    expect_words(f.counts.activations_buffer.writes, word_bits(Stream::activations),
                 activation_bits * sum.activations, sum.runs);
    EXPECT_EQ(f.counts.compute.macs, static_cast<std::uint64_t>(c.m * c.n * c.k));
    EXPECT_EQ(f.counts.compute.outer_adds,
              static_cast<std::uint64_t>(c.m * c.n * c.config.accumulator.tile_count(c.k)));
}

void expect_cycles(const Case& c, const Figures& f, const Expected& sum) {
    const models::CycleCounts& cycles = f.gemm;
    EXPECT_EQ(cycles.cycles, cycles.busy + cycles.fill_drain + cycles.stall_dram +
                                 cycles.stall_buffer + cycles.stall_vector);
    EXPECT_EQ(cycles.busy, sum.busy);
    EXPECT_EQ(cycles.fill_drain, sum.fill_drain);
    // Never faster than all multipliers together, than the bus, than the DRAM's peak.
    const double multipliers = static_cast<double>(c.config.array.rows) * c.config.array.columns *
                               c.config.accumulator.lanes;
    EXPECT_GE(static_cast<double>(cycles.busy) * multipliers,
              static_cast<double>(f.counts.compute.macs));
    const auto bits = static_cast<double>(f.counts.dram.read_bits + f.counts.dram.written_bits);
    EXPECT_GE(static_cast<double>(cycles.cycles) * c.config.memory_interface.bus_bits, bits);
    EXPECT_GE(static_cast<double>(cycles.cycles) / (c.config.clock_mhz * 1e6),
              bits / c.config.dram.peak_bits_per_second());
    if (c.config.dataflow == Dataflow::output_stationary && c.config.buffers.ports == 2 &&
        c.config.buffers.weights_word_bits == 0 && c.config.buffers.activations_word_bits == 0 &&
        f.mapping.output_slots * static_cast<std::size_t>(f.mapping.m_tile * f.mapping.n_tile) >=
            static_cast<std::size_t>(c.m * c.n)) {
        EXPECT_EQ(cycles.stall_buffer, 0U) << "there is room for all outputs, and ports for all";
    }
}

TEST(SlowPlatformProperties, ValuesBitsAndCyclesAreConservedInEveryDesign) {
    Draw draw(11);
    int mapped = 0, held = 0, chunked = 0, events = 0;
    for (int trial = 0; trial < 2000; ++trial) {
        const Case c = draw.any_case();
        SCOPED_TRACE(testing::Message() << "trial " << trial);
        const std::optional<Figures> figures = run(c);
        if (!figures) continue;
        ++mapped;
        held += c.config.dataflow == Dataflow::weight_stationary;
        chunked += figures->mapping.k_chunk < c.k;
        events += figures->observed.inner_events > 0;
        EXPECT_TRUE(figures->equals_reference);
        const Expected sum = expected_of(c, figures->mapping);
        expect_conservation(c, *figures, sum);
        expect_cycles(c, *figures, sum);
        if (testing::Test::HasFailure()) break;
    }
    // Else the cases above would test too little.
    EXPECT_GT(mapped, 1500);
    EXPECT_GT(held, 500);
    EXPECT_GT(chunked, 50);
    EXPECT_GT(events, 500);
}

/// The tiles of the first figures, so that other figures of the same GEMM compare.
models::MappingConfig same_tiles(const models::Mapping& mapping) {
    return {.tokens = mapping.m_tile,
            .outputs = mapping.n_tile,
            .depth = mapping.k_chunk,
            .outer_loop = mapping.weights_outer ? models::OuterLoop::weights
                                                : models::OuterLoop::activations};
}

TEST(SlowPlatformProperties, PackedNeverMovesMoreThanPadded) {
    Draw draw(12);
    int compared = 0;
    for (int trial = 0; trial < 500; ++trial) {
        Case c = draw.any_case();
        c.config.memory_interface.layout =
            draw.of({models::Layout::padded_byte, models::Layout::padded_pow2});
        const std::optional<Figures> padded = run(c);
        if (!padded) continue;
        c.config.memory_interface.layout = models::Layout::packed;
        c.config.mapping = same_tiles(padded->mapping);
        const std::optional<Figures> packed = run(c);
        ASSERT_TRUE(packed);
        ++compared;
        const models::TrafficCounts less = packed->counts.total_traffic();
        const models::TrafficCounts more = padded->counts.total_traffic();
        EXPECT_EQ(less.payload_bits, more.payload_bits);
        EXPECT_EQ(less.padding_bits, 0U);
        // Whole bursts: a run of elements that straddles a burst's end where the padded one does
        // not costs a burst more.
        const std::uint64_t runs = expected_of(c, packed->mapping).runs;
        EXPECT_LE(less.transferred_bits - less.burst_tail_bits,
                  more.transferred_bits - more.burst_tail_bits);
        EXPECT_LE(less.transferred_bits,
                  more.transferred_bits +
                      runs * static_cast<std::uint64_t>(c.config.memory_interface.burst_bits()));
    }
    EXPECT_GT(compared, 300);
}

/// A saturating accumulator that is wider overflows no more often: each of its two bounds is
/// farther from its sum than the narrow one's from its own, whatever both have been through. A
/// wrapping one may: sums that hover around the bound of the wide register may lie far from any
/// bound of the narrow one. Without any event in the narrow one, either has none.
TEST(SlowPlatformProperties, AWiderInnerAccumulatorOverflowsNoMoreOften) {
    Draw draw(13);
    int compared = 0, fewer = 0;
    for (int trial = 0; trial < 500; ++trial) {
        Case c = draw.any_case();
        c.config.accumulator.outer_bits = 0;
        const std::optional<Figures> narrow = run(c);
        if (!narrow) continue;
        c.config.accumulator.inner_bits += draw.pick(1, 3);
        const std::optional<Figures> wide = run(c);
        if (!wide) continue;
        ++compared;
        const std::uint64_t events = narrow->observed.inner_events;
        if (events == 0 || c.config.accumulator.overflow == OverflowMode::saturate) {
            EXPECT_LE(wide->observed.inner_events, events) << "trial " << trial;
        }
        fewer += wide->observed.inner_events < events;
        EXPECT_EQ(wide->observed.outer_events, 0U);
    }
    EXPECT_GT(compared, 300);
    EXPECT_GT(fewer, 100);
}

/// Bursts that the weights of a GEMM cross the bus in, bit by bit: packed elements, then their
/// words.
std::uint64_t bursts_of_weights(const Case& c, const models::Mapping& mapping) {
    const auto burst_bits = static_cast<Index>(c.config.memory_interface.burst_bits());
    const models::TransferPolicy policy = c.config.memory_interface.transfers;
    std::uint64_t bursts = 0;
    for (const models::Visit& visit : models::Visits({c.m, c.n, c.k}, mapping)) {
        if (!visit.loads_weights) continue;
        const bool in_one_piece = visit.k == c.k && policy != models::TransferPolicy::per_row;
        std::set<Index> touched;
        for (Index row = visit.first_n; row < visit.first_n + visit.n; ++row) {
            for (Index k = visit.first_k; k < visit.first_k + visit.k; ++k) {
                const Index first_bit = (row * c.k + k) * c.config.weight_bits;
                for (Index bit = 0; bit < c.config.weight_bits; ++bit) {
                    touched.insert((first_bit + bit) / burst_bits);
                }
            }
            if (in_one_piece || policy == models::TransferPolicy::coalesced) continue;
            bursts += touched.size();
            touched.clear();
        }
        bursts += touched.size();
        touched.clear();
        for (Index bit = visit.first_n * 64; bit < (visit.first_n + visit.n) * 64; ++bit) {
            touched.insert(bit / burst_bits);
        }
        bursts += touched.size();
    }
    return bursts;
}

TEST(SlowPlatformProperties, APolicyMovesTheBurstsThatItSays) {
    Draw draw(15);
    int in_pieces = 0, faster = 0;
    for (int trial = 0; trial < 150; ++trial) {
        Case c = draw.any_case();
        c.has_values = false;
        c.config.memory_interface.layout = models::Layout::packed;
        std::optional<Figures> before;
        for (const auto policy : {models::TransferPolicy::per_row, models::TransferPolicy::per_tile,
                                  models::TransferPolicy::coalesced}) {
            c.config.memory_interface.transfers = policy;
            const std::optional<Figures> figures = run(c);
            if (!figures) break;
            const auto& traffic =
                figures->counts.traffic[static_cast<std::size_t>(Stream::weights)];
            EXPECT_EQ(traffic.bursts, bursts_of_weights(c, figures->mapping)) << "trial " << trial;
            in_pieces += figures->mapping.k_chunk < c.k;
            if (before) {
                EXPECT_LE(traffic.transferred_bits,
                          before->counts.traffic[static_cast<std::size_t>(Stream::weights)]
                              .transferred_bits);
                faster += figures->gemm.cycles < before->gemm.cycles;
            }
            before = figures;
        }
    }
    EXPECT_GT(in_pieces, 10);
    EXPECT_GT(faster, 100);
}

/// Counts hold nothing but 64-bit counters.
template <class Counts>
bool same_counters(const Counts& a, const Counts& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

TEST(SlowPlatformProperties, TimeAndTrafficDependOnNoValue) {
    Draw draw(14);
    int compared = 0;
    for (int trial = 0; trial < 500; ++trial) {
        Case c = draw.any_case();
        const std::optional<Figures> with_values = run(c);
        c.has_values = false;
        const std::optional<Figures> without = run(c);
        ASSERT_EQ(with_values.has_value(), without.has_value());
        if (!without) continue;
        ++compared;
        EXPECT_TRUE(same_counters(with_values->counts, without->counts)) << "trial " << trial;
        EXPECT_TRUE(same_counters(with_values->gemm, without->gemm)) << "trial " << trial;
    }
    EXPECT_GT(compared, 300);
}

TEST(SlowPlatformProperties, NeitherValuesNorWorkDependOnClusters) {
    Draw draw(16);
    int compared = 0, idle = 0;
    for (int trial = 0; trial < 800; ++trial) {
        Case c = draw.any_case();
        const std::optional<Figures> one = run(c);
        draw.add_clusters(c.config);
        const std::optional<Figures> several = run(c);
        if (!one || !several) continue;
        ++compared;
        SCOPED_TRACE(testing::Message() << "trial " << trial);
        EXPECT_TRUE(several->equals_reference);
        EXPECT_EQ(several->counts.compute.macs, one->counts.compute.macs);
        EXPECT_EQ(several->counts.compute.outer_adds, one->counts.compute.outer_adds);
        const models::CycleCounts& cycles = several->gemm;
        EXPECT_EQ(cycles.cycles, cycles.busy + cycles.fill_drain + cycles.stall_dram +
                                     cycles.stall_buffer + cycles.stall_vector +
                                     cycles.stall_clusters);
        const models::InterconnectCounts& crossed = several->counts.interconnect;
        EXPECT_EQ(crossed.read_bits, several->counts.dram.read_bits);
        EXPECT_EQ(crossed.written_bits, several->counts.dram.written_bits);
        EXPECT_EQ(several->counts.total_traffic().transferred_bits,
                  crossed.read_bits + crossed.written_bits);
        // Never faster than the DRAM's peak or than the interconnect.
        const auto bits = static_cast<double>(crossed.read_bits + crossed.written_bits);
        EXPECT_GE(static_cast<double>(cycles.cycles) / (c.config.clock_mhz * 1e6),
                  bits / c.config.dram.peak_bits_per_second());
        const auto width = static_cast<std::uint64_t>(c.config.interconnect.bits_per_cycle);
        EXPECT_GE(cycles.cycles * width, std::max(crossed.read_bits, crossed.written_bits));
        const Index divided = c.config.cluster_split == models::ClusterSplit::tokens ? c.m : c.n;
        if (divided < c.config.clusters) {
            ++idle;  // some clusters have no part
            EXPECT_GE(cycles.stall_clusters * static_cast<std::uint64_t>(c.config.clusters),
                      cycles.cycles * static_cast<std::uint64_t>(c.config.clusters - divided) - 6);
        }
        EXPECT_EQ(one->gemm.stall_clusters, 0U);
        EXPECT_EQ(one->counts.interconnect.read_bits, 0U);
        if (testing::Test::HasFailure()) break;
    }
    EXPECT_GT(compared, 500);
    EXPECT_GT(idle, 30);
}

/// Work that clusters divide evenly: each does what the tiles of its part are known to take, and
/// the operand that is not divided is read once for each of them.
TEST(SlowPlatformProperties, ClustersDoWhatTheirPartsTake) {
    Draw draw(17);
    int compared = 0;
    for (int trial = 0; trial < 400; ++trial) {
        Case part = draw.any_case();
        Case all = part;
        draw.add_clusters(all.config);
        const int clusters = all.config.clusters;
        (all.config.cluster_split == models::ClusterSplit::tokens ? all.m : all.n) *= clusters;
        const std::optional<Figures> figures = run(all);
        if (!figures) continue;
        ++compared;
        SCOPED_TRACE(testing::Message() << "trial " << trial);
        const Expected sum = expected_of(part, figures->mapping);
        EXPECT_EQ(figures->gemm.busy, sum.busy);
        EXPECT_EQ(figures->gemm.fill_drain, sum.fill_drain);
        const auto times = static_cast<std::uint64_t>(clusters);
        const auto weight_bits = static_cast<std::uint64_t>(part.config.weight_bits);
        const auto activation_bits = static_cast<std::uint64_t>(part.config.activations.bits);
        EXPECT_EQ(figures->counts.traffic[0].payload_bits, times * weight_bits * sum.weights);
        EXPECT_EQ(figures->counts.traffic[1].payload_bits,
                  times * activation_bits * sum.activations);
        if (testing::Test::HasFailure()) break;
    }
    EXPECT_GT(compared, 250);
}

/// Memory interfaces run ahead of SystemC's time where nobody could notice. With a process that
/// wakes in every cycle they cannot; time and counts are the same where several of them meet at one
/// DRAM.
TEST(SlowPlatformProperties, RunningAheadOfOtherClustersChangesNothing) {
    Draw draw(18);
    int compared = 0;
    for (int trial = 0; trial < 500; ++trial) {
        Case c = draw.any_case();
        c.has_values = false;
        c.config.buffers.ports = 2;  // else it counts which words came up to the same instant
        draw.add_clusters(c.config);
        const std::optional<Figures> ahead = run(c);
        c.ticks = true;
        const std::optional<Figures> in_step = run(c);
        ASSERT_EQ(ahead.has_value(), in_step.has_value());
        if (!ahead) continue;
        ++compared;
        EXPECT_TRUE(same_counters(ahead->counts, in_step->counts)) << "trial " << trial;
        EXPECT_TRUE(same_counters(ahead->gemm, in_step->gemm)) << "trial " << trial;
    }
    EXPECT_GT(compared, 300);
}

/// 4 x 8 units, buffers for everything, and a DRAM whose only time is that of the data.
Case roomy_case(std::int64_t burst_ps) {
    Case c;
    c.config = small_hardware();
    c.config.buffers = {64, 64, 64, true};
    c.config.memory_interface.bus_bits = 1024;
    c.config.memory_interface.burst_beats = 1;
    c.config.interconnect = {65536, 1};
    c.config.dram = models::DramConfig{};
    c.config.dram.atom_bits = 256;
    c.config.dram.t_burst_ps = burst_ps;
    c.config.dram.t_ccd_s_ps = c.config.dram.t_ccd_l_ps = burst_ps;
    c.has_values = false;
    return c;
}

TEST(SlowPlatformProperties, WithAFastDramEachClusterIsAsFastAsIfAlone) {
    for (const auto split : {models::ClusterSplit::output_channels, models::ClusterSplit::tokens}) {
        Case part = roomy_case(1);
        part.m = 32, part.n = 64, part.k = 256;
        const std::optional<Figures> alone = run(part);
        ASSERT_TRUE(alone);
        EXPECT_LT(alone->gemm.stall_dram, alone->gemm.cycles / 20) << "not bound by compute";
        for (const int clusters : {2, 4, 8}) {
            Case all = part;
            all.config.clusters = clusters;
            all.config.cluster_split = split;
            (split == models::ClusterSplit::tokens ? all.m : all.n) *= clusters;
            const std::optional<Figures> together = run(all);
            ASSERT_TRUE(together);
            EXPECT_GE(together->gemm.cycles, alone->gemm.cycles);
            EXPECT_LE(together->gemm.cycles, alone->gemm.cycles + alone->gemm.cycles / 50);
            EXPECT_EQ(together->gemm.busy, alone->gemm.busy);
        }
    }
}

TEST(SlowPlatformProperties, WithASlowDramMoreClustersAreNoFasterThanItsPeak) {
    Case c = roomy_case(16000);  // 16 bits a cycle
    c.m = 4, c.n = 512, c.k = 512;
    for (const int clusters : {1, 2, 4, 8}) {
        c.config.clusters = clusters;
        const std::optional<Figures> figures = run(c);
        ASSERT_TRUE(figures);
        const std::uint64_t bits =
            figures->counts.dram.read_bits + figures->counts.dram.written_bits;
        EXPECT_GE(figures->gemm.cycles, bits / 16);
        EXPECT_LE(figures->gemm.cycles, bits / 16 + bits / 160) << clusters << " clusters";
        // Weights are read once, and all activations by each cluster.
        EXPECT_EQ(figures->counts.traffic[0].payload_bits, std::uint64_t{512} * 512 * 6);
        EXPECT_EQ(figures->counts.traffic[1].payload_bits,
                  static_cast<std::uint64_t>(clusters) * 4 * 512 * 5);
    }
}

}  // namespace
}  // namespace axesim::sim
