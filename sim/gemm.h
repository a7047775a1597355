// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/matrix.h"
#include "reports/result.h"
#include "sim/config/config.h"

namespace axesim::sim {

/// One integer GEMM through the simulated hardware.
struct GemmRun {
    Matrix<std::int64_t> outputs;  ///< [tokens, out], the outer accumulators
    reports::Result result;        ///< overflow, prefill (the GEMM), area; no accuracy
    std::string mapping;           ///< the mapper's choice
};

/// activations [tokens, K] and weights [out, K] are codes. Throws UserError naming the array and
/// the first code that the config's formats do not hold, or shapes that do not agree; RunError when
/// accumulator.overflow is trap and an accumulator overflowed. Once a process.
GemmRun run_gemm(const Matrix<std::int64_t>& activations, const Matrix<std::int64_t>& weights,
                 const Config& config);

}  // namespace axesim::sim
