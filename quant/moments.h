// SPDX-License-Identifier: Apache-2.0
// Second moments of calibration inputs, the only thing that the quantizers see of them.
#pragma once

#include <vector>

#include "common/matrix.h"
#include "quant/quantizer.h"

namespace axesim::quant {

/// Moments of samples. `quantized` [samples, K]: inputs that the quantized net sees; `original`
/// [samples, K]: those of the float net for the same samples, or null when the two do not differ
/// (then g stays empty). Products in single precision over chunks of 512 samples, sums of chunks in
/// double; the same bits for any number of threads. Throws UserError when shapes disagree.
InputMoments input_moments(const Eigen::Ref<const Matrix<float>>& quantized,
                           const Matrix<float>* original = nullptr);

/// The same, in double throughout.
InputMoments input_moments(const Eigen::Ref<const Matrix<double>>& quantized,
                           const Matrix<double>* original = nullptr);

/// The same with `past` instead of g, in half its time, where that is all that a quantizer of this
/// config looks at (GPFQ without step search and refinement).
InputMoments input_moments(const Eigen::Ref<const Matrix<float>>& quantized,
                           const Matrix<float>* original, const QuantizerConfig& config);

}  // namespace axesim::quant
