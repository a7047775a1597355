// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/dry_run.h"

#include <fmt/format.h>
#include <omp.h>

#include <cmath>

#include "common/stopwatch.h"
#include "reports/format.h"
#include "sim/evaluate.h"
#include "sim/model.h"

namespace axesim::sim {

namespace {

using Json = nlohmann::ordered_json;

std::string count(double value) {
    return reports::grouped(static_cast<std::uint64_t>(std::llround(value)));
}

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
    const workloads::Text text = workloads::load_text(
        config.workload.evaluation.text, workloads::TextPurpose::evaluation, *model.tokenizer);
    require_enough_text(text, config);
    const WorkDone done = find_done(requested, config, model, text, folders);
    const double load_seconds = loading.seconds();

    DryRun run;
    run.title = config.name + "   " + model.weights->shape().name;
    run.quantizer = describe_quantizer(config.quantizer);
    run.threads = omp_get_max_threads();
    run.batch_bytes = static_cast<double>(config.hardware.memory_interface.burst_bits()) / 8 *
                      config.hardware.memory_interface.batch_bursts;
    run.process_bytes = resident_bytes();
    RunPlan plan = plan_run(config, model, done, run.process_bytes);
    run.done = plan.done;
    run.plan = std::move(plan.work);
    run.memory = std::move(plan.memory);
    run.peak_bytes = peak_bytes(run.memory);
    run.least_bytes = run.peak_bytes * kLeastMemory;
    run.most_bytes = run.peak_bytes * kMostMemory;

    const Stopwatch measuring;
    run.rates = measure_rates(config, model, plan.sizes, run.plan.has_values);
    run.measuring_seconds = measuring.seconds();
    run.times = stage_times(run.plan, run.rates, load_seconds);
    const double seconds = total_seconds(run.times);
    run.least_seconds = kLeastTime * seconds;
    run.most_seconds = kMostTime * run.rates.spread * seconds;
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
        if (time.seconds() < 0.005) continue;
        times.push_back(time.name + " " + duration_text(time.seconds()));
    }
    text += fmt::format("\ntime        {} .. {}   ({})\n", duration_text(run.least_seconds),
                        duration_text(run.most_seconds), fmt::join(times, ", "));
    text += fmt::format("memory      {} .. {} at the peak\n", memory_text(run.least_bytes),
                        memory_text(run.most_bytes));
    for (const StageMemory& stage : run.memory) {
        std::vector<std::string> parts;
        for (const auto& [name, bytes] : stage.parts) {
            if (mib_of(bytes) >= 1) parts.push_back(name + " " + count(mib_of(bytes)));
        }
        text += fmt::format("            {}: {} MiB ({})\n", stage.name,
                            count(mib_of(stage.bytes())), fmt::join(parts, ", "));
    }
    text += fmt::format(
        "\nTimes are counts of work times rates that {} threads of this machine showed within {}, "
        "beside whatever\nelse it did. {}\n",
        run.threads, duration_text(run.measuring_seconds),
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
    for (const StageTime& time : run.times) times[time.name] = time.seconds();
    Json memory = Json::object();
    for (const StageMemory& stage : run.memory) {
        Json& entries = memory[stage.name] = Json::object();
        for (const auto& [name, bytes] : stage.parts) entries[name] = mib_of(bytes);
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
        {"seconds_per", rates_json(run.rates)},
        {"peak_mib",
         {{"estimate", mib_of(run.peak_bytes)},
          {"least", mib_of(run.least_bytes)},
          {"most", mib_of(run.most_bytes)}}},
        {"process_mib", mib_of(run.process_bytes)},
        {"stage_mib", memory}};
}

}  // namespace axesim::sim
