// SPDX-License-Identifier: Apache-2.0
#include "sim/run.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <span>
#include <string>

#include "common/files.h"
#include "common/safetensors_file.h"
#include "common/stopwatch.h"
#include "models/cost/costs.h"
#include "quant/bounds.h"
#include "reports/figures.h"
#include "sim/calibration_text.h"
#include "sim/evaluate.h"
#include "sim/layer_record.h"
#include "sim/model.h"
#include "sim/shared_work.h"
#include "sim/version.h"

namespace axesim::sim {

namespace {

/// Linux. Not by getrusage(), which begins with what the process that started this one held.
double peak_rss_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        double kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib / 1024;
    }
    return 0;
}

/// Depth of the deepest linear layer.
Index deepest_layer(const QuantizedModel& quantized) {
    Index depth = 0;
    for (const auto& [id, layer] : quantized.layers) {
        depth = std::max(depth, layer.depth);
    }
    return depth;
}

/// The products of a run: what is proven of each, at the greatest depth that it had in any part of
/// the workload (that of attention grows with the positions); without values, from widths alone.
class Certificates {
public:
    Certificates(const QuantizedModel& quantized, const WorkloadRun& workload) {
        if (quantized.has_values) {
            for (const auto& [id, layer] : quantized.layers) layers_[id] = &layer;
        }
        note(workload.evaluation);
        note(workload.prefill.layers);
        if (workload.decode) note(workload.decode->layers);
    }

    const quant::Certificate& of(const OperationId& id) const { return all_.at(id); }
    /// The layer if it is a linear one with values, else null.
    const QuantizedLayer* layer(const OperationId& id) const {
        const auto found = layers_.find(id);
        return found == layers_.end() ? nullptr : found->second;
    }
    bool all_certified() const {
        return std::ranges::all_of(all_, [](const auto& each) { return each.second.certified; });
    }
    /// The outer accumulator that the hardware has: wide enough for the deepest product.
    int widest_outer_bits() const {
        int bits = 0;
        for (const auto& [id, certificate] : all_) bits = std::max(bits, certificate.outer_bits);
        return bits;
    }

private:
    void note(const LayerRecords& records) {
        for (const auto& [id, record] : records) {
            if (!record.is_product()) continue;
            if (const QuantizedLayer* linear = layer(id)) {
                all_[id] = linear->certificate;
            } else if (record.shape.k >= depths_[id]) {
                depths_[id] = record.shape.k;
                const models::GemmFormat format = record.format.gemm();
                all_[id] = quant::certify(format.weights, format.activations, format.accumulator,
                                          record.shape.k);
            }
        }
    }

    std::map<OperationId, const QuantizedLayer*> layers_;
    std::map<OperationId, Index> depths_;
    std::map<OperationId, quant::Certificate> all_;
};

/// What the costs are those of: hardware that fits the widest layer.
struct Built {
    Built(const Config& config, const QuantizedModel& quantized, const Certificates& certificates)
        : hardware(built_hardware(config, quantized)),
          outer_bits(certificates.widest_outer_bits()),
          deepest(deepest_layer(quantized)),
          repeats(static_cast<std::uint64_t>(quantized.equalized.weights->shape().repeats)),
          technology(config.technology_table),
          measures_activity(config.energy.is_measured()) {}

    /// How many operations a simulated one stands for: what lies in a block, for those of all.
    std::uint64_t times(const OperationId& id) const { return id.in_block() ? repeats : 1; }

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

    std::optional<double> activity_factor(std::span<const models::Work> work) const {
        if (!measures_activity) return std::nullopt;
        return models::activity_factor(work, hardware, outer_bits, technology);
    }

    const models::HardwareConfig hardware;
    const int outer_bits;
    const Index deepest;
    const std::uint64_t repeats;
    const models::Technology& technology;
    const bool measures_activity;
};

/// What a phase did in all blocks, format by format.
std::vector<models::Work> work_of(const LayerRecords& layers, const Built& built) {
    std::map<models::LayerFormat, models::Counts> counts;
    for (const auto& [id, record] : layers) {
        counts[record.format] += record.counts * built.times(id);
    }
    std::vector<models::Work> work;
    for (const auto& [format, counted] : counts) work.push_back(built.work(counted, format));
    return work;
}

void widen(IntegerRange& range, const IntegerRange& by) {
    range.min = std::min(range.min, by.min);
    range.max = std::max(range.max, by.max);
}

reports::Overflow overflow_of(const Certificates& certificates, const LayerRecords& records,
                              const Built& built) {
    reports::Overflow overflow;
    overflow.certified = certificates.all_certified();
    overflow.inner.bits = built.hardware.accumulator.inner_bits;
    overflow.outer.bits = built.outer_bits;
    for (const auto& [id, record] : records) {
        if (!record.is_product()) continue;
        const quant::Certificate& certificate = certificates.of(id);
        overflow.inner_events += record.observed.inner_events;
        overflow.outer_events += record.observed.outer_events;
        widen(overflow.inner.proven, certificate.inner);
        widen(overflow.outer.proven, certificate.outer);
        widen(overflow.inner.seen, record.observed.inner_seen);
        widen(overflow.outer.seen, record.observed.outer_seen);
        if (!overflow.first_place && record.observed.first_overflow) {
            overflow.first_layer = operation_name(id);
            overflow.first_place = record.observed.first_overflow;
        }
    }
    return overflow;
}

reports::Phase phase_of(const std::string& name, const PhaseRun& run, const Built& built) {
    models::Counts counts;
    for (const auto& [id, record] : run.layers) counts += record.counts * built.times(id);
    reports::Phase phase{.name = name,
                         .tokens = run.tokens,
                         .batch = run.batch,
                         .seconds = built.seconds(counts),
                         .counts = counts,
                         .energy = {},
                         .activity_factor = {},
                         .energy_range = {}};
    const std::vector<models::Work> work = work_of(run.layers, built);
    phase.energy = models::energy(work, built.hardware, built.outer_bits, built.technology);
    phase.activity_factor = built.activity_factor(work);
    phase.energy_range =
        models::energy_range(work, built.hardware, built.outer_bits, built.technology);
    return phase;
}

/// What the evaluation saw of a product, and what is proven of it.
void add_product(reports::LayerResult& result, const LayerRecord& timed, const LayerRecord& seen,
                 const quant::Certificate& certificate) {
    const models::LayerFormat& format = timed.format;
    const models::ActivationFormat& activations = format.activations;
    if (seen.compared_values > 0) {
        result.rmse = std::sqrt(seen.error_sum / static_cast<double>(seen.compared_values));
        result.sqnr_db = 10.0 * std::log10(seen.reference_sum / seen.error_sum);
    }
    result.overflow_events = seen.observed.inner_events + seen.observed.outer_events;
    result.proven_inner = certificate.inner;
    result.proven_outer = certificate.outer;
    result.seen_inner = seen.observed.inner_seen;
    result.seen_outer = seen.observed.outer_seen;
    result.inner_bits_needed = {
        quant::data_type_bits(format.accumulator.tile_length(result.k), format.weight_bits,
                              activations.bits, activations.is_signed()),
        quant::l1_bits(certificate.largest_tile_l1, activations.codes()),
        signed_bits_for(certificate.inner)};
    result.weight_bits = format.weight_bits;
    result.activation_bits = activations.bits;
    result.inner_bits = format.accumulator.inner_bits;
    result.outer_bits = certificate.outer_bits;
    result.certified = certificate.certified;
    result.mapping = timed.mapping;
}

std::vector<reports::LayerResult> layers_of(const WorkloadRun& workload,
                                            const Certificates& certificates, const Built& built,
                                            bool has_values) {
    std::vector<reports::LayerResult> layers;
    for (const auto& [id, timed] : workload.prefill.layers) {
        reports::LayerResult& result = layers.emplace_back();
        result.name = operation_name(id);
        result.kind = kind_name(id);
        result.count = static_cast<std::int64_t>(built.times(id));
        result.m = timed.shape.m;
        result.n = timed.shape.n;
        result.k = timed.shape.k;
        result.macs = timed.counts.compute.macs;
        result.cycles = timed.counts.cycles;
        result.roofline = models::roofline(timed.counts, built.hardware);
        result.dram_bits = reports::dram_bits(timed.counts.dram);
        result.has_values = has_values;
        const models::Work work = built.work(timed.counts, timed.format);
        result.energy_j =
            models::energy(std::span(&work, 1), built.hardware, built.outer_bits, built.technology)
                .total();
        if (timed.is_product()) {
            add_product(result, timed, workload.evaluation.at(id), certificates.of(id));
            result.activity_factor = built.activity_factor(std::span(&work, 1));
        }
        if (const QuantizedLayer* layer = certificates.layer(id)) {
            result.fallback = layer->linear.fallback;
        }
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

/// Why there is no accuracy, "" when there is.
std::string why_not_measured(const workloads::LoadedModel& model, const Config& config,
                             const WorkloadRun& workload) {
    if (workload.accuracy) return "";
    if (config.workload.timing_only) return "workload.timing_only is true";
    return model.synthetic ? "the weights are random numbers" : "workload.evaluation.tokens is 0";
}

/// What a forward pass does beside what the hardware did, and what is not priced.
std::vector<std::string> what_is_not_counted(const Config& config) {
    std::vector<std::string> parts;
    if (config.lm_head.bits == kFloatBits) {
        parts.emplace_back("lm_head (computed in float on the host)");
    }
    if (config.attention.bits == kFloatBits) {
        parts.insert(parts.begin(), {"attention products QK^T and PV, and the KV cache's traffic",
                                     "softmax", "RoPE", "reading q, k, v back for these"});
    }
    return parts;
}

}  // namespace

CheckpointPlace checkpoint_place(bool synthetic, const RunFolders& folders) {
    // Random weights are soon rounded, and a checkpoint does not know their seed.
    if (synthetic) return {};
    if (!folders.shared.empty()) return SharedWork::checkpoints(folders.shared);
    return {folders.checkpoints};
}

bool needs_integers(const Config& config, bool evaluation_is_known, const RunFolders& folders) {
    return !evaluation_is_known || folders.exports_integers || config.energy.is_measured() ||
           config.hardware.accumulator.overflow == OverflowMode::trap;
}

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

Run run_design_point(const Config& requested, Progress& progress, const RunFolders& folders,
                     OperationTrace* trace) {
    const Stopwatch whole;
    Config config = requested;
    const workloads::LoadedModel model = open_model(config);
    if (trace != nullptr) trace->check(model.weights->shape());
    const workloads::Text text = workloads::load_text(
        config.workload.evaluation.text, workloads::TextPurpose::evaluation, *model.tokenizer);
    require_enough_text(text, config);
    reports::Host host;
    host.stage_seconds.emplace_back("load", whole.seconds());

    Stopwatch stage;
    const auto arithmetic =
        arithmetic_key(requested, model.sha256, calibration_text_sha256(model, config), text);
    if (!folders.shared.empty()) SharedWork::make_folders(folders.shared);
    SharedWork shared(folders.shared, arithmetic);
    const auto known = config.workload.evaluation.tokens > 0 ? shared.evaluation() : std::nullopt;
    Run run;
    run.quantized =
        needs_integers(config, known.has_value(), folders)
            ? quantize_model(model, config, progress, checkpoint_place(model.synthetic, folders))
            : proven_model(model, config, known->proofs, progress);
    host.stage_seconds.emplace_back("quantize", stage.seconds());
    host.quantize_seconds = named(run.quantized.seconds);

    stage.restart();
    const WorkloadRun workload =
        run_workload(model, run.quantized, text, config, progress, shared, known, trace);
    host.stage_seconds.emplace_back("simulate", workload.hardware_seconds);
    host.stage_seconds.emplace_back("float_reference", workload.float_seconds);
    host.stage_seconds.emplace_back("evaluate_total", stage.seconds());

    const Certificates certificates(run.quantized, workload);
    const Built built(config, run.quantized, certificates);
    reports::Result& result = run.result;
    result.name = config.name;
    result.model_name = model.weights->shape().name;
    result.config = config.resolved;
    result.hardware = built.hardware;
    result.quantizer = describe_quantizer(config.quantizer);
    if (overrides_quantizer(config)) result.quantizer += ", some layers otherwise";
    if (model.synthetic) result.quantizer += " of random weights";
    if (!run.quantized.has_values) result.quantizer = "no values";
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
    result.accuracy_not_measured = why_not_measured(model, config, workload);
    result.outer_bits = built.outer_bits;
    if (run.quantized.has_values) {
        result.overflow = overflow_of(certificates, workload.evaluation, built);
    }
    result.prefill = phase_of("prefill", workload.prefill, built);
    if (workload.decode) result.decode = phase_of("decode", *workload.decode, built);
    result.area = models::area(built.hardware, built.outer_bits, built.technology);
    result.area_range = models::area_range(built.hardware, built.outer_bits, built.technology);
    result.unit_costs = models::unit_costs(built.hardware, built.outer_bits, built.technology);
    result.layers = layers_of(workload, certificates, built, run.quantized.has_values);
    result.not_counted = what_is_not_counted(config);

    if (run.quantized.reused) host.reused.emplace_back("quantized_layers");
    host.reused.insert(host.reused.end(), shared.reused().begin(), shared.reused().end());
    host.wall_seconds = whole.seconds();
    host.peak_rss_mib = peak_rss_mib();
    host.simulated_macs_per_second =
        static_cast<double>(workload.all.compute.macs) / workload.hardware_seconds;
    host.simulate_processor_seconds = workload.hardware_processor_seconds;
    result.host = host;
    return run;
}

}  // namespace axesim::sim
