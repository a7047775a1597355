// SPDX-License-Identifier: Apache-2.0
// Rates of the bit-true integer GEMM, in multiply-accumulates a second on one core, beside those
// of OpenBLAS on floats of the same shape.
#include <benchmark/benchmark.h>
#include <omp.h>

#include "bench/gaussian_codes.h"

namespace {

using axesim::Matrix;
using axesim::OverflowMode;
using axesim::bench::certify;
using axesim::bench::gaussian_codes;
using axesim::bench::Shape;
using axesim::models::AccumulatorObservation;
using axesim::models::GemmFormat;
using axesim::models::PreparedWeights;

void run(benchmark::State& state, const Shape& shape, const GemmFormat& format, bool certified) {
    omp_set_num_threads(1);
    auto weights = gaussian_codes<std::int16_t>(shape.channels, shape.depth, format.weights, 1);
    if (certified) certify(weights, format);
    const auto x = gaussian_codes<std::int32_t>(shape.tokens, shape.depth, format.activations, 2);
    const PreparedWeights prepared(weights, format);
    Matrix<std::int64_t> y;
    AccumulatorObservation seen;
    for (auto _ : state) {
        seen = prepared.multiply(x, y);
        benchmark::DoNotOptimize(y.data());
    }
    state.counters["GMAC/s"] =
        benchmark::Counter(shape.macs() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["certified"] = prepared.overflow_free() ? 1 : 0;
    state.counters["events/MMAC"] =
        static_cast<double>(seen.inner_events + seen.outer_events) / (shape.macs() * 1e-6);
}

void run_sgemm(benchmark::State& state, const Shape& shape) {
    omp_set_num_threads(1);
    const Matrix<float> x = Matrix<float>::Random(shape.tokens, shape.depth);
    const Matrix<float> w = Matrix<float>::Random(shape.channels, shape.depth);
    Matrix<float> y(shape.tokens, shape.channels);
    for (auto _ : state) {
        y.noalias() = x * w.transpose();
        benchmark::DoNotOptimize(y.data());
    }
    state.counters["GMAC/s"] =
        benchmark::Counter(shape.macs() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

constexpr Shape kPrefill{512, 576, 1536};
constexpr Shape kPrefillDeep{512, 1536, 576};
constexpr Shape kDecode{1, 576, 1536};

GemmFormat format(int bits, int inner_bits, std::int64_t tile,
                  OverflowMode mode = OverflowMode::saturate) {
    return {axesim::signed_range(bits), axesim::unsigned_range(bits), {inner_bits, tile, 0, mode}};
}

const GemmFormat kW6A6 = format(6, 16, 64);
const GemmFormat kInt8 = format(8, 32, 0);

BENCHMARK_CAPTURE(run_sgemm, prefill, kPrefill);
BENCHMARK_CAPTURE(run_sgemm, prefill_deep, kPrefillDeep);
BENCHMARK_CAPTURE(run_sgemm, decode, kDecode);
BENCHMARK_CAPTURE(run, certified_w6a6_p16_t64, kPrefill, kW6A6, true);
BENCHMARK_CAPTURE(run, certified_w6a6_p16_t64_deep, kPrefillDeep, kW6A6, true);
BENCHMARK_CAPTURE(run, certified_w6a6_p16_t16, kPrefill, format(6, 16, 16), true);
BENCHMARK_CAPTURE(run, monolithic_int8, kPrefill, kInt8, false);
BENCHMARK_CAPTURE(run, monolithic_int8_deep, kPrefillDeep, kInt8, false);
BENCHMARK_CAPTURE(run, naive_w6a6_p16_t64, kPrefill, kW6A6, false);
BENCHMARK_CAPTURE(run, naive_w6a6_p16_monolithic, kPrefill, format(6, 16, 0), false);
BENCHMARK_CAPTURE(run, naive_w8a8_p20_monolithic, kPrefill, format(8, 20, 0), false);
BENCHMARK_CAPTURE(run, naive_w8a8_p16_t64_wrap, kPrefill, format(8, 16, 64, OverflowMode::wrap),
                  false);
BENCHMARK_CAPTURE(run, saturating_w6a6_p12_t64, kPrefill, format(6, 12, 64), false);
BENCHMARK_CAPTURE(run, wide_w16a16_p48, kPrefill, format(16, 48, 0), false);
BENCHMARK_CAPTURE(run, saturating_w16a16_p34, kPrefill, format(16, 34, 0), false);
BENCHMARK_CAPTURE(run, decode_certified_w6a6_p16_t64, kDecode, kW6A6, true);

}  // namespace

BENCHMARK_MAIN();
