// SPDX-License-Identifier: Apache-2.0
// Integer weights for one linear layer. Knows matrices and names, no model and no hardware.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "quant/quantizer_config.h"

namespace axesim::quant {

/// Second moments of a layer's inputs over the calibration samples. One common scale cancels.
struct InputMoments {
    /// [K, K] sum over samples of xq xq^T, inputs that the quantized net sees; exactly symmetric
    Matrix<double> h;
    Matrix<double> g;  ///< [K, K] sum of xq x^T (row: quantized, column: float net); GPFQ only,
                       ///< empty means x = xq
};

/// Integer weights: w is about step[c] * codes[c][k].
struct QuantizedLinear {
    Matrix<std::int16_t> codes;  ///< [out, K]
    std::vector<double> step;    ///< [out]
    /// Why a layer fell back to rounding without error feedback (a Cholesky that failed), or "".
    std::string fallback;
    double rounding_seconds = 0;    ///< wall time, step search included
    double refinement_seconds = 0;  ///< wall time
};

class LayerInputs;  // layer_inputs.h

/// Per output channel, the step max|w| / (2^(M-1) - 1) (axe.md 3.5), rounded to single
/// precision because that is what the hardware scales with; 1 for a channel of zeros.
std::vector<double> absmax_steps(const Matrix<double>& weights, int weight_bits);

/// Per output channel, the step with the least sum of squared rounding errors when weights are
/// rounded to nearest and clipped to `codes`: the absmax step or a part of it down to 0.3, in steps
/// of 0.02.
std::vector<double> least_error_steps(const Matrix<double>& weights, int weight_bits,
                                      const IntegerRange& codes);

/// Quantizes weights [out, K] with the config's algorithm. `steps` [out] are the steps to use
/// (with step_search: the ones to search around); empty means those of config.weight_step. The
/// result always lies in format.weights and, when config.accumulator_aware is axe or ep_init, no
/// activations in format.activations can overflow an accumulator of format.accumulator
/// (axe.md 1.4, 1.5), whatever happens inside (a failed Cholesky included). accumulator_aware:
/// bit_width is resolved by the caller (bounds.h) and counts as none here. Moments may be empty for
/// the naive algorithms; columns are then visited in memory order and steps are judged as if all
/// inputs were alike. `name` is used in messages only. Throws UserError for shapes that disagree,
/// weights that are not finite, steps that are not positive and ranges without 0. The result does
/// not depend on the number of threads.
QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const InputMoments& moments, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps = {});

/// The same for one of several layers that read the same inputs, made with the same config.
QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const LayerInputs& inputs, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps = {});

}  // namespace axesim::quant
