// SPDX-License-Identifier: Apache-2.0
#include "quant/step_search.h"

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "common/parallel.h"

namespace axesim::quant {

namespace {

constexpr Index kChannelsSearched = 16;  // times the candidates: about 110 rows side by side

// Nearest to 1 first: a later candidate has to be strictly better.
constexpr std::array<double, 7> kFactors{1.0, 1.1, 0.9, 1.25, 0.75, 1.5, 0.6};
constexpr double kWidest = 1.5, kFinest = 0.6;
// Very few bits want much finer steps, tight budgets wider ones.
constexpr std::array<double, 3> kFiner{0.5, 0.4, 0.3};
constexpr std::array<double, 3> kWider{1.8, 2.3, 2 * kWidest};
// Of a channel far beyond its budgets the error hardly depends on the step, up and down, until the
// step is wide enough for the codes to fit: wide ones are tried whatever the finer ones say.
constexpr double kFarBeyond = 4.0;
constexpr double kWidestScale = 1 << 15;  // nothing is left of 16 bits

struct Best {
    double factor = 1.0;
    double error = std::numeric_limits<double>::infinity();
};

double candidate(double step, double factor) {
    if (factor == 1.0) return step;
    const double rounded = static_cast<float>(step * factor);
    return rounded > 0 && std::isfinite(rounded) ? rounded : step;
}

/// The block of channels that starts at `first`.
class BlockSearch {
public:
    BlockSearch(const LayerRun& run, std::span<const double> steps, Index first,
                QuantizedLinear& result)
        : run_(run), steps_(steps), first_(first), result_(result), best_(steps.size()) {
        for (std::size_t c = 0; c < steps.size(); ++c) {
            overload_.push_back(run.overload({first + static_cast<Index>(c), steps[c]}));
        }
    }

    /// Tries `scale` times the factors on all channels whose best factor so far is `at`.
    void try_around(double at, std::span<const double> factors, double scale = 1.0) {
        try_where([&](std::size_t c) { return best_[c].factor == at; }, factors, scale);
    }

    /// Tries `scale` times the factors on all channels that the given step overloads as much.
    void try_relief(double scale, std::span<const double> factors) {
        try_where(
            [&](std::size_t c) { return std::exp2(std::round(std::log2(overload_[c]))) == scale; },
            factors, scale);
    }

private:
    void try_where(const std::function<bool(std::size_t)>& wanted, std::span<const double> factors,
                   double scale) {
        std::vector<Row> rows;
        std::vector<double> row_factors;
        for (std::size_t c = 0; c < steps_.size(); ++c) {
            if (!wanted(c)) continue;
            for (const double factor : factors) {
                const double scaled = scale * factor;
                rows.push_back({first_ + static_cast<Index>(c), candidate(steps_[c], scaled)});
                row_factors.push_back(scaled);
            }
        }
        if (rows.empty()) return;
        const RowCodes tried = run_.quantize(rows, true);
        for (std::size_t r = 0; r < rows.size(); ++r) {
            Best& best = best_[static_cast<std::size_t>(rows[r].channel - first_)];
            // The given step opens the contest, even where its error is not a number.
            if (row_factors[r] != 1.0 && !(tried.errors[r] < best.error)) continue;
            best = {row_factors[r], tried.errors[r]};
            result_.codes.row(rows[r].channel) = tried.codes.row(static_cast<Index>(r));
            result_.step[static_cast<std::size_t>(rows[r].channel)] = rows[r].step;
        }
    }

    const LayerRun& run_;
    std::span<const double> steps_;
    Index first_;
    QuantizedLinear& result_;
    std::vector<Best> best_;
    std::vector<double> overload_;
};

}  // namespace

QuantizedLinear search_steps(const LayerRun& run, Index depth, const std::vector<double>& steps) {
    QuantizedLinear result;
    result.codes.resize(static_cast<Index>(steps.size()), depth);
    result.step = steps;
    for_blocks(static_cast<Index>(steps.size()), kChannelsSearched, [&](Index first, Index count) {
        const auto block = std::span(steps).subspan(static_cast<std::size_t>(first),
                                                    static_cast<std::size_t>(count));
        BlockSearch search(run, block, first, result);
        search.try_around(1.0, kFactors);
        for (double scale = kFarBeyond; scale <= kWidestScale; scale *= 2) {
            search.try_relief(scale, kFactors);
        }
        for (double scale = kWidestScale; scale >= 1.0; scale /= 2) {
            search.try_around(scale * kFinest, kFiner, scale);
        }
        for (double scale = 1.0; scale <= kWidestScale; scale *= 2) {
            search.try_around(scale * kWidest, kWider, scale);
        }
    });
    return result;
}

}  // namespace axesim::quant
