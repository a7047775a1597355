// SPDX-License-Identifier: Apache-2.0
#include "models/compute/activation_quantizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "common/error.h"
#include "common/parallel.h"
#include "common/rounding.h"

namespace axesim::models {
namespace {

constexpr Index kQuantizedRows = 16;

/// Step and zero point of one row, as stored: the codes are made with the step that float holds.
struct Scale {
    float step = 1;
    std::int32_t zero_point = 0;
};

void require_valid(const ActivationFormat& format) {
    if (format.bits < 2 || format.bits > 16) {
        throw std::invalid_argument(
            fmt::format("activations of {} bits, outside 2..16", format.bits));
    }
}

/// Float nearest to a positive step; a step must not vanish where float has no smaller number.
float stored_step(double step) {
    return std::max(static_cast<float>(step), std::numeric_limits<float>::denorm_min());
}

Scale scale_for(double min, double max, const ActivationFormat& format) {
    min = std::min(min, 0.0);
    max = std::max(max, 0.0);
    if (min == 0 && max == 0) return {};
    const IntegerRange codes = format.codes();
    if (format.range == ActivationRange::symmetric) {
        return {stored_step(std::max(max, -min) / static_cast<double>(codes.max)), 0};
    }
    const auto levels = static_cast<double>(codes.max - codes.min);
    const float step = stored_step((max - min) / levels);
    const double zero_point = std::nearbyint(-min / static_cast<double>(step));
    return {step, static_cast<std::int32_t>(codes.min) +
                      static_cast<std::int32_t>(std::clamp(zero_point, 0.0, levels))};
}

template <class Round>
void quantize_row(const float* x, Index count, const Scale& scale, const IntegerRange& codes,
                  Round round, std::int32_t* to) {
    const double step = static_cast<double>(scale.step);
    const double min = static_cast<double>(codes.min - scale.zero_point);
    const double max = static_cast<double>(codes.max - scale.zero_point);
    for (Index k = 0; k < count; ++k) {
        // Both bounds are integers: clipping before rounding gives the same code as after it.
        const double quotient = static_cast<double>(x[k]) / step;
        const double raised = quotient < min ? min : quotient;
        const double clipped = raised > max ? max : raised;
        to[k] = static_cast<std::int32_t>(round(clipped)) + scale.zero_point;
    }
}

void quantize_row(const float* x, Index count, const Scale& scale, const ActivationFormat& format,
                  std::int32_t* to) {
    if (format.rounding == Rounding::floor) {
        quantize_row(x, count, scale, format.codes(), floor_of, to);
    } else {
        quantize_row(x, count, scale, format.codes(), nearest_even, to);
    }
}

struct Extremes {
    float min = 0;
    float max = 0;
};

/// Throws RunError naming the first value that is not finite.
Extremes finite_extremes(const float* x, Index count, Index row) {
    float min = 0, max = 0;
    int infinite = 0;
#pragma omp simd reduction(min : min) reduction(max : max) reduction(+ : infinite)
    for (Index k = 0; k < count; ++k) {
        min = x[k] < min ? x[k] : min;
        max = x[k] > max ? x[k] : max;
        infinite += std::abs(x[k]) <= std::numeric_limits<float>::max() ? 0 : 1;
    }
    if (infinite == 0) return {min, max};
    Index k = 0;
    while (std::isfinite(x[k])) ++k;
    throw RunError(fmt::format(
        "activation [{}, {}] to be quantized is {}: the values before it left the range of float",
        row, k, x[k]));
}

QuantizedActivations sized_for(const Eigen::Ref<const Matrix<float>>& x) {
    QuantizedActivations q;
    q.codes.resize(x.rows(), x.cols());
    q.step.resize(static_cast<std::size_t>(x.rows()));
    q.zero_point.resize(static_cast<std::size_t>(x.rows()));
    return q;
}

/// Quantizes every row with the scale that `scale_of` finds in the row's extremes.
template <class ScaleOf>
QuantizedActivations quantize_rows(const Eigen::Ref<const Matrix<float>>& x,
                                   const ActivationFormat& format, ScaleOf scale_of) {
    QuantizedActivations q = sized_for(x);
    for_blocks(x.rows(), kQuantizedRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            const float* values = x.row(row).data();
            const Scale scale = scale_of(row, finite_extremes(values, x.cols(), row));
            quantize_row(values, x.cols(), scale, format, q.codes.row(row).data());
            q.step[static_cast<std::size_t>(row)] = scale.step;
            q.zero_point[static_cast<std::size_t>(row)] = scale.zero_point;
        }
    });
    return q;
}

}  // namespace

IntegerRange ActivationFormat::codes() const {
    return is_signed() ? signed_range(bits) : unsigned_range(bits);
}

QuantizedActivations quantize_per_token(const Eigen::Ref<const Matrix<float>>& x,
                                        const ActivationFormat& format) {
    require_valid(format);
    return quantize_rows(x, format, [&](Index, const Extremes& row) {
        return scale_for(static_cast<double>(row.min), static_cast<double>(row.max), format);
    });
}

QuantizedActivations quantize_static(const Eigen::Ref<const Matrix<float>>& x,
                                     const ActivationFormat& format,
                                     std::span<const StaticRange> ranges) {
    require_valid(format);
    if (static_cast<Index>(ranges.size()) != x.rows()) {
        throw std::invalid_argument(
            fmt::format("{} static ranges for {} tokens", ranges.size(), x.rows()));
    }
    for (const StaticRange& range : ranges) {
        if (std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max)
            continue;
        throw std::invalid_argument(
            fmt::format("a static activation range of [{}, {}]", range.min, range.max));
    }
    return quantize_rows(x, format, [&](Index row, const Extremes&) {
        const StaticRange& range = ranges[static_cast<std::size_t>(row)];
        return scale_for(static_cast<double>(range.min), static_cast<double>(range.max), format);
    });
}

Matrix<float> dequantize(const QuantizedActivations& x) {
    Matrix<float> real(x.codes.rows(), x.codes.cols());
    for_blocks(x.codes.rows(), kQuantizedRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            const float step = x.step[static_cast<std::size_t>(row)];
            const std::int32_t zero_point = x.zero_point[static_cast<std::size_t>(row)];
            for (Index k = 0; k < x.codes.cols(); ++k) {
                real(row, k) = step * static_cast<float>(x.codes(row, k) - zero_point);
            }
        }
    });
    return real;
}

}  // namespace axesim::models
