// SPDX-License-Identifier: Apache-2.0
#include "quant/quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "common/parallel.h"
#include "common/stopwatch.h"
#include "quant/bias_correction.h"
#include "quant/bounds.h"
#include "quant/certificate.h"
#include "quant/layer_inputs.h"
#include "quant/layer_run.h"
#include "quant/refine.h"
#include "quant/step_search.h"

namespace axesim::quant {

namespace {

// What the step of a tile is multiplied with to see whether it suits the tile's budget better.
const std::vector<double> kPowerFactors{1, 2, 4};
const std::vector<double> kIntegerFactors{1, 1.25, 1.5, 2, 3, 4};

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

GroupFormat group_format(const LinearFormat& format, Index depth) {
    return {format.accumulator.groups, format.accumulator.tile_length(depth)};
}

/// The steps that the config asks for.
WeightSteps find_steps(const Matrix<double>& weights, const LinearFormat& format,
                       const QuantizerConfig& config) {
    const bool absmax = config.weight_step == WeightStep::absmax;
    const IntegerRange codes = allowed_codes(format, config);
    if (format.accumulator.groups != WeightGroups::none && weights.cols() > 0) {
        const GroupFormat groups = group_format(format, weights.cols());
        return absmax ? absmax_groups(weights, format.weight_bits, groups)
                      : least_error_groups(weights, format.weight_bits, codes, groups);
    }
    return {absmax ? absmax_steps(weights, codes)
                   : least_error_steps(weights, format.weight_bits, codes),
            {}};
}

WeightSteps checked_steps(const std::string& name, const Matrix<double>& weights,
                          const LinearFormat& format, const QuantizerConfig& config,
                          std::vector<double> steps) {
    if (!weights.allFinite()) throw UserError(fmt::format("{}: a weight is not finite", name));
    if (steps.empty()) return find_steps(weights, format, config);
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
    WeightSteps result{std::move(steps), {}};
    if (format.accumulator.groups != WeightGroups::none && weights.cols() > 0) {
        result.tile_scales = covering_scales(weights, result.step, format.weight_bits,
                                             group_format(format, weights.cols()));
    }
    return result;
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
    rules.largest_tile_scale = largest_tile_scale(format.accumulator.groups);
    const int outer = format.accumulator.outer_bits_for(depth);
    const int safe = outer_bits_for_tiles(rules.inner_bits, rules.tiles) +
                     format.accumulator.tile_scale_growth();
    if (outer < safe) rules.outer_bits = outer;
    return rules;
}

QuantizedLinear quantize_at(const LayerRun& run, Index depth, const std::vector<double>& steps) {
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
    result.step = steps;
    return result;
}

QuantizedLinear round_weights(const Matrix<double>& weights, const LayerInputs& inputs,
                              const RoundingRules& rules, const QuantizerConfig& config,
                              const WeightSteps& steps) {
    const LayerRun run(weights, inputs, rules, config, steps.tile_scales);
    return config.step_search ? search_steps(run, weights.cols(), steps.step)
                              : quantize_at(run, weights.cols(), steps.step);
}

/// Squared errors [out, tiles].
Matrix<double> tile_errors(const Matrix<double>& weights, const QuantizedLinear& linear) {
    Matrix<double> errors(linear.tile_scales.rows(), linear.tile_scales.cols());
    for_blocks(weights.rows(), kChannelBlock, [&](Index first, Index count) {
        for (Index c = first; c < first + count; ++c) {
            const Eigen::RowVectorXd missed = represented_weights(linear, c) - weights.row(c);
            for (Index t = 0; t < errors.cols(); ++t) {
                const Index at = t * linear.tile_length;
                errors(c, t) = missed.segment(at, std::min(linear.tile_length, missed.size() - at))
                                   .squaredNorm();
            }
        }
    });
    return errors;
}

/// Under a constraint the finer of two steps may lose more: its larger codes do not fit the tile's
/// budget. Each tile takes, of its step and some above it, the one with which plain rounding under
/// the constraint loses least.
void fit_tile_scales_to_budgets(const Matrix<double>& weights, const LinearFormat& format,
                                RoundingRules rules, QuantizerConfig config, WeightSteps& steps) {
    config.algorithm = Algorithm::naive_round;
    config.bias_correction = false;
    rules.outer_bits.reset();  // what all tiles share says nothing about one of them
    const LayerInputs all_alike("", weights.cols(), {}, config);
    const LayerRun run(weights, all_alike, rules, config, steps.tile_scales);
    const Eigen::Map<const Eigen::VectorXd> channel_steps(steps.step.data(), weights.rows());
    const Matrix<double> finest =
        steps.tile_scales.cast<double>().array().colwise() * channel_steps.array();
    Matrix<double> best = finest;
    Matrix<double> least;
    const bool powers = format.accumulator.groups == WeightGroups::power_of_two;
    for (const double factor : powers ? kPowerFactors : kIntegerFactors) {
        std::vector<double> tried_steps = steps.step;
        for (double& step : tried_steps) step = static_cast<float>(step * factor);
        QuantizedLinear tried = quantize_at(run, weights.cols(), tried_steps);
        tried.tile_scales = steps.tile_scales;
        tried.tile_length = format.accumulator.tile_length(weights.cols());
        const Matrix<double> errors = tile_errors(weights, tried);
        if (least.size() == 0) {
            least = errors;
            continue;
        }
        best = (errors.array() < least.array()).select(factor * finest, best);
        least = least.cwiseMin(errors);
    }
    steps = steps_of_tiles(weights, best, group_format(format, weights.cols()));
}

/// The promise of quantizer.h, checked on what is handed out.
void check_promise(const std::string& name, const QuantizedLinear& result,
                   const LinearFormat& format) {
    const Certificate proof =
        certify(result.codes, format.activations, format.accumulator, result.tile_scales);
    if (proof.certified) return;
    throw RunError(fmt::format(
        "{}: internal error: channel {} can reach [{}, {}] in spite of the constraint", name,
        proof.violation->channel, proof.violation->range.min, proof.violation->range.max));
}

}  // namespace

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
    const bool given = !steps.empty();
    WeightSteps chosen = checked_steps(name, weights, format, config, std::move(steps));
    if (weights.size() == 0) {
        QuantizedLinear empty;
        empty.codes.resize(weights.rows(), weights.cols());
        empty.step = chosen.step;
        empty.tile_scales = chosen.tile_scales;
        return empty;
    }
    Stopwatch stopwatch;
    const RoundingRules rules = rounding_rules(weights.cols(), format, config);
    const bool promised = config.accumulator_aware == AccumulatorAware::axe ||
                          config.accumulator_aware == AccumulatorAware::ep_init;
    if (chosen.tile_scales.size() > 0 && promised && !given) {
        fit_tile_scales_to_budgets(weights, format, rules, config, chosen);
    }
    QuantizedLinear result = round_weights(weights, inputs, rules, config, chosen);
    result.tile_scales = chosen.tile_scales;
    result.tile_length = format.accumulator.tile_length(weights.cols());
    result.fallback = inputs.feedback().fallback;
    result.rounding_seconds = stopwatch.seconds();
    stopwatch.restart();
    RoundingRules limits = rules;
    limits.constrained = promised;
    refine(weights, inputs.moments(), limits, config.refine_sweeps, result);
    result.refinement_seconds = stopwatch.seconds();
    if (promised) check_promise(name, result, format);
    if (config.bias_correction) {
        result.bias = mean_output_errors(weights, result, inputs.means());
    }
    return result;
}

Eigen::RowVectorXd represented_weights(const QuantizedLinear& linear, Index channel) {
    Eigen::RowVectorXd weights =
        linear.codes.row(channel).cast<double>() * linear.step[static_cast<std::size_t>(channel)];
    apply_units(tile_scales_of(linear.tile_scales, channel), linear.tile_length, weights);
    return weights;
}

Matrix<float> dequantized(const QuantizedLinear& linear) {
    Matrix<float> weights(linear.codes.rows(), linear.codes.cols());
    for (Index channel = 0; channel < weights.rows(); ++channel) {
        weights.row(channel) = linear.codes.row(channel).cast<float>() *
                               static_cast<float>(linear.step[static_cast<std::size_t>(channel)]);
        for (Index t = 0; t < linear.tile_scales.cols(); ++t) {
            const Index first = t * linear.tile_length;
            weights.row(channel).segment(first,
                                         std::min(linear.tile_length, weights.cols() - first)) *=
                static_cast<float>(linear.tile_scales(channel, t));
        }
    }
    return weights;
}

void QuantizedLinear::append(QuantizedLinear&& part) {
    if (codes.size() == 0) {
        *this = std::move(part);
        return;
    }
    const Index rows = codes.rows();
    codes.conservativeResize(rows + part.codes.rows(), codes.cols());
    codes.bottomRows(part.codes.rows()) = part.codes;
    tile_scales.conservativeResize(rows + part.tile_scales.rows(), tile_scales.cols());
    tile_scales.bottomRows(part.tile_scales.rows()) = part.tile_scales;
    step.insert(step.end(), part.step.begin(), part.step.end());
    bias.insert(bias.end(), part.bias.begin(), part.bias.end());
    if (fallback.empty()) fallback = std::move(part.fallback);
    rounding_seconds += part.rounding_seconds;
    refinement_seconds += part.refinement_seconds;
}

}  // namespace axesim::quant
