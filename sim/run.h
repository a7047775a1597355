// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "common/progress.h"
#include "reports/result.h"
#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "sim/operation_trace.h"

namespace axesim::sim {

/// A finished run: what the report is made of, and the integers.
struct Run {
    reports::Result result;
    QuantizedModel quantized;
};

/// Folders in which a run keeps what it or others would not like to do twice; "" for none.
struct RunFolders {
    std::filesystem::path checkpoints;  ///< of this run alone, when nothing is shared
    std::filesystem::path shared;       ///< of all runs that share work (shared_work.h)
    bool exports_integers = false;      ///< the caller wants Run::quantized with its integers
};

/// Whether a run needs the integers of the model's layers: not when what the text shows is known,
/// unless an overflow would stop the run or the phases' energy depends on them.
bool needs_integers(const Config& config, bool evaluation_is_known, const RunFolders& folders);

/// Where a run of a model keeps its checkpoints, and those of others are.
CheckpointPlace checkpoint_place(bool synthetic, const RunFolders& folders);

/// The main job: load, quantize and certify, simulate, evaluate, cost. Once a process.
/// `trace`: as for run_workload; throws UserError when it would show nothing of the model.
Run run_design_point(const Config& config, Progress& progress, const RunFolders& folders = {},
                     OperationTrace* trace = nullptr);

/// As in "OPTQ + AXE".
std::string describe_quantizer(const quant::QuantizerConfig& config);

}  // namespace axesim::sim
