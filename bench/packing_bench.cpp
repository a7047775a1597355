// SPDX-License-Identifier: Apache-2.0
// Rates of packing, unpacking and quantizing, in elements a second on one core.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cstring>
#include <vector>

#include "models/compute/activation_quantizer.h"
#include "models/memory/packing.h"

namespace {

using namespace axesim::models;

constexpr std::int64_t kElements = 1 << 16;

void count_elements(benchmark::State& state, double elements) {
    state.counters["Gelements/s"] =
        benchmark::Counter(elements * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void unpack_int16(benchmark::State& state, const PackingFormat& format) {
    std::vector<std::byte> memory(static_cast<std::size_t>(format.stream_bits(kElements) / 8 + 1));
    std::vector<std::int16_t> values(kElements);
    for (auto _ : state) {
        unpack(memory, 0, format, true, std::span(values));
        benchmark::DoNotOptimize(values.data());
    }
    count_elements(state, kElements);
}

void pack_int32(benchmark::State& state, const PackingFormat& format) {
    std::vector<std::byte> memory(static_cast<std::size_t>(format.stream_bits(kElements) / 8 + 1));
    const std::vector<std::int32_t> values(kElements, 21);
    for (auto _ : state) {
        pack(std::span(values), 0, format, memory);
        benchmark::DoNotOptimize(memory.data());
    }
    count_elements(state, kElements);
}

void quantize(benchmark::State& state, ActivationRange range) {
    omp_set_num_threads(1);
    const axesim::Matrix<float> x = axesim::Matrix<float>::Random(64, 1024);
    const ActivationFormat format{8, range};
    for (auto _ : state) {
        auto quantized = quantize_per_token(x, format);
        benchmark::DoNotOptimize(quantized.codes.data());
    }
    count_elements(state, static_cast<double>(x.size()));
}

/// What moving the same values takes at the least.
void copy_int16(benchmark::State& state) {
    const std::vector<std::int16_t> from(kElements, 21);
    std::vector<std::int16_t> to(kElements);
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), sizeof(std::int16_t) * kElements);
        benchmark::DoNotOptimize(to.data());
    }
    count_elements(state, kElements);
}

BENCHMARK(copy_int16);
BENCHMARK_CAPTURE(unpack_int16, packed_6_bits, {Layout::packed, 6});
BENCHMARK_CAPTURE(unpack_int16, packed_13_bits, {Layout::packed, 13});
BENCHMARK_CAPTURE(unpack_int16, padded_byte_6_bits, {Layout::padded_byte, 6});
BENCHMARK_CAPTURE(unpack_int16, aligned_fields_6_bits, {Layout::aligned_fields, 6, 64});
BENCHMARK_CAPTURE(pack_int32, packed_6_bits, {Layout::packed, 6});
BENCHMARK_CAPTURE(pack_int32, aligned_fields_6_bits, {Layout::aligned_fields, 6, 64});
BENCHMARK_CAPTURE(quantize, asymmetric_8_bits, ActivationRange::asymmetric);

}  // namespace

BENCHMARK_MAIN();
