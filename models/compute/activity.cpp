// SPDX-License-Identifier: Apache-2.0
#include "models/compute/activity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "common/rounding.h"
#include "models/compute/accumulator_rule.h"

namespace axesim::models {

namespace {

// Of a tile's units one in kOneOf is watched, within these bounds.
constexpr Index kOneOf = 16, kFewest = 4, kMost = 16;
// Steps of a sequence that fills the unit square evenly: 1/g and 1/g^2 for g^3 = g + 1.
constexpr double kTokenStep = 0.7548776662466927, kChannelStep = 0.5698402909980532;
constexpr Index kNominalSteps = 1 << 15;  // of the one unit with nominal operands
constexpr Index kNominalTile = 32;        // its steps between two clearings
constexpr double kNominalDeviations = 3.5;

/// Bits of a code in this range.
int code_bits(const IntegerRange& range) {
    return range.min < 0 ? signed_bits_for(range) : signed_bits_for(range) - 1;
}

std::uint64_t low_bits(int bits) { return (std::uint64_t{1} << bits) - 1; }

std::uint64_t ones(std::uint64_t word) { return static_cast<std::uint64_t>(std::popcount(word)); }

/// The number'th of a sequence of indices below `count`.
Index pick(std::uint64_t number, double step, Index count) {
    const double place = static_cast<double>(number) * step;
    return static_cast<Index>((place - std::floor(place)) * static_cast<double>(count));
}

/// Operands of one product, as the bits in the unit's registers, 16 at most.
struct Operands {
    std::uint64_t weight, activation;
};

/// The ones in each of four fields of 16 bits, at once: without an instruction for it, which not
/// every processor has, std::popcount is a call that takes longer than everything else here.
std::uint64_t ones_of_fields(std::uint64_t fields) {
    fields -= fields >> 1 & 0x5555'5555'5555'5555;
    fields = (fields & 0x3333'3333'3333'3333) + (fields >> 2 & 0x3333'3333'3333'3333);
    fields = (fields + (fields >> 4)) & 0x0F0F'0F0F'0F0F'0F0F;
    return (fields + (fields >> 8)) & 0x00FF'00FF'00FF'00FF;
}

/// Of two fields, the product of their ones.
std::uint64_t product_of_ones(std::uint64_t ones, int field) {
    return (ones >> 16 * field & 0xFF) * (ones >> 16 * (field + 1) & 0xFF);
}

/// A bit product is 1 where both its bits are. It toggles unless it was 1 both times or neither.
std::uint64_t partial_product_toggles(const Operands& a, const Operands& b) {
    const std::uint64_t each =
        ones_of_fields(a.weight | a.activation << 16 | b.weight << 32 | b.activation << 48);
    const std::uint64_t both =
        ones_of_fields((a.weight & b.weight) | (a.activation & b.activation) << 16);
    return product_of_ones(each, 0) + product_of_ones(each, 2) - 2 * product_of_ones(both, 0);
}

/// A unit's operands and the sums of one output's products, step by step.
class Walk {
public:
    Walk(const Matrix<std::int32_t>& activations, const Matrix<std::int16_t>& weights, Index token,
         Index channel, const GemmFormat& format)
        : activations_(activations.row(token).data()),
          weights_(weights.row(channel).data()),
          depth_(weights.cols()),
          lanes_(format.accumulator.lanes),
          tile_(format.accumulator.tile_length(weights.cols())),
          rule_(format.accumulator.inner_bits, format.accumulator.overflow),
          weight_mask_(low_bits(code_bits(format.weights))),
          activation_mask_(low_bits(code_bits(format.activations))),
          inner_mask_(low_bits(format.accumulator.inner_bits)) {}

    /// Adds the products of the next step; false at the end of the depth.
    bool step() {
        first_ = end_;
        if (first_ == depth_) return false;
        const bool tile_begins = first_ == tile_end_;
        if (tile_begins) tile_end_ = std::min(tile_end_ + tile_, depth_);
        end_ = std::min(first_ + lanes_, tile_end_);
        std::int64_t exact = tile_begins ? 0 : inner_;
        for (Index k = first_; k < end_; ++k) {
            exact += std::int64_t{activations_[k]} * weights_[k];
        }
        inner_ = rule_.kept(exact);
        return true;
    }
    Index first() const { return first_; }
    Index end() const { return end_; }
    Operands operands(Index k) const {
        return {static_cast<std::uint64_t>(weights_[k]) & weight_mask_,
                static_cast<std::uint64_t>(activations_[k]) & activation_mask_};
    }
    std::uint64_t inner() const { return static_cast<std::uint64_t>(inner_) & inner_mask_; }

private:
    const std::int32_t* activations_;
    const std::int16_t* weights_;
    Index depth_, lanes_, tile_;
    AccumulatorRule rule_;
    std::uint64_t weight_mask_, activation_mask_, inner_mask_;
    Index first_ = 0, end_ = 0, tile_end_ = 0;
    std::int64_t inner_ = 0;
};

/// Steps of one output, each after the one before it.
Toggles along_depth(Walk walk, Index lanes) {
    Toggles toggles;
    walk.step();
    std::uint64_t inner_before = walk.inner();
    while (walk.step()) {
        for (Index k = walk.first(); k < walk.end(); ++k) {
            toggles.partial_products +=
                partial_product_toggles(walk.operands(k - lanes), walk.operands(k));
            ++toggles.products;
        }
        toggles.accumulator += ones(walk.inner() ^ inner_before);
        ++toggles.steps;
        inner_before = walk.inner();
    }
    return toggles;
}

/// Each step of a token after the same step of the token before it.
Toggles between_tokens(Walk before, Walk now) {
    Toggles toggles;
    while (before.step() && now.step()) {
        for (Index k = now.first(); k < now.end(); ++k) {
            toggles.partial_products +=
                partial_product_toggles(before.operands(k), now.operands(k));
            ++toggles.products;
        }
        toggles.accumulator += ones(before.inner() ^ now.inner());
        ++toggles.steps;
    }
    return toggles;
}

/// Normal codes of all steps, [1, steps x lanes]; unsigned ones have their zero in the middle.
/// Those of a step stay for `held` of them.
template <class Code>
Matrix<Code> nominal_codes(const IntegerRange& range, Index lanes, Index held,
                           std::mt19937_64& generator) {
    const IntegerRange codes = signed_range(code_bits(range));
    const auto most = static_cast<double>(codes.max);
    std::normal_distribution<double> normal(0, most / kNominalDeviations);
    Matrix<Code> result(1, kNominalSteps * lanes);
    for (Index k = 0; k < result.cols(); ++k) {
        if (k / lanes % held != 0) {
            result(0, k) = result(0, k - lanes);
            continue;
        }
        const double code = std::clamp(std::nearbyint(normal(generator)), -most - 1, most);
        result(0, k) =
            static_cast<Code>(static_cast<std::int64_t>(code) - (range.min < 0 ? 0 : codes.min));
    }
    return result;
}

std::uint64_t share(std::uint64_t toggles, std::uint64_t of, std::uint64_t all) {
    return static_cast<std::uint64_t>(std::llround(
        static_cast<double>(toggles) / static_cast<double>(of) * static_cast<double>(all)));
}

}  // namespace

Toggles& Toggles::operator+=(const Toggles& other) {
    products += other.products;
    steps += other.steps;
    partial_products += other.partial_products;
    accumulator += other.accumulator;
    return *this;
}

Toggles unit_toggles(const Matrix<std::int32_t>& activations, const Matrix<std::int16_t>& weights,
                     Index token, Index channel, const GemmFormat& format, Dataflow dataflow) {
    const auto walk = [&](Index of) { return Walk(activations, weights, of, channel, format); };
    return dataflow == Dataflow::output_stationary
               ? along_depth(walk(token), format.accumulator.lanes)
               : between_tokens(walk(token - 1), walk(token));
}

Toggles nominal_toggles(const GemmFormat& format, Dataflow dataflow) {
    // A multiply-accumulate with held weights is what is measured for an array where weights stay.
    GemmFormat measured = format;
    const Index lanes = format.accumulator.lanes;
    measured.accumulator.tile_size = kNominalTile * lanes;
    std::mt19937_64 generator(1);
    const Index held = dataflow == Dataflow::weight_stationary ? kNominalTile : 1;
    const auto weights = nominal_codes<std::int16_t>(format.weights, lanes, held, generator);
    const auto activations = nominal_codes<std::int32_t>(format.activations, lanes, 1, generator);
    return unit_toggles(activations, weights, 0, 0, measured, Dataflow::output_stationary);
}

const Toggles& ActivityMeter::nominal(const GemmFormat& format) {
    const auto known = std::ranges::find(nominal_, format, &std::pair<GemmFormat, Toggles>::first);
    if (known != nominal_.end()) return known->second;
    return nominal_.emplace_back(format, nominal_toggles(format, dataflow_)).second;
}

ActivityCounts ActivityMeter::watch(const Matrix<std::int32_t>& activations,
                                    const Matrix<std::int16_t>& weights, const GemmFormat& format) {
    const Index tokens = activations.rows();
    const Index first = dataflow_ == Dataflow::output_stationary ? 0 : 1;
    const Index units = std::clamp(tokens * weights.rows() / kOneOf, kFewest, kMost);
    Toggles seen;
    for (Index i = 0; first < tokens && i < units; ++i, ++watched_) {
        const Index token = first + pick(watched_, kTokenStep, tokens - first);
        const Index channel = pick(watched_, kChannelStep, weights.rows());
        seen += unit_toggles(activations, weights, token, channel, format, dataflow_);
    }
    if (seen.products == 0) return {};
    const Toggles& usual = nominal(format);
    const auto outputs = static_cast<std::uint64_t>(tokens * weights.rows());
    const Index lanes = format.accumulator.lanes;
    const auto products = outputs * static_cast<std::uint64_t>(weights.cols());
    const auto steps = outputs * static_cast<std::uint64_t>(divide_up(weights.cols(), lanes));
    return {
        .partial_product_toggles = share(seen.partial_products, seen.products, products),
        .accumulator_toggles = share(seen.accumulator, seen.steps, steps),
        .nominal_partial_product_toggles = share(usual.partial_products, usual.products, products),
        .nominal_accumulator_toggles = share(usual.accumulator, usual.steps, steps)};
}

}  // namespace axesim::models
