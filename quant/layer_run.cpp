// SPDX-License-Identifier: Apache-2.0
#include "quant/layer_run.h"

#include <algorithm>
#include <cmath>

#include "common/parallel.h"
#include "quant/bounds.h"
#include "quant/ep_init.h"

namespace axesim::quant {

LayerRun::LayerRun(const Matrix<double>& weights, const LayerInputs& inputs,
                   const RoundingRules& rules, const QuantizerConfig& config,
                   const TileScales& tile_scales)
    : weights_(weights),
      moments_(inputs.moments()),
      feedback_(inputs.feedback()),
      rules_(rules),
      tile_scales_(tile_scales),
      is_optq_(config.algorithm == Algorithm::optq || config.algorithm == Algorithm::qronos),
      post_(is_optq_ && config.error_feedback == ErrorFeedback::post),
      ep_init_(config.accumulator_aware == AccumulatorAware::ep_init),
      has_g_(feedback_.base.size() > 0),
      from_base_(is_optq_ || !has_g_),
      pass_gives_errors_(pass_gives_errors(feedback_, config)) {
    if (!has_g_) return;
    const Index channels = weights.rows(), depth = weights.cols();
    Matrix<double> visited(channels, depth);
    for_blocks(channels, kChannelBlock, [&](Index first, Index count) {
        for (Index r = first; r < first + count; ++r) {
            for (Index i = 0; i < depth; ++i) visited(r, i) = visited_weight(r, i);
        }
    });
    if (feedback_.first.size() > 0) first_ = visited * feedback_.first;
    // GPFQ's base is 0 below the diagonal.
    const bool is_upper = !is_optq_;
    constexpr Index kColumns = 192;  // of a product that one thread makes
    base_.resize(channels, depth);
    for_blocks(depth, kColumns, [&](Index first, Index count) {
        const Index rows = is_upper ? first + count : depth;
        base_.middleCols(first, count).noalias() =
            visited.leftCols(rows) * feedback_.base.block(0, first, rows, count);
    });
    if (!config.step_search) return;
    linear_.resize(channels, depth);
    for_blocks(depth, kColumns, [&](Index first, Index count) {
        linear_.middleCols(first, count).noalias() =
            weights * moments_.g.middleRows(first, count).transpose();
    });
}

double LayerRun::visited_weight(Index channel, Index i) const {
    const Index column = feedback_.order[static_cast<std::size_t>(i)];
    // OPTQ drops a weight whose input is never active (axe.md 2.3).
    const bool dropped = is_optq_ && feedback_.dead[static_cast<std::size_t>(column)] != 0;
    return dropped ? 0.0 : weights_(channel, column);
}

double LayerRun::overload(const Row& row) const {
    if (!rules_.constrained) return 0.0;
    const std::vector<double> units =
        column_units(tile_scales_of(tile_scales_, row.channel), rules_.tile_length, rules_.depth);
    double magnitudes = 0.0;
    for (Index k = 0; k < weights_.cols(); ++k) {
        magnitudes += std::abs(weights_(row.channel, k)) / units[static_cast<std::size_t>(k)];
    }
    const double room =
        static_cast<double>(rules_.tiles) * zero_sum_bound(rules_.inner_bits, rules_.activations);
    return magnitudes / (row.step * room);
}

RowCodes LayerRun::quantize(std::span<const Row> rows, bool judge) const {
    Pass pass = start(rows);
    const Index depth = weights_.cols();
    for (Index first = 0; first < depth; first += kPanel) {
        round_columns(pass, first, std::min(kPanel, depth - first));
    }
    if (ep_init_) project(pass);
    if (judge) {
        pass.result.errors = pass_gives_errors_ ? errors_of_pass(pass) : errors_of_codes(pass);
    }
    return std::move(pass.result);
}

LayerRun::Pass LayerRun::start(std::span<const Row> rows) const {
    const auto count = static_cast<Index>(rows.size());
    const Index depth = weights_.cols();
    Pass pass{rows, Rounder(rules_, count), Eigen::MatrixXd(count, depth), {}, {}, {}};
    pass.deviations.resize(count, depth);
    pass.result.codes.resize(count, depth);
    std::vector<double> seen(static_cast<std::size_t>(depth));
    for (Index r = 0; r < count; ++r) {
        const Row& row = rows[static_cast<std::size_t>(r)];
        for (Index i = 0; i < depth; ++i) {
            pass.base(r, i) = has_g_ ? base_(row.channel, i) : visited_weight(row.channel, i);
        }
        for (std::size_t k = 0; k < seen.size(); ++k) {
            const bool dead = feedback_.dead[k] != 0;
            seen[k] = dead ? 0.0 : weights_(row.channel, static_cast<Index>(k));
        }
        pass.rounder.set_row(r, seen, row.step, tile_scales_of(tile_scales_, row.channel));
    }
    pass.arguments = pass.base;
    if (first_.size() > 0) {
        for (Index r = 0; r < count; ++r) {
            pass.arguments(r, 0) = first_(rows[static_cast<std::size_t>(r)].channel);
        }
    }
    return pass;
}

void LayerRun::round_columns(Pass& pass, Index first, Index count) const {
    if (feedback_.gain.empty()) {
        for (Index i = first; i < first + count; ++i) round_column(pass, i);
        return;
    }
    const MatrixView<double> gain = feedback_.gain.at(first);
    if (first > 0) {
        pass.arguments.middleCols(first, count).noalias() +=
            pass.deviations.leftCols(first) * gain.topRows(first);
    }
    for (Index i = first; i < first + count; ++i) {
        round_column(pass, i);
        for (Index j = i + 1; j < first + count; ++j) {
            pass.arguments.col(j) += pass.deviations.col(i) * gain(i, j - first);
        }
    }
}

void LayerRun::round_column(Pass& pass, Index i) const {
    using Values = Eigen::Map<const Eigen::VectorXd>;
    const Index column = feedback_.order[static_cast<std::size_t>(i)];
    const Index rows = pass.arguments.rows();
    auto deviations = pass.deviations.col(i);
    if (feedback_.dead[static_cast<std::size_t>(column)] != 0) {
        pass.result.codes.col(column).setZero();
        deviations = pass.base.col(i) * (from_base_ && !post_ ? 1.0 : 0.0);
        return;
    }
    pass.rounder.round(column, {pass.arguments.col(i).data(), static_cast<std::size_t>(rows)});
    const Values steps(pass.rounder.steps().data(), rows);
    const Values codes(pass.rounder.codes().data(), rows);
    const Values kept(pass.rounder.kept().data(), rows);
    pass.result.codes.col(column) = codes.cast<std::int16_t>();
    if (post_) {
        deviations = pass.base.col(i) - pass.arguments.col(i) + (kept - codes).cwiseProduct(steps);
    } else {
        deviations = -codes.cwiseProduct(steps);
        if (from_base_) deviations += pass.base.col(i);
    }
}

void LayerRun::project(Pass& pass) const {
    for (Index r = 0; r < pass.result.codes.rows(); ++r) {
        const std::span<std::int16_t> codes(pass.result.codes.row(r).data(),
                                            static_cast<std::size_t>(rules_.depth));
        for (std::int64_t first = 0; first < rules_.depth; first += rules_.tile_length) {
            const std::int64_t count = std::min(rules_.tile_length, rules_.depth - first);
            project_codes(
                codes.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                accumulator_limit(rules_.inner_bits), rules_.activations);
        }
        // Rounding toward zero only shrinks codes, so the tiles go on fitting.
        if (rules_.outer_bits) {
            const Index channel = pass.rows[static_cast<std::size_t>(r)].channel;
            project_codes(codes, accumulator_limit(*rules_.outer_bits), rules_.activations,
                          column_units(tile_scales_of(tile_scales_, channel), rules_.tile_length,
                                       rules_.depth));
        }
    }
}

// What the pass computed anyway gives the error at no cost. With u = v - base = d A:
//   GPFQ: d H d^T = sum_i H_ii d_i (d_i + 2 u_i);  with g, d = -s q and the error is
//         |w X - s q Xq|^2 = d H d^T + 2 d (w G^T)^T + const.
//   OPTQ: d (H + damping) d^T = |d R|^2 = sum_i R_ii^2 (d_i + u_i)^2. Qronos: the same, which with
//         its base is the error against the float net's outputs, damping included.
std::vector<double> LayerRun::errors_of_pass(const Pass& pass) const {
    Eigen::ArrayXd errors = Eigen::ArrayXd::Zero(pass.arguments.rows());
    for (Index i = 0; i < weights_.cols(); ++i) {
        const double pivot = feedback_.pivot[static_cast<std::size_t>(i)];
        const auto d = pass.deviations.col(i).array();
        const auto u = (pass.arguments.col(i) - pass.base.col(i)).array();
        if (is_optq_) {
            errors += pivot * (d + u).square();
            if (!has_g_) errors -= feedback_.damping * d.square();
        } else {
            errors += pivot * d * (d + 2.0 * u);
        }
        if (from_base_) continue;
        const Index column = feedback_.order[static_cast<std::size_t>(i)];
        for (Index r = 0; r < errors.size(); ++r) {
            const Index channel = pass.rows[static_cast<std::size_t>(r)].channel;
            errors(r) += 2.0 * d(r) * linear_(channel, column);
        }
    }
    return {errors.begin(), errors.end()};
}

std::vector<double> LayerRun::errors_of_codes(const Pass& pass) const {
    Matrix<double> d = -pass.result.codes.cast<double>();
    for (Index r = 0; r < d.rows(); ++r) {
        const Row& row = pass.rows[static_cast<std::size_t>(r)];
        d.row(r) *= row.step;
        apply_units(tile_scales_of(tile_scales_, row.channel), rules_.tile_length, d.row(r));
        if (!has_g_) d.row(r) += weights_.row(row.channel);
    }
    // Without moments every input counts the same.
    Matrix<double> product = d;
    if (moments_.h.size() > 0) product.noalias() = d * moments_.h;
    std::vector<double> errors;
    for (Index r = 0; r < d.rows(); ++r) {
        double error = d.row(r).dot(product.row(r));
        if (has_g_) {
            const Index channel = pass.rows[static_cast<std::size_t>(r)].channel;
            error += 2.0 * d.row(r).dot(linear_.row(channel));
        }
        errors.push_back(error);
    }
    return errors;
}

}  // namespace axesim::quant
