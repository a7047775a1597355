// SPDX-License-Identifier: Apache-2.0
// Rates of the DRAM's timing model, in millions of atoms a second on one core.
#include <benchmark/benchmark.h>

#include <random>

#include "models/memory/dram_timing.h"
#include "sim/config/costs_files.h"

namespace {

using namespace axesim::models;

constexpr std::int64_t kAtoms = 1 << 20;

DramConfig device(const std::string& name, DramScheduling scheduling) {
    DramConfig config = axesim::sim::load_dram(name);
    config.policy.scheduling = scheduling;
    return config;
}

void count_atoms(benchmark::State& state) {
    state.counters["Matoms/s"] = benchmark::Counter(static_cast<double>(kAtoms) * 1e-6,
                                                    benchmark::Counter::kIsIterationInvariantRate);
}

/// Reads in requests of `atoms` each, one after the other.
void stream(benchmark::State& state, const char* name, std::int64_t atoms,
            DramScheduling scheduling) {
    DramChannelTiming channel(device(name, scheduling));
    std::int64_t arrival = 0;
    for (auto _ : state) {
        for (std::int64_t first = 0; first < kAtoms; first += atoms) {
            benchmark::DoNotOptimize(channel.transfer(first, atoms, false, arrival));
            arrival = channel.last_column_ps();
        }
    }
    count_atoms(state);
}

/// The same, each atom on its own: a trace wants every command.
void traced_stream(benchmark::State& state, DramScheduling scheduling) {
    DramChannelTiming channel(device("lpddr5_6400", scheduling));
    std::int64_t commands = 0;
    channel.trace_to([&](const DramCommand&) { ++commands; });
    for (auto _ : state) channel.transfer(0, kAtoms, false, channel.last_column_ps());
    benchmark::DoNotOptimize(commands);
    count_atoms(state);
}

void scattered_reads(benchmark::State& state) {
    DramChannelTiming channel(device("lpddr5_6400", DramScheduling::in_order));
    std::mt19937_64 random(1);
    for (auto _ : state) {
        for (std::int64_t i = 0; i < kAtoms; ++i) {
            const auto atom = static_cast<std::int64_t>(random() >> 40);
            benchmark::DoNotOptimize(
                channel.transfer(atom, 1, false, channel.last_column_ps() - 100'000));
        }
    }
    count_atoms(state);
}

BENCHMARK_CAPTURE(stream, lpddr5_long, "lpddr5_6400", kAtoms, DramScheduling::in_order);
BENCHMARK_CAPTURE(stream, lpddr5_1_kib, "lpddr5_6400", 32, DramScheduling::in_order);
BENCHMARK_CAPTURE(stream, lpddr5_4_kib, "lpddr5_6400", 128, DramScheduling::in_order);
BENCHMARK_CAPTURE(stream, lpddr5_long_fr_fcfs, "lpddr5_6400", kAtoms, DramScheduling::fr_fcfs);
BENCHMARK_CAPTURE(stream, ddr4_long, "ddr4_3200", kAtoms, DramScheduling::in_order);
BENCHMARK_CAPTURE(stream, hbm2e_long, "hbm2e_3200", kAtoms, DramScheduling::in_order);
BENCHMARK_CAPTURE(traced_stream, in_order, DramScheduling::in_order);
BENCHMARK_CAPTURE(traced_stream, fr_fcfs, DramScheduling::fr_fcfs);
BENCHMARK(scattered_reads);

}  // namespace

BENCHMARK_MAIN();
