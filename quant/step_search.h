// SPDX-License-Identifier: Apache-2.0
// The step of each channel with the least calibration error after the whole, constrained run
// (axe.md 3.8 c, d).
#pragma once

#include <vector>

#include "quant/layer_run.h"
#include "quant/quantizer.h"

namespace axesim::quant {

/// Tries each of `steps` [out] times 0.6, 0.75, 0.9, 1, 1.1, 1.25 and 1.5; a channel whose best is
/// the first of these also tries 0.5, 0.4 and 0.3, one whose best is the last 1.8, 2.3 and 3, then
/// twice these, four times and so on as long as the widest is the best. A channel that needs about
/// 4, 8, ... times its step to fit the accumulators tries all of these at that scale too.
/// Candidates are rounded to single precision, but the given step itself is tried as it is; of
/// equal errors the step nearest to the given one wins. `depth`: K.
QuantizedLinear search_steps(const LayerRun& run, Index depth, const std::vector<double>& steps);

}  // namespace axesim::quant
