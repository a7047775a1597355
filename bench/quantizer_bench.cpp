// SPDX-License-Identifier: Apache-2.0
// Where the time of the quantizer goes, on the shapes of a SmolLM2-135M block: seconds of one
// matrix by stage, on all threads. Two factors tell how a stage grows: the depth 576 or 1536.
#include <benchmark/benchmark.h>

#include <random>

#include "quant/feedback.h"
#include "quant/moments.h"
#include "quant/quantizer.h"

namespace {

using namespace axesim;
using namespace axesim::quant;

constexpr Index kSamples = 8192;  // 16 x 512 tokens

/// Inputs with a few outlier channels, as a Llama layer has them.
Matrix<float> inputs(Index samples, Index depth) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    Matrix<float> x(samples, depth);
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = normal(random);
    for (Index k = 0; k < depth; k += 97) x.col(k) *= 12.0F;
    return x;
}

Matrix<double> weights(Index channels, Index depth) {
    std::mt19937 random(2);
    std::student_t_distribution<double> heavy_tailed(5.0);
    Matrix<double> w(channels, depth);
    for (Index i = 0; i < w.size(); ++i) w.data()[i] = 0.02 * heavy_tailed(random);
    return w;
}

LinearFormat format() {
    AccumulatorFormat accumulator;
    accumulator.inner_bits = 16;
    accumulator.tile_size = 128;
    return {.weight_bits = 4,
            .weights = signed_range(4),
            .activations = unsigned_range(8),
            .accumulator = accumulator};
}

void moments(benchmark::State& state) {
    const Matrix<float> x = inputs(kSamples, state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(input_moments(x).h.data());
}

/// Those of GPFQ, which compares two inputs.
void gpfq_moments(benchmark::State& state) {
    const Matrix<float> quantized = inputs(kSamples, state.range(0));
    const Matrix<float> original = quantized.array() + 0.01F;
    QuantizerConfig config;
    config.algorithm = Algorithm::gpfq;
    for (auto _ : state) {
        benchmark::DoNotOptimize(input_moments(quantized, &original, config).past.data());
    }
}

void feedback(benchmark::State& state, Algorithm algorithm) {
    InputMoments of_inputs = input_moments(inputs(kSamples, state.range(0)));
    QuantizerConfig config;
    config.algorithm = algorithm;
    for (auto _ : state) {
        const Feedback made = make_feedback(of_inputs, state.range(0), config, true);
        benchmark::DoNotOptimize(made.gain.at(0).data());
    }
}

/// Everything after the moments: feedback, rounding, and what the config adds.
void whole(benchmark::State& state, const QuantizerConfig& config) {
    const Index depth = state.range(0);
    const InputMoments of_inputs = input_moments(inputs(kSamples, depth));
    const Matrix<double> w = weights(576, depth);
    for (auto _ : state) {
        const QuantizedLinear result = quantize_linear("layer", w, of_inputs, format(), config);
        benchmark::DoNotOptimize(result.codes.data());
    }
}

QuantizerConfig configured(Algorithm algorithm, AccumulatorAware aware, bool step_search,
                           int refine_sweeps) {
    QuantizerConfig config;
    config.algorithm = algorithm;
    config.accumulator_aware = aware;
    config.step_search = step_search;
    config.refine_sweeps = refine_sweeps;
    return config;
}

constexpr Index kShallow = 576, kDeep = 1536;

void depths(benchmark::internal::Benchmark* benchmark) {
    benchmark->Arg(kShallow)->Arg(kDeep)->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(moments)->Apply(depths);
BENCHMARK(gpfq_moments)->Apply(depths);
BENCHMARK_CAPTURE(feedback, gpfq, Algorithm::gpfq)->Apply(depths);
BENCHMARK_CAPTURE(feedback, optq, Algorithm::optq)->Apply(depths);
BENCHMARK_CAPTURE(whole, round,
                  configured(Algorithm::naive_round, AccumulatorAware::none, false, 0))
    ->Apply(depths);
BENCHMARK_CAPTURE(whole, gpfq_axe, configured(Algorithm::gpfq, AccumulatorAware::axe, false, 0))
    ->Apply(depths);
BENCHMARK_CAPTURE(whole, optq, configured(Algorithm::optq, AccumulatorAware::none, false, 0))
    ->Apply(depths);
BENCHMARK_CAPTURE(whole, optq_axe, configured(Algorithm::optq, AccumulatorAware::axe, false, 0))
    ->Apply(depths);
BENCHMARK_CAPTURE(whole, optq_axe_refined,
                  configured(Algorithm::optq, AccumulatorAware::axe, false, 10))
    ->Apply(depths);
BENCHMARK_CAPTURE(whole, optq_axe_searched,
                  configured(Algorithm::optq, AccumulatorAware::axe, true, 10))
    ->Apply(depths);

}  // namespace

BENCHMARK_MAIN();
