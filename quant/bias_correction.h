// SPDX-License-Identifier: Apache-2.0
// Bias correction: rounded weights shift the mean of an output; a bias per output channel puts it
// back to what the unrounded weights give for the same inputs (Nagel et al., "Data-Free
// Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2, with
// measured means).
//
// The inputs of both are those of the quantized net. To aim at the outputs of the float net, whose
// inputs differ, looks better and is not: what earlier layers made of these inputs is then
// corrected in each layer anew. On SmolLM2 (W4A8, AXE at 16 bits, tiles of 128) that took
// perplexity from 42 to above 200, where this leaves it at 42.
#pragma once

#include <vector>

#include "quant/quantizer.h"

namespace axesim::quant {

/// Means [K] over samples (rows) of `inputs` [samples, K]. Rows 0, length, 2 length ... are left
/// out: at the first position of a sequence Llama models park values that are a hundred times
/// larger than any other, and what quantization does to them says nothing about the others
/// (sequences of 1 have no others, and all rows count). Sums in double, in the order of the
/// samples.
Eigen::RowVectorXd input_means(const Matrix<float>& inputs, Index sequence_length);

/// Per output channel, mean(w xq) - mean(step codes xq). weights [out, K], means [K] of xq.
std::vector<double> mean_output_errors(const Matrix<double>& weights, const QuantizedLinear& linear,
                                       const Eigen::RowVectorXd& means);

}  // namespace axesim::quant
