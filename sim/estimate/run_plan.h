// SPDX-License-Identifier: Apache-2.0
// What one run would do and hold, given its model and text: for a dry run of it, and for each point
// of a sweep's.
#pragma once

#include <vector>

#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "sim/estimate/memory_estimate.h"
#include "sim/estimate/work_plan.h"
#include "sim/run.h"
#include "workloads/model_file.h"
#include "workloads/text.h"

namespace axesim::sim {

/// What is finished of a run of `requested`, which the model has made `settled` (settle_config), in
/// its folders, and what others `made` for it. Changes nothing on disk.
WorkDone find_done(const Config& requested, const Config& settled,
                   const workloads::LoadedModel& model, const workloads::Text& text,
                   const RunFolders& folders, const WorkDone& made = {});

struct RunPlan {
    QuantizedModel sizes;  ///< the layers without their integers; uses the model
    WorkDone done;
    WorkPlan work;
    std::vector<StageMemory> memory;
};

/// `process_bytes` as in estimate_memory(). Throws as choose_mapping().
RunPlan plan_run(const Config& settled, const workloads::LoadedModel& model, const WorkDone& done,
                 double process_bytes);

}  // namespace axesim::sim
