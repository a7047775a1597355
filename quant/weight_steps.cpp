// SPDX-License-Identifier: Apache-2.0
#include "quant/weight_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/parallel.h"
#include "common/rounding.h"

namespace axesim::quant {

namespace {

constexpr Index kChannels = 48;  // that one thread takes at a time
constexpr int kCandidates = 36;  // parts of the absmax step: 1, 0.98, 0.96 ...
constexpr double kBetween = 0.02;
constexpr int kFinestTried = 4;  // of a tile: no less than this part of its covering scale

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

std::span<std::uint8_t> row_of(TileScales& tile_scales, Index channel) {
    return {tile_scales.row(channel).data(), static_cast<std::size_t>(tile_scales.cols())};
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

/// The least scale with which the tile's largest weight rounds to no more than the largest code.
int covering_scale(Weights tile, double step, double largest_code, WeightGroups groups) {
    return tile_scale_from(groups, largest_of(tile) / ((largest_code + 0.5) * step));
}

/// Moves what all scales of a channel have in common into its step, so that the outer accumulator
/// counts in the largest unit that it can. Tiles of zeros have any scale.
void factor_out(Weights row, Index tile_length, double& step, std::span<std::uint8_t> scales) {
    int common = 0;
    for (std::size_t t = 0; t < scales.size(); ++t) {
        if (largest_of(tile_of(row, t, tile_length)) > 0) common = std::gcd(common, scales[t]);
    }
    common = std::max(1, common);
    step = static_cast<float>(step * common);
    for (std::uint8_t& scale : scales) {
        scale = static_cast<std::uint8_t>(std::max(1, scale / common));
    }
}

void factor_out_common(const Matrix<double>& weights, Index tile_length, WeightSteps& steps) {
    for (Index c = 0; c < weights.rows(); ++c) {
        factor_out(row_of(weights, c), tile_length, steps.step[static_cast<std::size_t>(c)],
                   row_of(steps.tile_scales, c));
    }
}

/// Of a tile's covering scale and those below it the one with the least error, and that error.
double best_scale(Weights tile, double step, const IntegerRange& codes, double largest_code,
                  WeightGroups groups, std::uint8_t& scale) {
    const int covering = covering_scale(tile, step, largest_code, groups);
    double least = std::numeric_limits<double>::infinity();
    for (int s = tile_scale_from(groups, covering / double{kFinestTried}); s <= covering;
         s = tile_scale_from(groups, s + 1)) {
        const double error = rounding_error(tile, step * s, codes);
        if (error <= least) {
            least = error;
            scale = static_cast<std::uint8_t>(s);
        }
        if (s == largest_tile_scale(groups)) break;
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

TileScales covering_scales(const Matrix<double>& weights, const std::vector<double>& step,
                           int weight_bits, const GroupFormat& format) {
    const auto largest_code = static_cast<double>(narrow_range(weight_bits).max);
    TileScales scales(weights.rows(),
                      (weights.cols() + format.tile_length - 1) / format.tile_length);
    for (Index c = 0; c < weights.rows(); ++c) {
        const std::span<std::uint8_t> row = row_of(scales, c);
        for (std::size_t t = 0; t < row.size(); ++t) {
            row[t] = static_cast<std::uint8_t>(
                covering_scale(tile_of(row_of(weights, c), t, format.tile_length),
                               step[static_cast<std::size_t>(c)], largest_code, format.groups));
        }
    }
    return scales;
}

WeightSteps absmax_groups(const Matrix<double>& weights, int weight_bits,
                          const GroupFormat& format) {
    WeightSteps result{absmax_steps(weights, narrow_range(weight_bits)), {}};
    for (Index c = 0; c < weights.rows(); ++c) {
        if (largest_of(row_of(weights, c)) == 0) continue;
        double& step = result.step[static_cast<std::size_t>(c)];
        const auto finest = static_cast<float>(step / largest_tile_scale(format.groups));
        // The hardware scales with normal floats.
        if (finest >= std::numeric_limits<float>::min()) step = finest;
    }
    result.tile_scales = covering_scales(weights, result.step, weight_bits, format);
    factor_out_common(weights, format.tile_length, result);
    return result;
}

WeightSteps least_error_groups(const Matrix<double>& weights, int weight_bits,
                               const IntegerRange& codes, const GroupFormat& format) {
    const auto largest_code = static_cast<double>(narrow_range(weight_bits).max);
    const int candidates = format.groups == WeightGroups::power_of_two ? kCandidates : 1;
    WeightSteps result = absmax_groups(weights, weight_bits, format);
    for_blocks(weights.rows(), kChannels, [&](Index first, Index count) {
        std::vector<std::uint8_t> tried(static_cast<std::size_t>(result.tile_scales.cols()));
        for (Index c = first; c < first + count; ++c) {
            const Weights row = row_of(weights, c);
            double& step = result.step[static_cast<std::size_t>(c)];
            const double absmax = step;
            double least = std::numeric_limits<double>::infinity();
            for (int i = 0; i < candidates; ++i) {
                const double candidate = static_cast<float>(absmax * (1.0 - kBetween * i));
                if (!(candidate > 0)) break;  // float has no smaller number
                double error = 0.0;
                for (std::size_t t = 0; t < tried.size(); ++t) {
                    error += best_scale(tile_of(row, t, format.tile_length), candidate, codes,
                                        largest_code, format.groups, tried[t]);
                }
                if (!(error < least)) continue;
                least = error;
                step = candidate;
                std::ranges::copy(tried, row_of(result.tile_scales, c).begin());
            }
        }
    });
    factor_out_common(weights, format.tile_length, result);
    return result;
}

WeightSteps steps_of_tiles(const Matrix<double>& weights, const Matrix<double>& tile_steps,
                           const GroupFormat& format) {
    WeightSteps result{{}, TileScales(tile_steps.rows(), tile_steps.cols())};
    for (Index c = 0; c < tile_steps.rows(); ++c) {
        double largest = 0.0;
        for (Index t = 0; t < tile_steps.cols(); ++t) {
            const Weights tile =
                tile_of(row_of(weights, c), static_cast<std::size_t>(t), format.tile_length);
            if (largest_of(tile) > 0) largest = std::max(largest, tile_steps(c, t));
        }
        if (largest == 0) largest = tile_steps.row(c).maxCoeff();
        const double step = static_cast<float>(largest / largest_tile_scale(format.groups));
        result.step.push_back(step);
        for (Index t = 0; t < tile_steps.cols(); ++t) {
            // What float rounded may be a little more than a whole number of steps.
            constexpr double kRounding = 1e-6;
            result.tile_scales(c, t) = static_cast<std::uint8_t>(tile_scale_from(
                format.groups, std::round(tile_steps(c, t) / step * (1 - kRounding))));
        }
    }
    factor_out_common(weights, format.tile_length, result);
    return result;
}

std::vector<double> column_units(std::span<const std::uint8_t> tile_scales, Index tile_length,
                                 Index depth) {
    std::vector<double> units(static_cast<std::size_t>(depth), 1.0);
    for (std::size_t t = 0; t < tile_scales.size(); ++t) {
        const Index first = static_cast<Index>(t) * tile_length;
        const Index end = std::min(first + tile_length, depth);
        std::fill(units.begin() + first, units.begin() + end, tile_scales[t]);
    }
    return units;
}

void apply_units(std::span<const std::uint8_t> tile_scales, Index tile_length,
                 Eigen::Ref<Eigen::RowVectorXd> row) {
    for (std::size_t t = 0; t < tile_scales.size(); ++t) {
        const Index first = static_cast<Index>(t) * tile_length;
        row.segment(first, std::min(tile_length, row.size() - first)) *= tile_scales[t];
    }
}

}  // namespace axesim::quant
