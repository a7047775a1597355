// SPDX-License-Identifier: Apache-2.0
// The quantizers written down in the most direct way, as oracles: OPTQ with an explicit inverse
// that is updated after every column, GPFQ on the samples themselves, and a step Quantize that
// finds the limits by trying codes.
#pragma once

#include <vector>

#include "common/matrix.h"
#include "quant/quantizer.h"

namespace axesim::quant::reference {

struct Samples {
    Matrix<double> original;   ///< [samples, K]
    Matrix<double> quantized;  ///< [samples, K]
};

Matrix<int> optq(const Matrix<double>& weights, const std::vector<double>& steps,
                 const Matrix<double>& h, const LinearFormat& format,
                 const QuantizerConfig& config);

Matrix<int> gpfq(const Matrix<double>& weights, const std::vector<double>& steps,
                 const Samples& samples, const LinearFormat& format, const QuantizerConfig& config);

/// Qronos: before every column but the first, all columns still to come are fitted anew to the
/// float net's outputs.
Matrix<int> qronos(const Matrix<double>& weights, const std::vector<double>& steps,
                   const InputMoments& moments, const LinearFormat& format,
                   const QuantizerConfig& config);

/// theta from sorted magnitudes (axe.md 1.7).
double sorted_threshold(std::vector<double> magnitudes, double radius);

}  // namespace axesim::quant::reference
