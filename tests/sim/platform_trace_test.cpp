// SPDX-License-Identifier: Apache-2.0
// What the hardware tells an observer, against its own counters, which are kept apart from it.
#include <gtest/gtest.h>

#include <map>

#include "models/trace.h"
#include "sim/platform.h"
#include "tests/sim/small_hardware.h"

namespace axesim::sim {
namespace {

using models::ArrayState;
using models::DramCommandKind;
using models::HardwareConfig;
using models::Stream;
using models::TraceInterval;

/// Sums of everything; notes intervals of one track that overlap.
class Observer : public models::TraceSink {
public:
    std::map<ArrayState, std::int64_t> array_ps;
    std::int64_t vector_ps = 0;
    std::map<Stream, std::uint64_t> moved_bits, payload_bits;
    std::map<Stream, std::size_t> most_slots;
    std::map<DramCommandKind, std::uint64_t> commands;
    int overlaps = 0;
    std::uint64_t events = 0;

    void array(int cluster, ArrayState state, TraceInterval when) override {
        array_ps[state] += when.end_ps - when.begin_ps;
        follow(cluster, "array", when);
    }
    void vector_unit(int cluster, models::VectorTask, TraceInterval when) override {
        vector_ps += when.end_ps - when.begin_ps;
        follow(cluster, "vector unit", when);
    }
    void transfer(int cluster, const models::TransferTrace& transfer, TraceInterval when) override {
        moved_bits[transfer.stream] += transfer.moved_bits;
        payload_bits[transfer.stream] += transfer.metadata ? 0 : transfer.payload_bits;
        follow(cluster, "stream " + std::to_string(static_cast<int>(transfer.stream)), when);
    }
    void buffer(int, Stream of, std::size_t slots_in_use, std::int64_t) override {
        most_slots[of] = std::max(most_slots[of], slots_in_use);
        ++events;
    }
    void dram(int, const models::DramCommand& command) override {
        ++commands[command.kind];
        ++events;
    }

private:
    void follow(int cluster, const std::string& unit, TraceInterval when) {
        const std::string track = std::to_string(cluster) + ": " + unit;
        ++events;
        EXPECT_LT(when.begin_ps, when.end_ps) << track;
        if (when.begin_ps < ends_[track]) ++overlaps;
        ends_[track] = when.end_ps;
    }

    std::map<std::string, std::int64_t> ends_;
};

struct Watched {
    models::CycleCounts cycles;
    models::Counts counts;
};

/// A quantization pass and a product, both observed unless `sink` is null.
Watched run(const HardwareConfig& config, Index m, Index n, Index k, models::TraceSink* sink) {
    models::set_simulation_resolution();
    Platform platform("platform", config,
                      {.weight_bytes = Platform::weight_bytes(n, k, config, config),
                       .max_tokens = m,
                       .max_depth = k,
                       .max_outputs = n,
                       .has_values = false});
    platform.trace_to(sink);
    Watched watched;
    platform.run([&] {
        const auto weights = platform.reserve_weights(n, k, config, false);
        Matrix<float> input = Matrix<float>::Zero(m, k), outputs;
        const auto activations = platform.quantize(input, nullptr, {}, config);
        platform.multiply(weights, activations, config, outputs);
    });
    watched.counts = platform.counts();
    watched.cycles = watched.counts.cycles;
    return watched;
}

void expect_the_counters(const HardwareConfig& config, Index m, Index n, Index k) {
    Observer seen;
    const Watched watched = run(config, m, n, k, &seen);
    const auto cycles = [&](ArrayState state) {
        return static_cast<std::uint64_t>(seen.array_ps[state]) / 1000;  // 1 GHz
    };
    EXPECT_EQ(cycles(ArrayState::busy), watched.cycles.busy);
    EXPECT_EQ(cycles(ArrayState::fill_drain), watched.cycles.fill_drain);
    EXPECT_EQ(cycles(ArrayState::stall_dram), watched.cycles.stall_dram);
    EXPECT_EQ(cycles(ArrayState::stall_buffer), watched.cycles.stall_buffer);
    EXPECT_EQ(cycles(ArrayState::stall_vector), watched.cycles.stall_vector);
    EXPECT_GE(seen.vector_ps / 1000 * config.vector_lanes(),
              static_cast<std::int64_t>(watched.counts.compute.vector_steps));
    for (const Stream stream : models::kStreams) {
        const models::TrafficCounts& traffic =
            watched.counts.traffic[static_cast<std::size_t>(stream)];
        EXPECT_EQ(seen.moved_bits[stream], traffic.transferred_bits);
        // What lay in a burst that another run brought is not told.
        if (config.memory_interface.transfers != models::TransferPolicy::coalesced) {
            EXPECT_EQ(seen.payload_bits[stream], traffic.payload_bits);
        }
    }
    const auto atom = static_cast<std::uint64_t>(config.dram.atom_bits);
    EXPECT_EQ(seen.commands[DramCommandKind::read] * atom, watched.counts.dram.read_bits);
    EXPECT_EQ(seen.commands[DramCommandKind::write] * atom, watched.counts.dram.written_bits);
    EXPECT_EQ(seen.commands[DramCommandKind::activate], watched.counts.dram.activates);
    EXPECT_EQ(seen.commands[DramCommandKind::refresh], watched.counts.dram.refreshes);
    EXPECT_EQ(seen.most_slots[Stream::weights], 2U);
    EXPECT_EQ(seen.overlaps, 0);
}

TEST(PlatformTrace, OutputStationary) { expect_the_counters(small_hardware(), 37, 45, 100); }

TEST(PlatformTrace, WeightStationary) {
    HardwareConfig config = small_hardware();
    config.dataflow = models::Dataflow::weight_stationary;
    config.buffers.outputs_kib = 8;
    expect_the_counters(config, 37, 45, 100);
}

TEST(PlatformTrace, WaitsForPortsAndLanes) {
    HardwareConfig config = small_hardware();
    config.buffers.ports = 1;
    config.buffers.weights_word_bits = 16;
    config.vector_unit.lanes = 1;
    config.dram.channels = 4;
    expect_the_counters(config, 37, 45, 100);
}

TEST(PlatformTrace, DepthInChunks) {
    HardwareConfig config = small_hardware();
    config.mapping = {.tokens = 4, .outputs = 8, .depth = 32};
    config.dram.policy.scheduling = models::DramScheduling::fr_fcfs;
    config.dram.policy.page = models::DramPagePolicy::closed;
    expect_the_counters(config, 12, 24, 200);
}

TEST(PlatformTrace, TransfersThatShareBursts) {
    HardwareConfig config = small_hardware();
    config.mapping = {.tokens = 4, .outputs = 8, .depth = 32};
    config.memory_interface.transfers = models::TransferPolicy::coalesced;
    expect_the_counters(config, 12, 24, 200);
}

TEST(PlatformTrace, ObservingChangesNothing) {
    // SystemC has one kernel a process, so that the run without an observer is the other half of
    // this: the same design with an observer that is taken away again.
    const HardwareConfig config = small_hardware();
    Observer seen;
    models::set_simulation_resolution();
    Platform platform("platform", config,
                      {.weight_bytes = Platform::weight_bytes(64, 512, config, config),
                       .max_tokens = 8,
                       .max_depth = 512,
                       .max_outputs = 64,
                       .has_values = false});
    std::vector<models::CycleCounts> cycles;
    std::vector<std::uint64_t> events;
    platform.run([&] {
        const auto weights = platform.reserve_weights(64, 512, config, false);
        Matrix<float> input = Matrix<float>::Zero(8, 512), outputs;
        for (int i = 0; i < 6; ++i) {
            platform.trace_to(i % 2 == 0 ? &seen : nullptr);
            const std::uint64_t before = seen.events;
            const auto activations = platform.quantize(input, nullptr, {}, config);
            cycles.push_back(platform.multiply(weights, activations, config, outputs).cycles);
            events.push_back(seen.events - before);
        }
    });
    for (std::size_t i = 0; i < cycles.size(); ++i) {
        EXPECT_EQ(events[i] > 0, i % 2 == 0);
        EXPECT_EQ(cycles[i].busy, cycles[0].busy);
        // Refreshes come at other moments of each run.
        EXPECT_NEAR(static_cast<double>(cycles[i].cycles), static_cast<double>(cycles[0].cycles),
                    0.05 * static_cast<double>(cycles[0].cycles));
    }
}

}  // namespace
}  // namespace axesim::sim
