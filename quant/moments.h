// SPDX-License-Identifier: Apache-2.0
// Second moments of calibration inputs, the only thing that the quantizers see of them.
#pragma once

#include "common/matrix.h"
#include "quant/quantizer.h"

namespace axesim::quant {

/// Adds the moments of a batch to `total` (empty at first, then of the batch's depth).
/// `quantized` [samples, K]: inputs that the quantized net sees; `original` [samples, K]: those of
/// the float net for the same samples, or null when the two do not differ (then g stays empty).
/// Products in single precision over chunks of 512 samples, sums of chunks in double; the same
/// bits for any number of threads. Throws UserError when shapes disagree.
void add_moments(InputMoments& total, const Eigen::Ref<const Matrix<float>>& quantized,
                 const Matrix<float>* original = nullptr);

/// The same, in double throughout.
void add_moments(InputMoments& total, const Eigen::Ref<const Matrix<double>>& quantized,
                 const Matrix<double>* original = nullptr);

/// Moments of one batch.
InputMoments input_moments(const Eigen::Ref<const Matrix<float>>& quantized,
                           const Matrix<float>* original = nullptr);
InputMoments input_moments(const Eigen::Ref<const Matrix<double>>& quantized,
                           const Matrix<double>* original = nullptr);

}  // namespace axesim::quant
