// SPDX-License-Identifier: Apache-2.0
// Rates of whole simulated layers: values are quantized, packed, moved through the DRAM's timing
// and the buffers, multiplied bit by bit, scaled back and read; beside them the integer GEMM of
// oneDNN and its float GEMM on the same shapes. Multiply-accumulates a second, on one core.
//
// SystemC has one kernel a process: all benchmarks run on one design point, those of narrower
// accumulators as narrower layers of it. --buffers_kib=N gives that design's operands N KiB each,
// and results a quarter: with larger buffers the DRAM, whose transfers are simulated beside the
// products, is read fewer times.
#include <benchmark/benchmark.h>
#include <dnnl.h>
#include <omp.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/gaussian_codes.h"
#include "sim/config/config.h"
#include "sim/platform.h"

namespace {

using namespace axesim;
using bench::Shape;

struct Named {
    const char* name;
    Shape shape;
};
constexpr Named kShapes[] = {
    {"smollm2_q_proj", {512, 576, 576}},         {"smollm2_up_proj", {512, 576, 1536}},
    {"smollm2_down_proj", {512, 1536, 576}},     {"llama_3_8b_q_proj", {512, 4096, 4096}},
    {"llama_3_8b_k_proj", {512, 4096, 1024}},    {"llama_3_8b_up_proj", {512, 4096, 14336}},
    {"llama_3_8b_down_proj", {512, 14336, 4096}}};

/// What keeps an accumulator from overflowing, or does not.
struct Case {
    const char* name;
    int inner_bits;
    bool certified;
};
constexpr Case kCases[] = {
    {"certified_p16", 16, true}, {"uncertified_p16", 16, false}, {"saturating_p12", 12, false}};

void count_macs(benchmark::State& state, const Shape& shape) {
    state.counters["GMAC/s"] =
        benchmark::Counter(shape.macs() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

/// A layer whose weights lie in the platform's DRAM, from the first time it runs on.
class Layer {
public:
    Layer(sim::Platform& platform, const Shape& shape, const Case& layer)
        : platform_(platform), shape_(shape), case_(layer), format_(platform.config()) {
        format_.accumulator.inner_bits = layer.inner_bits;
    }

    void run(benchmark::State& state) {
        if (!weights_) store_weights();
        const Matrix<float> input = bench::gaussian_codes<std::int32_t>(
                                        shape_.tokens, shape_.depth, format_.activations.codes(), 2)
                                        .cast<float>();
        Matrix<float> output;
        std::uint64_t events = 0;
        for (auto _ : state) {
            const auto x = platform_.quantize(input, nullptr, {}, format_);
            events = platform_.multiply(*weights_, x, format_, output).observed.inner_events;
            benchmark::DoNotOptimize(output.data());
        }
        count_macs(state, shape_);
        state.counters["events/MMAC"] = static_cast<double>(events) / (shape_.macs() * 1e-6);
    }

private:
    void store_weights() {
        auto codes = bench::gaussian_codes<std::int16_t>(shape_.channels, shape_.depth,
                                                         format_.weight_codes(), 1);
        if (case_.certified) bench::certify(codes, format_.gemm());
        const std::vector<double> steps(static_cast<std::size_t>(shape_.channels), 0.01);
        weights_ = platform_.store_weights(codes, steps, format_);
    }

    sim::Platform& platform_;
    const Shape shape_;
    const Case case_;
    models::LayerFormat format_;
    std::optional<models::OperandRef> weights_;
};

void onednn_s8(benchmark::State& state, const Shape& shape) {
    const auto x = bench::gaussian_codes<std::int8_t>(shape.tokens, shape.depth, {-128, 127}, 1);
    const auto w = bench::gaussian_codes<std::int8_t>(shape.channels, shape.depth, {-128, 127}, 2);
    Matrix<std::int32_t> y(shape.tokens, shape.channels);
    const std::int32_t no_offset = 0;
    for (auto _ : state) {
        dnnl_gemm_s8s8s32('N', 'T', 'F', shape.tokens, shape.channels, shape.depth, 1.0F, x.data(),
                          shape.depth, 0, w.data(), shape.depth, 0, 0.0F, y.data(), shape.channels,
                          &no_offset);
        benchmark::DoNotOptimize(y.data());
    }
    count_macs(state, shape);
}

void onednn_float(benchmark::State& state, const Shape& shape) {
    const Matrix<float> x = Matrix<float>::Random(shape.tokens, shape.depth);
    const Matrix<float> w = Matrix<float>::Random(shape.channels, shape.depth);
    Matrix<float> y(shape.tokens, shape.channels);
    for (auto _ : state) {
        dnnl_sgemm('N', 'T', shape.tokens, shape.channels, shape.depth, 1.0F, x.data(), shape.depth,
                   w.data(), shape.depth, 0.0F, y.data(), shape.channels);
        benchmark::DoNotOptimize(y.data());
    }
    count_macs(state, shape);
}

/// int6_acc16, with other buffers if buffers_kib > 0.
models::HardwareConfig hardware(int buffers_kib) {
    std::vector<std::string> settings;
    if (buffers_kib > 0) {
        settings = {"hardware.buffers.weights_kib=" + std::to_string(buffers_kib),
                    "hardware.buffers.activations_kib=" + std::to_string(buffers_kib),
                    "hardware.buffers.outputs_kib=" + std::to_string(buffers_kib / 4)};
    }
    return sim::load_config(AXESIM_SOURCE_DIR "/configs/int6_acc16.yaml", settings).hardware;
}

/// N of an argument --buffers_kib=N, or 0.
int given_buffers_kib(int argc, char** argv) {
    const std::string option = "--buffers_kib=";
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with(option)) return std::stoi(argument.substr(option.size()));
    }
    return 0;
}

sim::PlatformSize size_of_all(const models::HardwareConfig& config) {
    sim::PlatformSize size;
    for (const auto& [name, shape] : kShapes) {
        size.max_tokens = std::max<Index>(size.max_tokens, shape.tokens);
        size.max_depth = std::max<Index>(size.max_depth, shape.depth);
        size.max_outputs = std::max<Index>(size.max_outputs, shape.channels);
        size.weight_bytes += std::size(kCases) * sim::Platform::weight_bytes(
                                                     shape.channels, shape.depth, config, config);
    }
    return size;
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
}

/// Every row of the table, shape by shape, so that what is compared runs side by side.
void run_all(sim::Platform& platform) {
    std::deque<Layer> layers;  // benchmarks refer to them
    for (const auto& [name, shape] : kShapes) {
        for (const Case& layer : kCases) {
            Layer& simulated = layers.emplace_back(platform, shape, layer);
            add(std::string(layer.name) + "/" + name,
                [&simulated](benchmark::State& state) { simulated.run(state); });
        }
        add(std::string("onednn_s8/") + name,
            [&shape = shape](benchmark::State& state) { onednn_s8(state, shape); });
        add(std::string("onednn_float/") + name,
            [&shape = shape](benchmark::State& state) { onednn_float(state, shape); });
    }
    benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

// The library of SystemC owns main().
int sc_main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    omp_set_num_threads(1);
    models::set_simulation_resolution();
    const models::HardwareConfig config = hardware(given_buffers_kib(argc, argv));
    sim::Platform platform("platform", config, size_of_all(config));
    platform.run([&] { run_all(platform); });
    return 0;
}
