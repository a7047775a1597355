// SPDX-License-Identifier: Apache-2.0
// What a run would do and about how long and how large it would be, told before it is started.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/config/config.h"
#include "sim/estimate/run_plan.h"
#include "sim/estimate/time_estimate.h"
#include "sim/run.h"

namespace axesim::sim {

struct DryRun {
    std::string title;      ///< design and model
    std::string quantizer;  ///< as in "OPTQ + AXE"
    int threads = 1;
    double batch_bytes = 0;  ///< that one stream moves before another may take the bus
    WorkPlan plan;
    WorkDone done;
    MachineRates rates;
    double measuring_seconds = 0;  ///< that the rates took
    std::vector<StageTime> times;
    double least_seconds = 0, most_seconds = 0;
    double process_bytes = 0;  ///< of the program with tokenizer and texts, before any stage
    std::vector<StageMemory> memory;
    double peak_bytes = 0, least_bytes = 0, most_bytes = 0;
};

/// Loads the model, measures the machine and estimates. Once a process, as run_design_point(), and
/// with the same errors for a config, model or text that cannot be run. Writes nothing.
DryRun dry_run(const Config& config, const RunFolders& folders);

std::string describe_dry_run(const DryRun& run);
nlohmann::ordered_json dry_run_json(const DryRun& run);

}  // namespace axesim::sim
