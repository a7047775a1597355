// SPDX-License-Identifier: Apache-2.0
// What the machine needs for each kind of work of a run: measured here and now, in a fraction of a
// second, by doing a little of it.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "workloads/model_file.h"

namespace axesim::sim {

/// Seconds for one of each; 0 where the run has none of it.
struct MachineRates {
    // Of the platform.
    double dram_byte = 0;     ///< moved, in large pieces
    double gemm = 0;          ///< a product with nothing in it: what starts and ends it
    double mac = 0;           ///< with values only
    double vector_value = 0;  ///< with values only, beside its bytes
    // Of the host.
    double float_mac = 0;                                     ///< in single precision
    double weight = 0;                                        ///< of the model, to single precision
    double moment_mac = 0, factor_mac = 0, rounding_mac = 0;  ///< PlannedQuantization
    double logit = 0;                                         ///< a pair of them, compared
    double spread = 1;  ///< a middling over the fastest measurement of the platform, at least 1
};

/// Seconds for one of each, by the names above; to JSON and back.
nlohmann::ordered_json rates_json(const MachineRates& rates);
MachineRates rates_from(const nlohmann::ordered_json& json);
/// The mean of each rate, the largest spread; of one at least.
MachineRates mean_of(const std::vector<MachineRates>& rates);

/// Must be called once a process at the most: makes a platform. `sizes` as in plan_work(). The
/// quantizer runs on a small random matrix of the model's depth, the platform on its codes.
MachineRates measure_rates(const Config& config, const workloads::LoadedModel& model,
                           const QuantizedModel& sizes, bool has_values);

}  // namespace axesim::sim
