// SPDX-License-Identifier: Apache-2.0
#include "sim/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "common/stopwatch.h"
#include "models/cost/costs.h"
#include "quant/bounds.h"
#include "sim/bit_width.h"
#include "sim/evaluate.h"
#include "sim/hardware_linear.h"
#include "sim/version.h"

namespace axesim::sim {

namespace {

double peak_rss_mib() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts in KiB
}

/// The outer accumulator that the hardware has: wide enough for the deepest layer.
int widest_outer_bits(const QuantizedModel& quantized) {
    int bits = 0;
    for (const auto& [id, layer] : quantized.layers) {
        bits = std::max(bits, layer.certificate.outer_bits);
    }
    return bits;
}

double seconds_of(const models::Counts& counts, const Config& config) {
    return static_cast<double>(counts.cycles.cycles) / (config.hardware.clock_mhz * 1e6);
}

void widen(IntegerRange& range, const IntegerRange& by) {
    range.min = std::min(range.min, by.min);
    range.max = std::max(range.max, by.max);
}

reports::Overflow overflow_of(const QuantizedModel& quantized, const LayerRecords& records,
                              const Config& config, int outer_bits) {
    reports::Overflow overflow;
    overflow.certified = quantized.certified();
    overflow.inner.bits = config.hardware.accumulator.inner_bits;
    overflow.outer.bits = outer_bits;
    for (const auto& [id, record] : records) {
        const quant::Certificate& certificate = quantized.layers.at(id).certificate;
        overflow.inner_events += record.observed.inner_events;
        overflow.outer_events += record.observed.outer_events;
        widen(overflow.inner.proven, certificate.inner);
        widen(overflow.outer.proven, certificate.outer);
        widen(overflow.inner.seen, record.observed.inner_seen);
        widen(overflow.outer.seen, record.observed.outer_seen);
        if (!overflow.first_place && record.observed.first_overflow) {
            overflow.first_layer = workloads::layer_name(id);
            overflow.first_place = record.observed.first_overflow;
        }
    }
    return overflow;
}

reports::Phase phase_of(const std::string& name, const PhaseRun& run, const Config& config,
                        int outer_bits) {
    reports::Phase phase{.name = name,
                         .tokens = run.tokens,
                         .batch = run.batch,
                         .seconds = seconds_of(run.counts, config),
                         .counts = run.counts,
                         .energy = {},
                         .energy_range = {}};
    phase.energy = models::energy(run.counts, phase.seconds, config.hardware, outer_bits,
                                  config.technology_table);
    phase.energy_range = models::energy_range(run.counts, phase.seconds, config.hardware,
                                              outer_bits, config.technology_table);
    return phase;
}

std::vector<reports::LayerResult> layers_of(const WorkloadRun& workload,
                                            const QuantizedModel& quantized, const Config& config,
                                            int outer_bits) {
    std::vector<reports::LayerResult> layers;
    for (const auto& [id, timed] : workload.prefill_layers) {
        const LayerRecord& seen = workload.evaluation.at(id);
        const QuantizedLayer& layer = quantized.layers.at(id);
        reports::LayerResult result;
        result.name = workloads::layer_name(id);
        result.kind = workloads::kind_name(id.kind);
        result.m = timed.shape.m;
        result.n = timed.shape.n;
        result.k = timed.shape.k;
        result.cycles = timed.counts.cycles.cycles;
        result.energy_j = models::energy(timed.counts, seconds_of(timed.counts, config),
                                         config.hardware, outer_bits, config.technology_table)
                              .total();
        if (seen.compared_values > 0) {
            result.rmse = std::sqrt(seen.error_sum / static_cast<double>(seen.compared_values));
            result.sqnr_db = 10.0 * std::log10(seen.reference_sum / seen.error_sum);
        }
        result.overflow_events = seen.observed.inner_events + seen.observed.outer_events;
        result.proven_inner = layer.certificate.inner;
        result.proven_outer = layer.certificate.outer;
        result.seen_inner = seen.observed.inner_seen;
        result.seen_outer = seen.observed.outer_seen;
        const models::ActivationFormat& activations = config.hardware.activations;
        result.inner_bits_needed = {
            quant::data_type_bits(config.hardware.accumulator.tile_length(result.k),
                                  config.hardware.weight_bits, activations.bits,
                                  activations.is_signed()),
            quant::l1_bits(layer.certificate.largest_tile_l1, activations.codes()),
            signed_bits_for(layer.certificate.inner)};
        result.outer_bits = layer.certificate.outer_bits;
        result.certified = layer.certificate.certified;
        result.fallback = layer.linear.fallback;
        result.mapping = timed.mapping.describe(timed.shape);
        layers.push_back(std::move(result));
    }
    return layers;
}

std::vector<std::pair<std::string, double>> named(const QuantizeSeconds& seconds) {
    return {{"equalization", seconds.equalization},
            {"moments", seconds.moments},
            {"factor", seconds.factor},
            {"rounding", seconds.rounding},
            {"refinement", seconds.refinement},
            {"checkpoints", seconds.checkpoints}};
}

/// Everything that happens between the linear layers, and what they share with it.
std::vector<std::string> what_is_not_counted() {
    return {"attention products QK^T and PV, and the KV cache's traffic",
            "softmax",
            "RMSNorm",
            "RoPE",
            "SwiGLU",
            "residual adds",
            "reading layer outputs back for these",
            "embedding",
            "lm_head (computed in float on the host)"};
}

}  // namespace

std::string describe_quantizer(const quant::QuantizerConfig& config) {
    using quant::AccumulatorAware;
    using quant::Algorithm;
    std::string text;
    switch (config.algorithm) {
        case Algorithm::naive_floor:
            text = "floor";
            break;
        case Algorithm::naive_round:
            text = "round to nearest";
            break;
        case Algorithm::gpfq:
            text = "GPFQ";
            break;
        case Algorithm::optq:
            text = "OPTQ";
            break;
        case Algorithm::qronos:
            text = "Qronos";
            break;
    }
    switch (config.accumulator_aware) {
        case AccumulatorAware::none:
            break;
        case AccumulatorAware::axe:
            text += " + AXE";
            break;
        case AccumulatorAware::ep_init:
            text += " + EP-init";
            break;
        case AccumulatorAware::bit_width:
            text += " + bit width";
            break;
    }
    if (config.step_search) text += " + step search";
    if (config.equalization == quant::Equalization::smoothquant) text += " + SmoothQuant";
    if (config.equalization == quant::Equalization::rotation) text += " + rotation";
    if (config.refine_sweeps > 0) text += " + refinement";
    return text;
}

Run run_design_point(const Config& requested, Progress& progress,
                     const std::filesystem::path& checkpoints) {
    const Stopwatch whole;
    Config config = requested;
    const workloads::LoadedModel model =
        workloads::load_model(workloads::find_model(config.workload.model));
    resolve_bit_width(config, model.weights->shape().deepest_input());
    const workloads::Text text = workloads::load_text(
        config.workload.evaluation.text, workloads::TextPurpose::evaluation, *model.tokenizer);
    require_enough_text(text, config);
    reports::Host host;
    host.stage_seconds.emplace_back("load", whole.seconds());

    Stopwatch stage;
    Run run;
    run.quantized = quantize_model(model, config, progress, checkpoints);
    host.stage_seconds.emplace_back("quantize", stage.seconds());
    host.quantize_seconds = named(run.quantized.seconds);

    stage.restart();
    const WorkloadRun workload = run_workload(model, run.quantized, text, config, progress);
    host.stage_seconds.emplace_back("simulate", workload.hardware_seconds);
    host.stage_seconds.emplace_back("float_reference", workload.float_seconds);
    host.stage_seconds.emplace_back("evaluate_total", stage.seconds());

    const int outer_bits = widest_outer_bits(run.quantized);
    reports::Result& result = run.result;
    result.name = config.name;
    result.model_name = model.weights->shape().name;
    result.config = config.resolved;
    result.hardware = config.hardware;
    result.quantizer = describe_quantizer(config.quantizer);
    result.technology = config.technology_table.name;
    result.profile = config.technology_table.profile;
    result.profile_source = config.technology_table.profile_source;
    result.provenance = {.version = version(),
                         .model_sha256 = run.quantized.model_sha256,
                         .text_sha256 = text.sha256,
                         .calibration_text_sha256 = run.quantized.calibration_text_sha256,
                         .seed = config.seed};
    result.accuracy = workload.accuracy;
    result.overflow = overflow_of(run.quantized, workload.evaluation, config, outer_bits);
    result.prefill = phase_of("prefill", workload.prefill, config, outer_bits);
    if (workload.decode) result.decode = phase_of("decode", *workload.decode, config, outer_bits);
    result.area = models::area(config.hardware, outer_bits, config.technology_table);
    result.area_range = models::area_range(config.hardware, outer_bits, config.technology_table);
    result.unit_costs = models::unit_costs(config.hardware, outer_bits, config.technology_table);
    result.layers = layers_of(workload, run.quantized, config, outer_bits);
    result.not_counted = what_is_not_counted();

    host.wall_seconds = whole.seconds();
    host.peak_rss_mib = peak_rss_mib();
    host.simulated_macs_per_second =
        static_cast<double>(workload.all.compute.macs) / workload.hardware_seconds;
    result.host = host;
    return run;
}

}  // namespace axesim::sim
