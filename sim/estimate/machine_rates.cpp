// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/machine_rates.h"

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <vector>

#include "common/parallel.h"
#include "common/rounding.h"
#include "common/stopwatch.h"
#include "models/simulation_clock.h"
#include "quant/layer_inputs.h"
#include "quant/moments.h"
#include "sim/calibration_text.h"
#include "sim/config/attention_formats.h"
#include "sim/estimate/work_plan.h"
#include "sim/layer_configs.h"
#include "sim/platform.h"
#include "workloads/scoring.h"

namespace axesim::sim {

namespace {

using workloads::LinearId;
using workloads::LinearKind;

// Sizes of what is tried: large enough for the rates of the real thing, small enough to be done
// soon.
constexpr Index kRows = 128, kChannels = 256, kMostDepth = 512, kVocabulary = 8192;
constexpr int kRepeats = 5;

/// What the machine needs for, by name.
constexpr std::array<std::pair<const char*, double MachineRates::*>, 10> kRates{{
    {"dram_byte", &MachineRates::dram_byte},
    {"gemm", &MachineRates::gemm},
    {"mac", &MachineRates::mac},
    {"vector_value", &MachineRates::vector_value},
    {"float_mac", &MachineRates::float_mac},
    {"weight", &MachineRates::weight},
    {"moment_mac", &MachineRates::moment_mac},
    {"factor_mac", &MachineRates::factor_mac},
    {"rounding_mac", &MachineRates::rounding_mac},
    {"logit", &MachineRates::logit},
}};

Matrix<float> random_matrix(Index rows, Index columns) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    Matrix<float> matrix(rows, columns);
    for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = normal(generator);
    return matrix;
}

struct Timing {
    double least = 0, middle = 0;  ///< s
};

/// Of some repetitions after one that warms up. Not the slowest: of work this short, one that the
/// system interrupts may take a thousand times as long.
Timing time_of(const std::function<void()>& work) {
    work();
    std::array<double, kRepeats> seconds{};
    for (double& one : seconds) {
        const Stopwatch stopwatch;
        work();
        one = stopwatch.seconds();
    }
    std::ranges::sort(seconds);
    return {seconds.front(), seconds[kRepeats / 2]};
}

double per(double seconds, double count) { return std::max(0.0, seconds) / count; }

/// A layer to try: the first of the model, with fewer channels and inputs.
struct Sample {
    LinearId id{0, LinearKind::q_proj};
    LayerConfig config;
    Index depth = 0;
};

void measure_host(const Sample& sample, const workloads::LlamaWeights& weights,
                  quant::QuantizedLinear& codes, MachineRates& rates) {
    const Index depth = sample.depth;
    const Matrix<float> x = random_matrix(kMostDepth, depth);
    const Matrix<float> w = random_matrix(kChannels, depth);
    Matrix<float> y;
    const double macs = static_cast<double>(x.rows()) * static_cast<double>(w.size());
    rates.float_mac = per(time_of([&] { multiply_transposed(x, w, y); }).least, macs);
    Matrix<float> read;
    const double reading = time_of([&] { read = weights.linear({0, LinearKind::k_proj}); }).least;
    rates.weight = per(reading, static_cast<double>(read.size()));

    const auto k = static_cast<double>(depth);
    Stopwatch stopwatch;
    const quant::QuantizerConfig& quantizer = sample.config.quantizer;
    const bool two = compares_inputs(sample.config);
    quant::InputMoments moments = quant::input_moments(x, two ? &x : nullptr, quantizer);
    rates.moment_mac =
        per(stopwatch.seconds(), (two ? 2 : 1) * static_cast<double>(x.rows()) * k * k);
    moments.means = x.colwise().mean().cast<double>();
    stopwatch.restart();
    const quant::LayerInputs inputs("sample", depth, std::move(moments), quantizer);
    rates.factor_mac = per(stopwatch.seconds(), k * k * k);
    stopwatch.restart();
    codes = quant::quantize_linear("sample", w.cast<double>(), inputs,
                                   linear_format(sample.config.format), quantizer);
    rates.rounding_mac = per(stopwatch.seconds(),
                             static_cast<double>(w.size()) * (works_on_moments(quantizer) ? k : 1));

    const Matrix<float> logits = random_matrix(4, kVocabulary);
    const std::vector<workloads::TokenId> targets(4, 0);
    workloads::ComparedScore score;
    rates.logit = per(time_of([&] { score.add(logits, logits, targets); }).least,
                      static_cast<double>(logits.size()));
}

/// A layer's weights on the platform, and what products with them take.
class PlatformProbe {
public:
    PlatformProbe(Platform& platform, const Sample& sample, const quant::QuantizedLinear& codes)
        : platform_(platform), format_(sample.config.format) {
        weights_ = platform.has_values()
                       ? platform.store_weights(codes.codes, codes.step, format_, codes.tile_scales,
                                                codes.bias)
                       : platform.reserve_weights(kChannels, sample.depth, format_,
                                                  sample.config.quantizer.bias_correction);
    }

    void measure(MachineRates& rates) {
        const Index depth = weights_.columns;
        const Matrix<float> many = random_matrix(kRows, depth), one = random_matrix(1, depth);
        const auto planned = [&](Index rows, Index channels, Index k) {
            return plan_gemm({rows, channels, k}, format_.weight_bits, format_.activations.bits,
                             format_.accumulator, platform_.config());
        };
        // A product of one token is all traffic, one with a small part of the weights mostly what
        // each product costs by itself; with many tokens values come on top.
        models::OperandRef few = weights_;
        few.rows = std::min<Index>(weights_.rows, platform_.config().array.columns);
        const PlannedGemm stream = planned(1, weights_.rows, depth);
        const PlannedGemm small = planned(1, few.rows, depth);
        const models::OperandRef token = quantized(one);
        const Timing streaming = time_of([&] { multiply(weights_, token); });
        const double least = time_of([&] { multiply(few, token); }).least;
        rates.spread = std::max(1.0, streaming.middle / streaming.least);
        const double traffic = stream.dram_bytes - small.dram_bytes;
        rates.dram_byte = traffic > 0 ? per(streaming.least - least, traffic)
                                      : per(streaming.least, stream.dram_bytes);
        rates.gemm = std::max(0.0, least - rates.dram_byte * small.dram_bytes);
        if (!platform_.has_values()) return;
        const double values = static_cast<double>(many.size());
        const double quantizing = time_of([&] { quantized(many); }).least;
        rates.vector_value =
            per(quantizing - rates.dram_byte * values * format_.activations.bits / 8, values);
        const models::OperandRef tokens = quantized(many);
        const PlannedGemm dense = planned(kRows, weights_.rows, depth);
        const double multiplying = time_of([&] { multiply(weights_, tokens); }).least;
        rates.mac =
            per(multiplying - rates.gemm - rates.dram_byte * dense.dram_bytes, dense.macs());
    }

private:
    models::OperandRef quantized(const Matrix<float>& input) {
        const std::vector<models::StaticRange> ranges(
            format_.activations.granularity == models::ActivationGranularity::per_tensor
                ? static_cast<std::size_t>(input.rows())
                : 0,
            models::StaticRange{-4, 4});
        return platform_.quantize(input, nullptr, ranges, format_);
    }
    void multiply(const models::OperandRef& weights, const models::OperandRef& activations) {
        platform_.multiply(weights, activations, format_, outputs_);
    }

    Platform& platform_;
    const models::LayerFormat format_;
    models::OperandRef weights_;
    Matrix<float> outputs_;
};

}  // namespace

nlohmann::ordered_json rates_json(const MachineRates& rates) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [name, rate] : kRates) json[name] = rates.*rate;
    json["spread"] = rates.spread;
    return json;
}

MachineRates rates_from(const nlohmann::ordered_json& json) {
    MachineRates rates;
    for (const auto& [name, rate] : kRates) rates.*rate = json.at(name);
    rates.spread = json.at("spread");
    return rates;
}

MachineRates mean_of(const std::vector<MachineRates>& rates) {
    MachineRates mean;
    for (const MachineRates& one : rates) {
        for (const auto& [name, rate] : kRates) {
            mean.*rate += one.*rate / static_cast<double>(rates.size());
        }
        mean.spread = std::max(mean.spread, one.spread);
    }
    return mean;
}

MachineRates measure_rates(const Config& config, const workloads::LoadedModel& model,
                           const QuantizedModel& sizes, bool has_values) {
    MachineRates rates;
    Sample sample;
    sample.config = layer_configs(config, model.weights->shape()).at(sample.id);
    sample.depth = std::min(sizes.layers.at(sample.id).depth, kMostDepth);
    quant::QuantizedLinear codes;
    if (has_values) measure_host(sample, *sizes.equalized.weights, codes, rates);

    models::set_simulation_resolution();
    const models::HardwareConfig hardware = built_hardware(config, sizes);
    PlatformSize size;
    size.has_values = has_values;
    size.measures_activity = config.energy.is_measured();
    size.max_tokens = kRows;
    size.max_depth = sample.depth;
    size.max_outputs = kChannels;
    size.weight_bytes = Platform::weight_bytes(kChannels, sample.depth, sample.config.format,
                                               hardware, sample.config.quantizer.bias_correction);
    Platform platform("probe", hardware, size);
    platform.run([&] { PlatformProbe(platform, sample, codes).measure(rates); });
    return rates;
}

}  // namespace axesim::sim
