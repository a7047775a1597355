// SPDX-License-Identifier: Apache-2.0
// What a run will hold in memory, from closed forms over what it allocates.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "sim/estimate/work_plan.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// One stage of a run: what it holds when it holds most, in bytes.
struct StageMemory {
    std::string name;
    std::vector<std::pair<std::string, double>> parts;

    double bytes() const;
};

/// The stages of a run; its peak is that of the largest. `process_bytes`: of the program with
/// tokenizer and texts, before any stage; `model_bytes`: of the model's files, which are mapped and
/// stay in memory as they are read.
std::vector<StageMemory> estimate_memory(const Config& config, const workloads::LlamaShape& shape,
                                         const QuantizedModel& sizes, const WorkPlan& plan,
                                         double process_bytes, double model_bytes);

/// Bytes of this process that are in memory now; `files` of mapped files, libraries among them.
struct ResidentBytes {
    double all = 0, files = 0;
};
ResidentBytes resident_bytes();

}  // namespace axesim::sim
