// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/dry_run.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/stopwatch.h"
#include "reports/format.h"
#include "sim/calibration_text.h"
#include "sim/estimate/machine_rates.h"
#include "sim/evaluate.h"
#include "sim/model.h"
#include "sim/shared_work.h"

namespace axesim::sim {

namespace {

using Json = nlohmann::ordered_json;

/// What the counts leave out (softmax of calibration, files, conversions) and what the sample does
/// not show (caches that overflow, other programs on the machine): a run takes between these
/// multiples of what counts times rates give.
constexpr double kLeastTime = 0.6, kMostTime = 1.8;
/// The allocator keeps what is free; stages do not hold all of theirs at the same moment.
constexpr double kLeastMemory = 0.75, kMostMemory = 1.25;

WorkDone find_done(const Config& requested, const Config& config,
                   const workloads::LoadedModel& model, const workloads::Text& text,
                   const RunFolders& folders) {
    WorkDone done;
    namespace fs = std::filesystem;
    // Opening shared work makes its folders where there are none.
    const bool shares = !folders.shared.empty() && fs::is_directory(folders.shared / "float") &&
                        fs::is_directory(folders.shared / "evaluation");
    if (shares && config.workload.evaluation.tokens > 0) {
        SharedWork shared(
            folders.shared,
            arithmetic_key(requested, model.sha256, calibration_text_sha256(model, config), text));
        done.has_evaluation = shared.evaluation().has_value();
        done.has_float_hidden =
            shared.float_hidden(config.workload.evaluation.tokens, model.weights->shape().hidden)
                .has_value();
    }
    done.needs_integers = needs_integers(config, done.has_evaluation, folders);
    if (done.needs_integers) {
        done.quantized_blocks =
            finished_blocks(model, config, checkpoint_place(model.synthetic, folders));
    }
    return done;
}

/// The layers without their integers.
QuantizedModel sizes_of(const workloads::LoadedModel& model, const Config& config) {
    Config sizes = config;
    sizes.workload.timing_only = true;
    // Folded into the weights, after a look at text.
    if (sizes.quantizer.equalization == quant::Equalization::smoothquant) {
        sizes.quantizer.equalization = quant::Equalization::none;
    }
    Progress quiet(Progress::Style::none);
    return quantize_model(model, sizes, quiet);
}

double hardware_seconds(const PlannedPart& part, const MachineRates& rates) {
    return part.gemm_count() * rates.gemm + part.dram_bytes() * rates.dram_byte +
           part.macs() * rates.mac + part.vector_values * rates.vector_value;
}

std::vector<StageTime> stage_times(const WorkPlan& plan, const MachineRates& rates,
                                   double load_seconds) {
    const PlannedQuantization& quantization = plan.quantization;
    std::vector<StageTime> times{{"load", load_seconds}};
    times.push_back({"quantize", quantization.forward_macs * rates.float_mac +
                                     quantization.weights_read * rates.weight +
                                     quantization.moment_macs * rates.moment_mac +
                                     quantization.factor_macs * rates.factor_mac +
                                     quantization.rounding_macs * rates.rounding_mac});
    for (const PlannedPart& part : plan.parts) {
        times.push_back({part.name, hardware_seconds(part, rates)});
    }
    times.push_back({"float reference", plan.float_macs * rates.float_mac +
                                            plan.float_weights_read * rates.weight +
                                            plan.scored_logits * rates.logit});
    return times;
}

std::string count(double value) {
    return reports::grouped(static_cast<std::uint64_t>(std::llround(value)));
}

std::string duration(double seconds) {
    if (seconds < 10) return fmt::format("{:.{}f} s", seconds, seconds < 1 ? 2 : 1);
    if (seconds < 120) return fmt::format("{:.0f} s", seconds);
    if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.1f} h", seconds / 3600);
}

double mib(double bytes) { return bytes / (1 << 20); }

std::string memory_of(double bytes) { return count(mib(bytes)) + " MiB"; }

std::string what_is_quantized(const DryRun& run) {
    const PlannedQuantization& planned = run.plan.quantization;
    if (!run.plan.has_values) return "nothing";
    std::string text = fmt::format("{} layers, {}", planned.layers, run.quantizer);
    if (planned.calibration_rows > 0) {
        text += fmt::format(", along {} tokens", count(planned.calibration_rows));
    }
    if (run.done.quantized_blocks > 0) {
        text += fmt::format("; {} blocks are finished", run.done.quantized_blocks);
    }
    return text;
}

}  // namespace

DryRun dry_run(const Config& requested, const RunFolders& folders) {
    const Stopwatch loading;
    Config config = requested;
    const workloads::LoadedModel model = open_model(config);
    const workloads::LlamaShape& shape = model.weights->shape();
    const workloads::Text text = workloads::load_text(
        config.workload.evaluation.text, workloads::TextPurpose::evaluation, *model.tokenizer);
    require_enough_text(text, config);
    const QuantizedModel sizes = sizes_of(model, config);
    const double load_seconds = loading.seconds();

    DryRun run;
    run.title = config.name + "   " + shape.name;
    run.quantizer = describe_quantizer(config.quantizer);
    run.threads = omp_get_max_threads();
    run.batch_bytes = static_cast<double>(config.hardware.memory_interface.burst_bits()) / 8 *
                      config.hardware.memory_interface.batch_bursts;
    run.done = find_done(requested, config, model, text, folders);
    run.plan = plan_work(config, shape, sizes, run.done);

    const ResidentBytes now = resident_bytes();
    double model_bytes = 0;
    if (!model.synthetic) {
        for (const auto& file : model.files) {
            model_bytes += static_cast<double>(std::filesystem::file_size(file));
        }
    }
    run.memory = estimate_memory(config, shape, sizes, run.plan, now.all, model_bytes);
    for (const StageMemory& stage : run.memory) {
        run.peak_bytes = std::max(run.peak_bytes, stage.bytes());
    }
    run.least_bytes = run.peak_bytes * kLeastMemory;
    run.most_bytes = run.peak_bytes * kMostMemory;

    const Stopwatch measuring;
    const MachineRates rates = measure_rates(config, model, sizes, run.plan.has_values);
    run.measuring_seconds = measuring.seconds();
    run.times = stage_times(run.plan, rates, load_seconds);
    const double seconds =
        std::accumulate(run.times.begin(), run.times.end(), 0.0,
                        [](double sum, const StageTime& time) { return sum + time.seconds; });
    run.least_seconds = kLeastTime * seconds;
    run.most_seconds = kMostTime * rates.spread * seconds;
    return run;
}

std::string describe_dry_run(const DryRun& run) {
    const WorkPlan& plan = run.plan;
    std::string text = run.title + "\nDry run: nothing is simulated, nothing is written.\n\n";
    text += fmt::format("values      {}\n", plan.has_values ? "computed bit by bit"
                                            : run.done.has_evaluation
                                                ? "none: what the text shows is in the cache"
                                                : "none: timing only");
    text += fmt::format(
        "layers      {} blocks{}\n", plan.blocks,
        plan.repeats > 1 ? fmt::format(", which stand for {}", plan.blocks * plan.repeats) : "");
    text += fmt::format("quantize    {}\n", what_is_quantized(run));
    for (const PlannedPart& part : plan.parts) {
        text += fmt::format(
            "{:<12}{} tokens: {} GEMMs in {} tiles, {:.3g} GMAC, {:.3g} MB of DRAM "
            "traffic in {} batches\n",
            part.name, count(part.tokens), count(part.gemm_count()), count(part.tiles()),
            part.macs() / 1e9, part.dram_bytes() / 1e6, count(part.dram_bytes() / run.batch_bytes));
    }
    if (run.done.has_float_hidden) text += "float       the float model's view is in the cache\n";
    std::vector<std::string> times;
    for (const StageTime& time : run.times) {
        if (time.seconds >= 0.005) times.push_back(time.name + " " + duration(time.seconds));
    }
    text += fmt::format("\ntime        {} .. {}   ({})\n", duration(run.least_seconds),
                        duration(run.most_seconds), fmt::join(times, ", "));
    text += fmt::format("memory      {} .. {} at the peak\n", memory_of(run.least_bytes),
                        memory_of(run.most_bytes));
    for (const StageMemory& stage : run.memory) {
        std::vector<std::string> parts;
        for (const auto& [name, bytes] : stage.parts) {
            if (mib(bytes) >= 1) parts.push_back(name + " " + count(mib(bytes)));
        }
        text += fmt::format("            {}: {} MiB ({})\n", stage.name, count(mib(stage.bytes())),
                            fmt::join(parts, ", "));
    }
    text += fmt::format(
        "\nTimes are counts of work times rates that {} threads of this machine showed within {}, "
        "beside whatever\nelse it did. {}\n",
        run.threads, duration(run.measuring_seconds),
        plan.has_values ? "Accumulators that overflow often take longer than is said here."
                        : "They are of the simulation, not of the hardware.");
    return text;
}

Json dry_run_json(const DryRun& run) {
    const WorkPlan& plan = run.plan;
    Json parts = Json::array();
    for (const PlannedPart& part : plan.parts) {
        parts.push_back({{"name", part.name},
                         {"tokens", part.tokens},
                         {"gemms", part.gemm_count()},
                         {"tiles", part.tiles()},
                         {"macs", part.macs()},
                         {"dram_bytes", part.dram_bytes()},
                         {"dram_batches", part.dram_bytes() / run.batch_bytes}});
    }
    Json times = Json::object();
    for (const StageTime& time : run.times) times[time.name] = time.seconds;
    Json memory = Json::object();
    for (const StageMemory& stage : run.memory) {
        Json& entries = memory[stage.name] = Json::object();
        for (const auto& [name, bytes] : stage.parts) entries[name] = mib(bytes);
    }
    return {
        {"schema", "axesim.dry_run/1"},
        {"values", plan.has_values},
        {"blocks", plan.blocks},
        {"repeats", plan.repeats},
        {"quantize",
         {{"layers", plan.quantization.layers},
          {"calibration_tokens", plan.quantization.calibration_rows},
          {"finished_blocks", run.done.quantized_blocks}}},
        {"cached",
         {{"evaluation", run.done.has_evaluation}, {"float_reference", run.done.has_float_hidden}}},
        {"parts", parts},
        {"threads", run.threads},
        {"seconds", {{"least", run.least_seconds}, {"most", run.most_seconds}}},
        {"stage_seconds", times},
        {"peak_mib",
         {{"estimate", mib(run.peak_bytes)},
          {"least", mib(run.least_bytes)},
          {"most", mib(run.most_bytes)}}},
        {"stage_mib", memory}};
}

}  // namespace axesim::sim
