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

/// The steps that the config asks for.
WeightSteps find_steps(const Matrix<double>& weights, const LinearFormat& format,
                       const QuantizerConfig& config) {
    const bool absmax = config.weight_step == WeightStep::absmax;
    const IntegerRange codes = allowed_codes(format, config);
    if (format.accumulator.groups == WeightGroups::power_of_two && weights.cols() > 0) {
        const Index tile = format.accumulator.tile_length(weights.cols());
        return absmax ? absmax_groups(weights, format.weight_bits, tile)
                      : least_error_groups(weights, format.weight_bits, codes, tile);
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
    if (format.accumulator.groups == WeightGroups::power_of_two && weights.cols() > 0) {
        result.shifts = covering_shifts(weights, result.step, format.weight_bits,
                                        format.accumulator.tile_length(weights.cols()));
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
    rules.largest_shift = format.accumulator.largest_shift();
    const int outer = format.accumulator.outer_bits_for(depth);
    const int safe = outer_bits_for_tiles(rules.inner_bits, rules.tiles) + rules.largest_shift;
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
    const LayerRun run(weights, inputs, rules, config, steps.shifts);
    return config.step_search ? search_steps(run, weights.cols(), steps.step)
                              : quantize_at(run, weights.cols(), steps.step);
}

/// Squared errors [out, tiles].
Matrix<double> tile_errors(const Matrix<double>& weights, const QuantizedLinear& linear) {
    Matrix<double> errors(linear.shifts.rows(), linear.shifts.cols());
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
/// budget. Each tile takes, of its shift and the ones above it, the one with which plain rounding
/// under the constraint loses least.
void fit_shifts_to_budgets(const Matrix<double>& weights, const LinearFormat& format,
                           RoundingRules rules, QuantizerConfig config, WeightSteps& steps) {
    constexpr int kTried = 3;
    config.algorithm = Algorithm::naive_round;
    config.bias_correction = false;
    rules.outer_bits.reset();  // what all tiles share says nothing about one of them
    const LayerInputs all_alike("", weights.cols(), {}, config);
    TileShifts best;
    Matrix<double> least;
    for (int more = 0; more < kTried; ++more) {
        QuantizedLinear tried;
        const TileShifts shifts = (steps.shifts.array() + static_cast<std::int8_t>(more))
                                      .min(static_cast<std::int8_t>(kLargestShift));
        const LayerRun run(weights, all_alike, rules, config, shifts);
        tried = quantize_at(run, weights.cols(), steps.step);
        tried.shifts = shifts;
        tried.tile_length = format.accumulator.tile_length(weights.cols());
        const Matrix<double> errors = tile_errors(weights, tried);
        if (more == 0) {
            best = shifts;
            least = errors;
            continue;
        }
        best = (errors.array() < least.array()).select(shifts, best);
        least = least.cwiseMin(errors);
    }
    steps.shifts = best;
    factor_out_shifts(weights, format.accumulator.tile_length(weights.cols()), steps);
}

/// The promise of quantizer.h, checked on what is handed out.
void check_promise(const std::string& name, const QuantizedLinear& result,
                   const LinearFormat& format) {
    const Certificate proof =
        certify(result.codes, format.activations, format.accumulator, result.shifts);
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
        empty.shifts = chosen.shifts;
        return empty;
    }
    Stopwatch stopwatch;
    const RoundingRules rules = rounding_rules(weights.cols(), format, config);
    const bool promised = config.accumulator_aware == AccumulatorAware::axe ||
                          config.accumulator_aware == AccumulatorAware::ep_init;
    if (chosen.shifts.size() > 0 && promised && !given) {
        fit_shifts_to_budgets(weights, format, rules, config, chosen);
    }
    QuantizedLinear result = round_weights(weights, inputs, rules, config, chosen);
    result.shifts = chosen.shifts;
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
    apply_units(shifts_of(linear.shifts, channel), linear.tile_length, weights);
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
    shifts.conservativeResize(rows + part.shifts.rows(), shifts.cols());
    shifts.bottomRows(part.shifts.rows()) = part.shifts;
    step.insert(step.end(), part.step.begin(), part.step.end());
    bias.insert(bias.end(), part.bias.begin(), part.bias.end());
    if (fallback.empty()) fallback = std::move(part.fallback);
    rounding_seconds += part.rounding_seconds;
    refinement_seconds += part.refinement_seconds;
}

}  // namespace axesim::quant
