// SPDX-License-Identifier: Apache-2.0
// The step of each channel with the least calibration error after the whole, constrained run
// (axe.md 3.8 c, d).
#pragma once

#include <vector>

#include "quant/layer_run.h"
#include "quant/quantizer.h"

namespace axesim::quant {

/// Tries each of `steps` [out] times 0.6, 0.75, 0.9, 1, 1.1, 1.25 and 1.5; where about 4, 8, ...
/// times the step is what the accumulators have room for, these times that too. A channel whose
/// best is the finest also tries 5, 4 and 3 sixths of it, one whose best is the widest 1.2, 1.53
/// and 2 times that, and so on. Candidates are rounded to single precision, but the given step
/// itself is tried as it is; of equal errors the step nearest to the given one wins. `depth`: K.
QuantizedLinear search_steps(const LayerRun& run, Index depth, const std::vector<double>& steps);

}  // namespace axesim::quant
