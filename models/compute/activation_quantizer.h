// SPDX-License-Identifier: Apache-2.0
// Activations to integer codes and back: what the requantizer of the hardware does, and what the
// quantizer assumes in calibration. One function, so that the two cannot differ.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "common/integer_format.h"
#include "common/matrix.h"

namespace axesim::models {

enum class ActivationRange { symmetric, asymmetric };
enum class ActivationGranularity { per_tensor, per_token };
enum class Rounding { nearest_even, floor };

/// N-bit activation codes. x_real = step * (code - zero_point).
/// symmetric: codes in [-2^(N-1), 2^(N-1)-1], step = max|x| / (2^(N-1)-1), zero point 0.
/// asymmetric: codes in [0, 2^N-1], step = (max(x,0) - min(x,0)) / (2^N-1), integer zero point
/// round(-min(x,0) / step); with signed_codes, codes and zero point are 2^(N-1) less, so that the
/// positive and negative weights of a tile share one budget (axe.md 3.8 b). An all-zero row gets
/// step 1 and zero point 0.
struct ActivationFormat {
    int bits = 8;  ///< N, 2..16
    ActivationRange range = ActivationRange::asymmetric;
    ActivationGranularity granularity = ActivationGranularity::per_token;
    Rounding rounding = Rounding::nearest_even;
    bool signed_codes = false;  ///< asymmetric only

    bool is_signed() const { return signed_codes || range == ActivationRange::symmetric; }
    IntegerRange codes() const;

    auto operator<=>(const ActivationFormat&) const = default;
};

/// Codes [tokens, K] with one step and one zero point a token.
struct QuantizedActivations {
    Matrix<std::int32_t> codes;
    std::vector<float> step;
    std::vector<std::int32_t> zero_point;
};

/// The least and largest value that codes must represent, when they are fixed beforehand.
struct StaticRange {
    float min = 0;
    float max = 0;
};

/// Per token, from each row's own extremes. Values must be finite: throws RunError otherwise.
QuantizedActivations quantize_per_token(const Eigen::Ref<const Matrix<float>>& x,
                                        const ActivationFormat& format);

/// From ranges fixed in calibration, one a token; values outside them are clipped. Throws
/// std::invalid_argument when their number is not that of the rows or one is not a range.
QuantizedActivations quantize_static(const Eigen::Ref<const Matrix<float>>& x,
                                     const ActivationFormat& format,
                                     std::span<const StaticRange> ranges);

/// step * (code - zero_point), [tokens, K].
Matrix<float> dequantize(const QuantizedActivations& x);

}  // namespace axesim::models
