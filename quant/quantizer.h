// SPDX-License-Identifier: Apache-2.0
// Integer weights for one linear layer. Knows matrices and names, no model and no hardware.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "quant/quantizer_config.h"
#include "quant/weight_steps.h"

namespace axesim::quant {

/// Second moments of a layer's inputs over the calibration samples. One common scale cancels.
struct InputMoments {
    /// [K, K] sum over samples of xq xq^T, inputs that the quantized net sees; exactly symmetric
    Matrix<double> h;
    Matrix<double> g;  ///< [K, K] sum of xq x^T (row: quantized, column: float net); GPFQ and
                       ///< Qronos only, empty means x = xq (or that there is `past`)
    /// [K, K] in place of g, for quantizers that look back only (feedback.h): past(j, i) is g of
    /// the columns visited as the i-th (row) and the j-th, 0 where j > i.
    Matrix<double> past;
    Eigen::RowVectorXd means;  ///< [K] of xq (bias_correction.h); empty where no bias is corrected
};

/// Integer weights: w is about step[c] * tile_scales(c, t) * codes(c, k) with k in tile t, and
/// bias[c] is to be added to the output.
struct QuantizedLinear {
    Matrix<std::int16_t> codes;  ///< [out, K]
    std::vector<double> step;    ///< [out]
    TileScales tile_scales;      ///< [out, tiles]; empty without groups
    Index tile_length = 0;       ///< columns of a tile
    std::vector<double> bias;    ///< [out]; empty without bias correction
    /// Why a layer fell back to rounding without error feedback (a Cholesky that failed), or "".
    std::string fallback;
    double rounding_seconds = 0;    ///< wall time, step search included
    double refinement_seconds = 0;  ///< wall time

    /// Appends the channels of another part of the same layer.
    void append(QuantizedLinear&& part);
};

/// Quantizes weights [out, K] with the config's algorithm. `steps` [out] are the steps to use
/// (with step_search: the ones to search around); empty means those of config.weight_step. Where
/// format.accumulator has groups, tiles take multiples of these steps (weight_steps.h; where steps
/// are not given and accumulators constrain, the scales that suit the tiles' budgets), which are
/// fixed before the algorithm; step_search and refine_sweeps scale a channel's tiles together. The
/// result always lies in format.weights and, when config.accumulator_aware is axe or ep_init, no
/// activations in format.activations can overflow an accumulator of format.accumulator
/// (axe.md 1.4, 1.5), whatever happens inside (a failed Cholesky included). accumulator_aware:
/// bit_width is resolved by the caller (bounds.h) and counts as none here. Moments may be empty for
/// the naive algorithms; columns are then visited in memory order and steps are judged as if all
/// inputs were alike. With config.bias_correction the moments' means must be there. `name` is used
/// in messages only. Throws UserError for shapes that disagree, weights that are not finite, steps
/// that are not positive and ranges without 0. The result does not depend on the number of threads.
QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const InputMoments& moments, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps = {});

/// What the codes of one output channel stand for, [K].
Eigen::RowVectorXd represented_weights(const QuantizedLinear& linear, Index channel);
/// The same of all channels [out, K], in single precision.
Matrix<float> dequantized(const QuantizedLinear& linear);

}  // namespace axesim::quant
