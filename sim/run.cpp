// SPDX-License-Identifier: Apache-2.0
#include "sim/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "common/files.h"
#include "common/safetensors_file.h"
#include "common/stopwatch.h"
#include "models/cost/costs.h"
#include "quant/bounds.h"
#include "sim/evaluate.h"
#include "sim/hardware_linear.h"
#include "sim/model.h"
#include "sim/shared_work.h"
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

Index deepest_layer(const QuantizedModel& quantized) {
    Index depth = 0;
    for (const auto& [id, layer] : quantized.layers) {
        depth = std::max(depth, layer.linear.codes.cols());
    }
    return depth;
}

/// What the costs are those of: hardware that fits the widest layer.
struct Built {
    Built(const Config& config, const QuantizedModel& quantized)
        : hardware(built_hardware(config, quantized)),
          outer_bits(widest_outer_bits(quantized)),
          deepest(deepest_layer(quantized)),
          technology(config.technology_table) {}

    double seconds(const models::Counts& counts) const {
        return static_cast<double>(counts.cycles.cycles) / (hardware.clock_mhz * 1e6);
    }
    /// What layers of one format did. Its outer accumulator is that of the deepest layer, so that
    /// it does not depend on which layers have this format.
    models::Work work(const models::Counts& counts, const models::LayerFormat& format) const {
        return {.counts = counts,
                .seconds = seconds(counts),
                .format = format,
                .outer_bits = std::min(outer_bits, format.accumulator.outer_bits_for(deepest))};
    }

    const models::HardwareConfig hardware;
    const int outer_bits;
    const Index deepest;
    const models::Technology& technology;
};

/// How many blocks each simulated one stands for.
std::uint64_t repeats_of(const QuantizedModel& quantized) {
    return static_cast<std::uint64_t>(quantized.equalized.weights->shape().repeats);
}

/// What a phase did in all blocks, format by format.
std::vector<models::Work> work_of(const LayerRecords& layers, const QuantizedModel& quantized,
                                  const Built& built) {
    std::map<models::LayerFormat, models::Counts> counts;
    for (const auto& [id, record] : layers) {
        counts[quantized.layers.at(id).format] += record.counts * repeats_of(quantized);
    }
    std::vector<models::Work> work;
    for (const auto& [format, counted] : counts) work.push_back(built.work(counted, format));
    return work;
}

void widen(IntegerRange& range, const IntegerRange& by) {
    range.min = std::min(range.min, by.min);
    range.max = std::max(range.max, by.max);
}

reports::Overflow overflow_of(const QuantizedModel& quantized, const LayerRecords& records,
                              const Built& built) {
    reports::Overflow overflow;
    overflow.certified = quantized.certified();
    overflow.inner.bits = built.hardware.accumulator.inner_bits;
    overflow.outer.bits = built.outer_bits;
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

reports::Phase phase_of(const std::string& name, const PhaseRun& run,
                        const QuantizedModel& quantized, const Built& built) {
    const models::Counts counts = run.counts * repeats_of(quantized);
    reports::Phase phase{.name = name,
                         .tokens = run.tokens,
                         .batch = run.batch,
                         .seconds = built.seconds(counts),
                         .counts = counts,
                         .energy = {},
                         .energy_range = {}};
    const std::vector<models::Work> work = work_of(run.layers, quantized, built);
    phase.energy = models::energy(work, built.hardware, built.outer_bits, built.technology);
    phase.energy_range =
        models::energy_range(work, built.hardware, built.outer_bits, built.technology);
    return phase;
}

std::vector<reports::LayerResult> layers_of(const WorkloadRun& workload,
                                            const QuantizedModel& quantized, const Built& built) {
    std::vector<reports::LayerResult> layers;
    for (const auto& [id, timed] : workload.prefill.layers) {
        const LayerRecord& seen = workload.evaluation.at(id);
        const QuantizedLayer& layer = quantized.layers.at(id);
        reports::LayerResult result;
        result.name = workloads::layer_name(id);
        result.kind = workloads::kind_name(id.kind);
        result.count = static_cast<std::int64_t>(repeats_of(quantized));
        result.m = timed.shape.m;
        result.n = timed.shape.n;
        result.k = timed.shape.k;
        result.cycles = timed.counts.cycles.cycles;
        const models::Work work = built.work(timed.counts, layer.format);
        result.energy_j =
            models::energy(std::span(&work, 1), built.hardware, built.outer_bits, built.technology)
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
        const models::ActivationFormat& activations = layer.format.activations;
        result.inner_bits_needed = {
            quant::data_type_bits(layer.format.accumulator.tile_length(result.k),
                                  layer.format.weight_bits, activations.bits,
                                  activations.is_signed()),
            quant::l1_bits(layer.certificate.largest_tile_l1, activations.codes()),
            signed_bits_for(layer.certificate.inner)};
        result.weight_bits = layer.format.weight_bits;
        result.activation_bits = activations.bits;
        result.inner_bits = layer.format.accumulator.inner_bits;
        result.outer_bits = layer.certificate.outer_bits;
        result.certified = layer.certificate.certified;
        result.fallback = layer.linear.fallback;
        result.mapping = timed.mapping.describe(timed.shape);
        layers.push_back(std::move(result));
    }
    return layers;
}

bool overrides_quantizer(const Config& config) {
    return std::ranges::any_of(config.overrides, [](const Override& given) {
        return std::ranges::any_of(given.entries, [](const Override::Entry& entry) {
            return entry.key.starts_with("quantizer.");
        });
    });
}

std::vector<std::pair<std::string, double>> named(const QuantizeSeconds& seconds) {
    return {{"equalization", seconds.equalization},
            {"moments", seconds.moments},
            {"factor", seconds.factor},
            {"rounding", seconds.rounding},
            {"refinement", seconds.refinement},
            {"checkpoints", seconds.checkpoints}};
}

CheckpointPlace checkpoint_place(bool synthetic, const RunFolders& folders) {
    // Random weights are soon rounded, and a checkpoint does not know their seed.
    if (synthetic) return {};
    if (!folders.shared.empty()) return SharedWork::checkpoints(folders.shared);
    return {folders.checkpoints};
}

/// Why there is no accuracy, "" when there is.
std::string why_not_measured(const workloads::LoadedModel& model, const WorkloadRun& workload) {
    if (workload.accuracy) return "";
    return model.synthetic ? "the weights are random numbers" : "workload.evaluation.tokens is 0";
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
    if (config.bias_correction) text += " + bias correction";
    if (config.equalization == quant::Equalization::smoothquant) text += " + SmoothQuant";
    if (config.equalization == quant::Equalization::rotation) text += " + rotation";
    if (config.refine_sweeps > 0) text += " + refinement";
    return text;
}

Run run_design_point(const Config& requested, Progress& progress, const RunFolders& folders) {
    const Stopwatch whole;
    Config config = requested;
    const workloads::LoadedModel model = open_model(config);
    const workloads::Text text = workloads::load_text(
        config.workload.evaluation.text, workloads::TextPurpose::evaluation, *model.tokenizer);
    require_enough_text(text, config);
    reports::Host host;
    host.stage_seconds.emplace_back("load", whole.seconds());

    Stopwatch stage;
    Run run;
    run.quantized =
        quantize_model(model, config, progress, checkpoint_place(model.synthetic, folders));
    host.stage_seconds.emplace_back("quantize", stage.seconds());
    host.quantize_seconds = named(run.quantized.seconds);

    stage.restart();
    const auto arithmetic = arithmetic_key(requested, run.quantized, text);
    SharedWork shared(folders.shared, arithmetic);
    const WorkloadRun workload = run_workload(model, run.quantized, text, config, progress, shared);
    host.stage_seconds.emplace_back("simulate", workload.hardware_seconds);
    host.stage_seconds.emplace_back("float_reference", workload.float_seconds);
    host.stage_seconds.emplace_back("evaluate_total", stage.seconds());

    const Built built(config, run.quantized);
    reports::Result& result = run.result;
    result.name = config.name;
    result.model_name = model.weights->shape().name;
    result.config = config.resolved;
    result.hardware = built.hardware;
    result.quantizer = describe_quantizer(config.quantizer);
    if (overrides_quantizer(config)) result.quantizer += ", some layers otherwise";
    if (model.synthetic) result.quantizer += " of random weights";
    result.technology = config.technology_table.name;
    result.profile = config.technology_table.profile;
    result.profile_source = config.technology_table.profile_source;
    result.provenance = {.version = version(),
                         .model_sha256 = run.quantized.model_sha256,
                         .text_sha256 = text.sha256,
                         .calibration_text_sha256 = run.quantized.calibration_text_sha256,
                         .arithmetic_sha256 = sha256_hex(bytes_of(arithmetic.dump())),
                         .seed = config.seed};
    result.accuracy = workload.accuracy;
    result.accuracy_not_measured = why_not_measured(model, workload);
    result.overflow = overflow_of(run.quantized, workload.evaluation, built);
    result.prefill = phase_of("prefill", workload.prefill, run.quantized, built);
    if (workload.decode) result.decode = phase_of("decode", *workload.decode, run.quantized, built);
    result.area = models::area(built.hardware, built.outer_bits, built.technology);
    result.area_range = models::area_range(built.hardware, built.outer_bits, built.technology);
    result.unit_costs = models::unit_costs(built.hardware, built.outer_bits, built.technology);
    result.layers = layers_of(workload, run.quantized, built);
    result.not_counted = what_is_not_counted();

    if (run.quantized.reused) host.reused.emplace_back("quantized_layers");
    host.reused.insert(host.reused.end(), shared.reused().begin(), shared.reused().end());
    host.wall_seconds = whole.seconds();
    host.peak_rss_mib = peak_rss_mib();
    host.simulated_macs_per_second =
        static_cast<double>(workload.all.compute.macs) / workload.hardware_seconds;
    result.host = host;
    return run;
}

}  // namespace axesim::sim
