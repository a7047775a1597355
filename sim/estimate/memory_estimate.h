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

/// The allocator keeps what is free; stages do not hold all of theirs at the same moment: a process
/// holds between these multiples of its estimate.
inline constexpr double kLeastMemory = 0.75, kMostMemory = 1.25;

/// Of the largest stage.
double peak_bytes(const std::vector<StageMemory>& stages);

/// The stages of a run; its peak is that of the largest. The model's files are mapped and what was
/// read of them is let go. `process_bytes`: of the program with tokenizer and texts, before any
/// stage.
std::vector<StageMemory> estimate_memory(const Config& config, const workloads::LlamaShape& shape,
                                         const QuantizedModel& sizes, const WorkPlan& plan,
                                         bool codes_on_disk, double process_bytes);

inline double mib_of(double bytes) { return bytes / (1 << 20); }

/// As in "1,234 MiB".
std::string memory_text(double bytes);

/// Bytes of this process that are in memory now.
double resident_bytes();

}  // namespace axesim::sim
