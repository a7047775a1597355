// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/run_plan.h"

#include <algorithm>

#include "sim/calibration_text.h"
#include "sim/shared_work.h"

namespace axesim::sim {

namespace {

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

}  // namespace

WorkDone find_done(const Config& requested, const Config& settled,
                   const workloads::LoadedModel& model, const workloads::Text& text,
                   const RunFolders& folders, const WorkDone& made) {
    WorkDone done;
    const bool evaluates = settled.workload.evaluation.tokens > 0;
    done.has_evaluation = evaluates && made.has_evaluation;
    done.has_float_hidden = evaluates && made.has_float_hidden;
    if (evaluates && !done.has_evaluation) {
        SharedWork shared(
            folders.shared,
            arithmetic_key(requested, model.sha256, calibration_text_sha256(model, settled), text));
        done.has_evaluation = shared.evaluation().has_value();
        done.has_float_hidden =
            done.has_float_hidden ||
            shared.float_hidden(settled.workload.evaluation.tokens, model.weights->shape().hidden)
                .has_value();
    }
    done.needs_integers = needs_integers(settled, done.has_evaluation, folders);
    done.codes_on_disk = !checkpoint_place(model.synthetic, folders).folder.empty();
    if (done.needs_integers) {
        done.quantized_blocks =
            made.quantized_blocks > 0
                ? made.quantized_blocks
                : finished_blocks(model, settled, checkpoint_place(model.synthetic, folders));
    }
    return done;
}

RunPlan plan_run(const Config& settled, const workloads::LoadedModel& model, const WorkDone& done,
                 double process_bytes) {
    const workloads::LlamaShape& shape = model.weights->shape();
    RunPlan plan{.sizes = sizes_of(model, settled), .done = done, .work = {}, .memory = {}};
    plan.work = plan_work(settled, shape, plan.sizes, done);
    plan.memory =
        estimate_memory(settled, shape, plan.sizes, plan.work, done.codes_on_disk, process_bytes);
    return plan;
}

}  // namespace axesim::sim
