// SPDX-License-Identifier: Apache-2.0
#include "quant/refine.h"

#include <algorithm>
#include <cmath>

#include "common/parallel.h"
#include "quant/bounds.h"
#include "quant/feedback.h"
#include "quant/layer_run.h"

namespace axesim::quant {

namespace {

void change(CodeSums& sums, std::int64_t from, std::int64_t to) {
    (from > 0 ? sums.positive : sums.negative) -= from;
    sums.add(to);
}

bool fits(const CodeSums& sums, int bits, const IntegerRange& activations) {
    const IntegerRange reach = sums.reach(activations);
    const std::int64_t limit = accumulator_limit(bits);
    return reach.max <= limit && reach.min >= -limit;
}

/// One channel's codes and what its accumulators still hold.
class Channel {
public:
    /// units [K]: what a code counts in the outer accumulator.
    Channel(const RoundingRules& rules, std::span<std::int16_t> codes,
            std::span<const double> units)
        : rules_(rules), codes_(codes), units_(units) {
        if (!rules.constrained) return;
        tiles_.resize(static_cast<std::size_t>(rules.tiles));
        for (std::size_t k = 0; k < codes.size(); ++k) {
            tiles_[tile(k)].add(codes[k]);
            whole_.add(amount(k, codes[k]));
        }
    }

    /// Moves code k as far towards `wanted` as the limits allow; returns the change.
    std::int64_t move(std::size_t k, double wanted) {
        const std::int64_t from = codes_[k];
        const auto low = static_cast<double>(rules_.weights.min);
        const auto high = static_cast<double>(rules_.weights.max);
        auto to = static_cast<std::int64_t>(std::clamp(wanted, low, high));
        while (to != from && !allowed(k, to)) to += to > from ? -1 : 1;
        if (to == from) return 0;
        if (rules_.constrained) {
            change(tiles_[tile(k)], from, to);
            change(whole_, amount(k, from), amount(k, to));
        }
        codes_[k] = static_cast<std::int16_t>(to);
        return to - from;
    }

private:
    std::size_t tile(std::size_t k) const {
        return k / static_cast<std::size_t>(rules_.tile_length);
    }
    std::int64_t amount(std::size_t k, std::int64_t code) const {
        return code * static_cast<std::int64_t>(units_[k]);
    }
    bool allowed(std::size_t k, std::int64_t to) const {
        if (!rules_.constrained) return true;
        CodeSums sums = tiles_[tile(k)];
        change(sums, codes_[k], to);
        if (!fits(sums, rules_.inner_bits, rules_.activations)) return false;
        if (!rules_.outer_bits) return true;
        sums = whole_;
        change(sums, amount(k, codes_[k]), amount(k, to));
        return fits(sums, *rules_.outer_bits, rules_.activations);
    }

    const RoundingRules& rules_;
    std::span<std::int16_t> codes_;
    std::span<const double> units_;
    std::vector<CodeSums> tiles_;
    CodeSums whole_;
};

using Residual = Eigen::Ref<Eigen::RowVectorXd>;

/// One sweep over the codes; `residual` is l - s q H. Returns the number of codes that changed.
Index sweep(const Matrix<double>& h, const std::vector<Index>& order, double channel_step,
            std::span<const double> units, Channel& channel, std::span<const std::int16_t> codes,
            Residual residual) {
    Index changes = 0;
    for (const Index k : order) {
        const double step = channel_step * units[static_cast<std::size_t>(k)];
        const double curvature = step * h(k, k);
        if (!(curvature > 0)) continue;
        const double wish = residual(k) / curvature;
        if (std::abs(wish) <= 0.5) continue;
        const double code = codes[static_cast<std::size_t>(k)];
        const std::int64_t change =
            channel.move(static_cast<std::size_t>(k), code + std::nearbyint(wish));
        if (change == 0) continue;
        residual -= step * static_cast<double>(change) * h.row(k);
        ++changes;
    }
    return changes;
}

/// The step that fits the codes best, in single precision; updates `residual` = l - s p, p = q H.
double fit_step(const Eigen::Ref<const Eigen::RowVectorXd>& l, double step,
                std::span<const double> units, std::span<const std::int16_t> codes,
                Residual residual) {
    const auto count = static_cast<Index>(codes.size());
    const auto q =
        Eigen::Map<const Eigen::RowVector<std::int16_t, Eigen::Dynamic>>(codes.data(), count)
            .cast<double>()
            .cwiseProduct(Eigen::Map<const Eigen::RowVectorXd>(units.data(), count));
    const double energy = (l - residual).dot(q) / step;  // p q^T
    if (!(energy > 0)) return step;
    const double fitted = static_cast<float>(l.dot(q) / energy);
    if (!(fitted > 0) || !std::isfinite(fitted)) return step;
    residual = l - fitted / step * (l - residual);
    return fitted;
}

}  // namespace

void refine(const Matrix<double>& weights, const InputMoments& moments, const RoundingRules& rules,
            int sweeps, QuantizedLinear& linear) {
    const Matrix<double>& h = moments.h;
    if (sweeps <= 0 || h.size() == 0 || !h.allFinite() || !moments.g.allFinite()) return;
    const std::vector<Index> order = visiting_order(h, weights.cols(), ColumnOrder::activation);
    for_blocks(weights.rows(), kChannelBlock, [&](Index first, Index count) {
        Matrix<double> values = linear.codes.middleRows(first, count).cast<double>();
        for (Index r = 0; r < count; ++r) {
            values.row(r) *= linear.step[static_cast<std::size_t>(first + r)];
            apply_units(tile_scales_of(linear.tile_scales, first + r), rules.tile_length,
                        values.row(r));
        }
        Matrix<double> l(count, h.cols());
        if (moments.g.size() > 0) {
            l.noalias() = weights.middleRows(first, count) * moments.g.transpose();
        } else {
            l.noalias() = weights.middleRows(first, count) * h;
        }
        Matrix<double> residual = l;
        residual.noalias() -= values * h;
        for (Index r = 0; r < count; ++r) {
            const std::span codes(linear.codes.row(first + r).data(),
                                  static_cast<std::size_t>(h.cols()));
            double& step = linear.step[static_cast<std::size_t>(first + r)];
            const std::vector<double> units = column_units(
                tile_scales_of(linear.tile_scales, first + r), rules.tile_length, h.cols());
            Channel channel(rules, codes, units);
            for (int i = 0; i < sweeps; ++i) {
                const Index changes = sweep(h, order, step, units, channel, codes, residual.row(r));
                const double fitted = fit_step(l.row(r), step, units, codes, residual.row(r));
                if (changes == 0 && fitted == step) break;
                step = fitted;
            }
        }
    });
}

}  // namespace axesim::quant
