// SPDX-License-Identifier: Apache-2.0
// Rates of the bit-true integer GEMM, in multiply-accumulates a second on one core, beside those
// of OpenBLAS on floats of the same shape.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "models/compute/gemm.h"

namespace {

using axesim::IntegerRange;
using axesim::Matrix;
using axesim::OverflowMode;
using axesim::models::AccumulatorObservation;
using axesim::models::GemmFormat;
using axesim::models::PreparedWeights;

struct Shape {
    std::int64_t tokens, depth, channels;
    double macs() const {
        return static_cast<double>(tokens) * static_cast<double>(depth) *
               static_cast<double>(channels);
    }
};

/// Codes as round-to-nearest with an absmax step makes them: 3.5 sigma at the end of the range.
template <class T>
Matrix<T> gaussian_codes(std::int64_t rows, std::int64_t columns, const IntegerRange& range,
                         unsigned seed) {
    std::mt19937 generator(seed);
    const double middle = 0.5 * static_cast<double>(range.min + range.max);
    const double sigma = static_cast<double>(range.max - range.min) / 7;
    std::normal_distribution<double> distribution(middle, sigma);
    Matrix<T> codes(rows, columns);
    for (std::int64_t i = 0; i < codes.size(); ++i) {
        const auto code = static_cast<std::int64_t>(std::nearbyint(distribution(generator)));
        codes.data()[i] = static_cast<T>(std::clamp(code, range.min, range.max));
    }
    return codes;
}

/// Scales codes towards zero until no tile can overflow, as an accumulator-aware quantizer would
/// have made them.
void certify(Matrix<std::int16_t>& weights, const GemmFormat& format) {
    while (!PreparedWeights(weights, format).overflow_free()) {
        for (std::int64_t i = 0; i < weights.size(); ++i) {
            weights.data()[i] = static_cast<std::int16_t>(weights.data()[i] * 7 / 8);
        }
    }
}

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
