// SPDX-License-Identifier: Apache-2.0
#include "quant/weight_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/parallel.h"
#include "common/rounding.h"

namespace axesim::quant {

namespace {

constexpr Index kChannels = 48;  // that one thread takes at a time
constexpr int kCandidates = 36;  // parts of the absmax step: 1, 0.98, 0.96 ...
constexpr double kBetween = 0.02;
constexpr int kShiftsTried = 3;  // of a tile: the covering one and those below it

using Weights = std::span<const double>;

/// Sum of squares of w - step * code, codes rounded to nearest and clipped.
double rounding_error(Weights weights, double step, const IntegerRange& codes) {
    const auto low = static_cast<double>(codes.min);
    const auto high = static_cast<double>(codes.max);
    const double per_weight = 1.0 / step;
    const double* w = weights.data();
    const std::size_t count = weights.size();
    double error = 0.0;
#pragma omp simd reduction(+ : error)
    for (std::size_t k = 0; k < count; ++k) {
        double code = nearest_even(w[k] * per_weight);
        code = code < low ? low : code;
        code = code > high ? high : code;
        const double missed = w[k] - step * code;
        error += missed * missed;
    }
    return error;
}

Weights row_of(const Matrix<double>& weights, Index channel) {
    return {weights.row(channel).data(), static_cast<std::size_t>(weights.cols())};
}

std::span<std::int8_t> row_of(TileShifts& shifts, Index channel) {
    return {shifts.row(channel).data(), static_cast<std::size_t>(shifts.cols())};
}

Weights tile_of(Weights row, std::size_t tile, Index tile_length) {
    const std::size_t first = tile * static_cast<std::size_t>(tile_length);
    return row.subspan(first, std::min(static_cast<std::size_t>(tile_length), row.size() - first));
}

double largest_of(Weights weights) {
    double largest = 0.0;
    for (const double weight : weights) largest = std::max(largest, std::abs(weight));
    return largest;
}

int covering_shift(Weights tile, double step, double largest_code) {
    const double largest = largest_of(tile);
    int shift = 0;
    while (shift < kLargestShift && largest > (largest_code + 0.5) * std::ldexp(step, shift)) {
        ++shift;
    }
    return shift;
}

/// Moves what all shifts of a channel have in common into its step. Tiles of zeros have any shift.
void factor_out(Weights row, Index tile_length, double& step, std::span<std::int8_t> shifts) {
    int common = kLargestShift;
    for (std::size_t t = 0; t < shifts.size(); ++t) {
        if (largest_of(tile_of(row, t, tile_length)) > 0) {
            common = std::min<int>(common, shifts[t]);
        }
    }
    step = std::ldexp(step, common);
    for (std::int8_t& shift : shifts) shift = static_cast<std::int8_t>(std::max(0, shift - common));
}

/// Of a tile's covering shift and those below it the one with the least error, and that error.
double best_shift(Weights tile, double step, const IntegerRange& codes, double largest_code,
                  std::int8_t& shift) {
    const int covering = covering_shift(tile, step, largest_code);
    double least = std::numeric_limits<double>::infinity();
    for (int s = covering; s >= std::max(0, covering - kShiftsTried + 1); --s) {
        const double error = rounding_error(tile, std::ldexp(step, s), codes);
        if (!(error < least)) continue;
        least = error;
        shift = static_cast<std::int8_t>(s);
    }
    return least;
}

}  // namespace

std::vector<double> absmax_steps(const Matrix<double>& weights, const IntegerRange& codes) {
    const auto largest_code = static_cast<double>(std::max(codes.max, -codes.min));
    std::vector<double> steps;
    steps.reserve(static_cast<std::size_t>(weights.rows()));
    for (Index c = 0; c < weights.rows(); ++c) {
        const double largest = weights.cols() > 0 ? weights.row(c).cwiseAbs().maxCoeff() : 0.0;
        const auto step = static_cast<float>(largest / largest_code);
        steps.push_back(step > 0 ? static_cast<double>(step) : 1.0);
    }
    return steps;
}

std::vector<double> least_error_steps(const Matrix<double>& weights, int weight_bits,
                                      const IntegerRange& codes) {
    std::vector<double> steps = absmax_steps(weights, narrow_range(weight_bits));
    for_blocks(weights.rows(), kChannels, [&](Index first, Index count) {
        for (Index c = first; c < first + count; ++c) {
            double& step = steps[static_cast<std::size_t>(c)];
            const double absmax = step;
            double least = std::numeric_limits<double>::infinity();
            for (int i = 0; i < kCandidates; ++i) {
                const double candidate = static_cast<float>(absmax * (1.0 - kBetween * i));
                if (!(candidate > 0)) break;  // float has no smaller number
                const double error = rounding_error(row_of(weights, c), candidate, codes);
                if (error < least) {
                    least = error;
                    step = candidate;
                }
            }
        }
    });
    return steps;
}

TileShifts covering_shifts(const Matrix<double>& weights, const std::vector<double>& step,
                           int weight_bits, Index tile_length) {
    const auto largest_code = static_cast<double>(narrow_range(weight_bits).max);
    TileShifts shifts(weights.rows(), (weights.cols() + tile_length - 1) / tile_length);
    for (Index c = 0; c < weights.rows(); ++c) {
        const std::span<std::int8_t> row = row_of(shifts, c);
        for (std::size_t t = 0; t < row.size(); ++t) {
            row[t] = static_cast<std::int8_t>(
                covering_shift(tile_of(row_of(weights, c), t, tile_length),
                               step[static_cast<std::size_t>(c)], largest_code));
        }
    }
    return shifts;
}

WeightSteps absmax_groups(const Matrix<double>& weights, int weight_bits, Index tile_length) {
    WeightSteps result{absmax_steps(weights, narrow_range(weight_bits)), {}};
    for (double& step : result.step) {
        const double finest = std::ldexp(step, -kLargestShift);
        // The hardware scales with normal floats.
        if (finest >= std::numeric_limits<float>::min()) step = finest;
    }
    result.shifts = covering_shifts(weights, result.step, weight_bits, tile_length);
    factor_out_shifts(weights, tile_length, result);
    return result;
}

WeightSteps least_error_groups(const Matrix<double>& weights, int weight_bits,
                               const IntegerRange& codes, Index tile_length) {
    const auto largest_code = static_cast<double>(narrow_range(weight_bits).max);
    WeightSteps result = absmax_groups(weights, weight_bits, tile_length);
    for_blocks(weights.rows(), kChannels, [&](Index first, Index count) {
        std::vector<std::int8_t> tried(static_cast<std::size_t>(result.shifts.cols()));
        for (Index c = first; c < first + count; ++c) {
            const Weights row = row_of(weights, c);
            double& step = result.step[static_cast<std::size_t>(c)];
            const double absmax = step;
            double least = std::numeric_limits<double>::infinity();
            for (int i = 0; i < kCandidates; ++i) {
                const double candidate = static_cast<float>(absmax * (1.0 - kBetween * i));
                if (!(candidate > 0)) break;  // float has no smaller number
                double error = 0.0;
                for (std::size_t t = 0; t < tried.size(); ++t) {
                    error += best_shift(tile_of(row, t, tile_length), candidate, codes,
                                        largest_code, tried[t]);
                }
                if (!(error < least)) continue;
                least = error;
                step = candidate;
                std::ranges::copy(tried, row_of(result.shifts, c).begin());
            }
        }
    });
    factor_out_shifts(weights, tile_length, result);
    return result;
}

void factor_out_shifts(const Matrix<double>& weights, Index tile_length, WeightSteps& steps) {
    for (Index c = 0; c < weights.rows(); ++c) {
        factor_out(row_of(weights, c), tile_length, steps.step[static_cast<std::size_t>(c)],
                   row_of(steps.shifts, c));
    }
}

std::vector<double> column_units(std::span<const std::int8_t> shifts, Index tile_length,
                                 Index depth) {
    std::vector<double> units(static_cast<std::size_t>(depth), 1.0);
    for (std::size_t t = 0; t < shifts.size(); ++t) {
        const Index first = static_cast<Index>(t) * tile_length;
        const Index end = std::min(first + tile_length, depth);
        std::fill(units.begin() + first, units.begin() + end, std::ldexp(1.0, shifts[t]));
    }
    return units;
}

void apply_units(std::span<const std::int8_t> shifts, Index tile_length,
                 Eigen::Ref<Eigen::RowVectorXd> row) {
    for (std::size_t t = 0; t < shifts.size(); ++t) {
        const Index first = static_cast<Index>(t) * tile_length;
        row.segment(first, std::min(tile_length, row.size() - first)) *= std::ldexp(1.0, shifts[t]);
    }
}

}  // namespace axesim::quant
