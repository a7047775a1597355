// SPDX-License-Identifier: Apache-2.0
#include "quant/quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/error.h"
#include "common/parallel.h"
#include "common/rounding.h"
#include "common/stopwatch.h"
#include "quant/bounds.h"
#include "quant/certificate.h"
#include "quant/layer_inputs.h"
#include "quant/layer_run.h"
#include "quant/refine.h"
#include "quant/step_search.h"

namespace axesim::quant {

namespace {

void check_format(const std::string& name, const LinearFormat& format) {
    if (!format.weights.contains(0) || !format.activations.contains(0) ||
        !signed_range(16).contains(format.weights)) {
        throw UserError(fmt::format(
            "{}: weights [{}, {}] and activations [{}, {}] must hold 0, weights fit 16 bits", name,
            format.weights.min, format.weights.max, format.activations.min,
            format.activations.max));
    }
}

/// Codes that the config's weight range leaves of the format's.
IntegerRange allowed_codes(const LinearFormat& format, const QuantizerConfig& config) {
    if (config.weight_range == WeightRange::full) return format.weights;
    const IntegerRange narrow = narrow_range(format.weight_bits);
    return {std::max(format.weights.min, narrow.min), std::min(format.weights.max, narrow.max)};
}

std::vector<double> checked_steps(const std::string& name, const Matrix<double>& weights,
                                  const LinearFormat& format, const QuantizerConfig& config,
                                  std::vector<double> steps) {
    if (!weights.allFinite()) throw UserError(fmt::format("{}: a weight is not finite", name));
    if (steps.empty()) {
        if (config.weight_step == WeightStep::absmax) {
            return absmax_steps(weights, format.weight_bits);
        }
        return least_error_steps(weights, format.weight_bits, allowed_codes(format, config));
    }
    if (static_cast<Index>(steps.size()) != weights.rows()) {
        throw UserError(
            fmt::format("{}: {} steps for {} output channels", name, steps.size(), weights.rows()));
    }
    for (std::size_t c = 0; c < steps.size(); ++c) {
        if (!(steps[c] > 0) || !std::isfinite(steps[c])) {
            throw UserError(fmt::format("{}: the step of channel {} is {}, must be positive", name,
                                        c, steps[c]));
        }
    }
    return steps;
}

RoundingRules rounding_rules(Index depth, const LinearFormat& format,
                             const QuantizerConfig& config) {
    RoundingRules rules;
    rules.round_down = config.algorithm == Algorithm::naive_floor;
    rules.constrained = config.accumulator_aware == AccumulatorAware::axe;
    rules.soft_threshold = config.soft_threshold;
    rules.pad_short_tile = config.pad_short_tile_with_zeros;
    rules.weights = allowed_codes(format, config);
    rules.activations = format.activations;
    rules.depth = depth;
    // A tile longer than the depth is a short tile too, to be padded to its full length.
    rules.tile_length = format.accumulator.tile_size > 0 ? format.accumulator.tile_size : depth;
    rules.tiles = format.accumulator.tile_count(depth);
    rules.inner_bits = format.accumulator.inner_bits;
    const int outer = format.accumulator.outer_bits_for(depth);
    if (outer < outer_bits_for_tiles(rules.inner_bits, rules.tiles)) rules.outer_bits = outer;
    return rules;
}

/// Sum of squares of w - step * code, codes rounded to nearest and clipped.
double rounding_error(const Eigen::Ref<const Eigen::RowVectorXd>& weights, double step,
                      const IntegerRange& codes) {
    const auto low = static_cast<double>(codes.min);
    const auto high = static_cast<double>(codes.max);
    const double per_weight = 1.0 / step;
    double error = 0.0;
#pragma omp simd reduction(+ : error)
    for (Index k = 0; k < weights.size(); ++k) {
        double code = nearest_even(weights.data()[k] * per_weight);
        code = code < low ? low : code;
        code = code > high ? high : code;
        const double missed = weights.data()[k] - step * code;
        error += missed * missed;
    }
    return error;
}

QuantizedLinear quantize_at(const LayerRun& run, Index depth, std::vector<double> steps) {
    QuantizedLinear result;
    const auto channels = static_cast<Index>(steps.size());
    result.codes.resize(channels, depth);
    for_blocks(channels, kChannelBlock, [&](Index first, Index count) {
        std::vector<Row> rows;
        for (Index c = first; c < first + count; ++c) {
            rows.push_back({c, steps[static_cast<std::size_t>(c)]});
        }
        result.codes.middleRows(first, count) = run.quantize(rows, false).codes;
    });
    result.step = std::move(steps);
    return result;
}

QuantizedLinear round_weights(const Matrix<double>& weights, const LayerInputs& inputs,
                              const RoundingRules& rules, const QuantizerConfig& config,
                              std::vector<double> steps) {
    const LayerRun run(weights, inputs, rules, config);
    return config.step_search ? search_steps(run, weights.cols(), steps)
                              : quantize_at(run, weights.cols(), std::move(steps));
}

/// The promise of quantizer.h, checked on what is handed out.
void check_promise(const std::string& name, const QuantizedLinear& result,
                   const LinearFormat& format) {
    const Certificate proof = certify(result.codes, format.activations, format.accumulator);
    if (proof.certified) return;
    throw RunError(fmt::format(
        "{}: internal error: channel {} can reach [{}, {}] in spite of the constraint", name,
        proof.violation->channel, proof.violation->range.min, proof.violation->range.max));
}

}  // namespace

std::vector<double> absmax_steps(const Matrix<double>& weights, int weight_bits) {
    const auto largest_code = static_cast<double>(narrow_range(weight_bits).max);
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
    constexpr int kCandidates = 36;
    constexpr double kBetween = 0.02;
    std::vector<double> steps = absmax_steps(weights, weight_bits);
    for_blocks(weights.rows(), kChannelBlock, [&](Index first, Index count) {
        for (Index c = first; c < first + count; ++c) {
            double& step = steps[static_cast<std::size_t>(c)];
            const double absmax = step;
            double least = std::numeric_limits<double>::infinity();
            for (int i = 0; i < kCandidates; ++i) {
                const double candidate = static_cast<float>(absmax * (1.0 - kBetween * i));
                if (!(candidate > 0)) break;  // float has no smaller number
                const double error = rounding_error(weights.row(c), candidate, codes);
                if (error < least) {
                    least = error;
                    step = candidate;
                }
            }
        }
    });
    return steps;
}

QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const InputMoments& moments, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps) {
    return quantize_linear(name, weights, LayerInputs(name, weights.cols(), moments, config),
                           format, config, std::move(steps));
}

QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const LayerInputs& inputs, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps) {
    if (weights.cols() != inputs.depth()) {
        throw UserError(fmt::format("{}: calibration inputs have depth {}, the weights have {}",
                                    name, inputs.depth(), weights.cols()));
    }
    check_format(name, format);
    steps = checked_steps(name, weights, format, config, std::move(steps));
    if (weights.size() == 0) {
        QuantizedLinear empty;
        empty.codes.resize(weights.rows(), weights.cols());
        empty.step = std::move(steps);
        return empty;
    }
    Stopwatch stopwatch;
    const RoundingRules rules = rounding_rules(weights.cols(), format, config);
    QuantizedLinear result = round_weights(weights, inputs, rules, config, std::move(steps));
    result.fallback = inputs.feedback().fallback;
    result.rounding_seconds = stopwatch.seconds();
    stopwatch.restart();
    const bool promised = config.accumulator_aware == AccumulatorAware::axe ||
                          config.accumulator_aware == AccumulatorAware::ep_init;
    RoundingRules limits = rules;
    limits.constrained = promised;
    refine(weights, inputs.moments(), limits, config.refine_sweeps, result);
    result.refinement_seconds = stopwatch.seconds();
    if (promised) check_promise(name, result, format);
    return result;
}

}  // namespace axesim::quant
