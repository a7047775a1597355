// SPDX-License-Identifier: Apache-2.0
// Coordinate descent on finished codes: GPFQ and OPTQ fix each column once and never come back to
// it. With E(q) = s^2 q H q^T - 2 s q l^T (l = w H, or w G^T where the float net sees other
// inputs), the error over the calibration samples up to a constant, the best change of one code is
// the nearest integer to (l - s q H)_k / (s H_kk), cut short where a budget ends; and the best step
// for given codes is l q^T / (q H q^T), which no budget depends on. With weights in groups q stands
// for scale * q throughout.
#pragma once

#include "quant/quantizer.h"
#include "quant/rounder.h"

namespace axesim::quant {

/// Up to `sweeps` times, for every channel: changes one code after the other, in the order of
/// falling diagonal of moments.h, then fits the step. Never makes E larger and keeps every limit of
/// `rules` that the codes keep. Does nothing without moments. The result does not depend on the
/// number of threads.
void refine(const Matrix<double>& weights, const InputMoments& moments, const RoundingRules& rules,
            int sweeps, QuantizedLinear& linear);

}  // namespace axesim::quant
