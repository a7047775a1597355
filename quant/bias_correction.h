// SPDX-License-Identifier: Apache-2.0
// Bias correction: rounded weights and inputs shift the mean of an output; a bias per output
// channel puts it back to what the float net gives on the calibration samples (Nagel et al.,
// "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2,
// with measured means).
#pragma once

#include <vector>

#include "quant/quantizer.h"

namespace axesim::quant {

/// Means [K] over samples (rows). `original` [samples, K]: the float net's inputs, or null when it
/// sees the same. Rows 0, length, 2 length ... are left out: at the first position of a sequence
/// Llama models park values that are a hundred times larger than any other, and what quantization
/// does to them says nothing about the others (sequences of 1 have no others, and all rows count).
/// Sums in double, in the order of the samples.
InputMeans input_means(const Matrix<float>& quantized, const Matrix<float>* original,
                       Index sequence_length);

/// Per output channel, mean(w x) - mean(step codes xq). weights [out, K].
std::vector<double> mean_output_errors(const Matrix<double>& weights, const QuantizedLinear& linear,
                                       const InputMeans& means);

}  // namespace axesim::quant
