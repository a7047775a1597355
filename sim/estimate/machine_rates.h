// SPDX-License-Identifier: Apache-2.0
// What the machine needs for each kind of work of a run: measured here and now, in a fraction of a
// second, by doing a little of it.
#pragma once

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
    double spread = 1;  ///< slowest over fastest measurement of the platform, at least 1
};

/// Must be called once a process at the most: makes a platform. `sizes` as in plan_work(). The
/// quantizer runs on a small random matrix of the model's depth, the platform on its codes.
MachineRates measure_rates(const Config& config, const workloads::LoadedModel& model,
                           const QuantizedModel& sizes, bool has_values);

}  // namespace axesim::sim
