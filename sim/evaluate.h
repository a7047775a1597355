// SPDX-License-Identifier: Apache-2.0
// Runs a quantized model on the simulated hardware: the evaluation text for accuracy, and the
// phases (prefill, decode) for cycles and energy.
#pragma once

#include <optional>

#include "common/progress.h"
#include "models/counts.h"
#include "reports/result.h"
#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "sim/layer_record.h"
#include "sim/shared_work.h"
#include "workloads/model_file.h"
#include "workloads/text.h"

namespace axesim::sim {

/// Counters of one phase.
struct PhaseRun {
    std::int64_t tokens = 0;  ///< of one sequence
    std::int64_t batch = 1;
    LayerRecords layers;
};

struct WorkloadRun {
    std::optional<reports::Accuracy> accuracy;  ///< absent when evaluation.tokens is 0
    LayerRecords evaluation;  ///< of the evaluation text (of the prefill when there is none)
    PhaseRun prefill;
    std::optional<PhaseRun> decode;
    models::Counts all;                              ///< everything that the hardware did
    double float_seconds = 0, hardware_seconds = 0;  ///< wall time
    double hardware_processor_seconds = 0;           ///< of all threads
};

/// Rows whose logits, a vocabulary each, are held at once.
inline constexpr Index kLogitRows = 512;

/// Bytes of the DRAM that a run simulates. Where it has values they are all kept.
std::uint64_t simulated_dram_bytes(const QuantizedModel& quantized,
                                   const workloads::LlamaShape& shape, const Config& config);

/// Throws UserError when the text cannot serve config.workload.evaluation, before minutes are
/// spent.
void require_enough_text(const workloads::Text& text, const Config& config);

/// Runs everything that config.workload asks for, but for what is `known`; what `shared` has of it
/// is taken from there, and what it has not is stored. The phases come first, so that what they
/// take does not depend on whether the text had to be run. The one platform of this process is made
/// here. `trace` (null: none) may show operations of the prefill and of the first decoded token.
/// Throws UserError (text too short), RunError (trap, values that are not finite).
WorkloadRun run_workload(const workloads::LoadedModel& model, const QuantizedModel& quantized,
                         const workloads::Text& text, const Config& config, Progress& progress,
                         SharedWork& shared, const std::optional<Evaluation>& known = {},
                         OperationTrace* trace = nullptr);

}  // namespace axesim::sim
