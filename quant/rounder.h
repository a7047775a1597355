// SPDX-License-Identifier: Apache-2.0
// Turns the real arguments of output channels into integer codes, one column after another: soft
// threshold, clip to the running budgets, clip to M bits, round (axe.md 2.3 `Quantize`).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/integer_format.h"
#include "common/matrix.h"

namespace axesim::quant {

/// What holds for every channel of a layer.
struct RoundingRules {
    bool round_down = false;       ///< floor instead of nearest even
    bool constrained = false;      ///< keep the budgets of AXE
    bool soft_threshold = false;   ///< shrink arguments by lambda
    bool pad_short_tile = false;   ///< a short last tile is centred as if filled up with zeros
    IntegerRange weights;          ///< allowed codes, min <= 0 <= max
    IntegerRange activations;      ///< mu <= 0 <= nu
    std::int64_t depth = 0;        ///< K
    std::int64_t tile_length = 0;  ///< T
    std::int64_t tiles = 0;        ///< ceil(K/T)
    int inner_bits = 0;            ///< P_I
    int largest_tile_scale = 1;    ///< that a tile may have; 1: weights have no groups
    /// P_O when it is too small for tiles that use all of P_I; the channel then has a budget too,
    /// of which a code takes scale times its magnitude.
    std::optional<int> outer_bits;
};

/// What is left of an accumulator's range for each of many rows: the strict, integer form of
/// nu a + mu b <= L and mu a + nu b >= -L (axe.md 1.4, 2.3 `Limits`). Integers in doubles, so that
/// the processor can work on several rows at a time; all of them are below 2^51, hence exact.
class Budget {
public:
    Budget(Index rows, int accumulator_bits, const IntegerRange& activations);

    /// Do all codes of at most this magnitude fit, in every row?
    bool fits_all(double magnitude) const {
        return std::max(upward_, downward_) * magnitude <= least_;
    }

    /// Narrows [low, high] per row to the codes that still fit; 0 always does.
    void narrow(std::span<double> low, std::span<double> high) const;

    /// The codes are chosen.
    void spend(std::span<const double> codes);

private:
    double upward_;              ///< nu
    double downward_;            ///< -mu
    std::vector<double> above_;  ///< L - (nu a + mu b)
    std::vector<double> below_;  ///< L + (mu a + nu b)
    double least_;               ///< the least of both over all rows
};

/// Rows (a channel at a step each) that are rounded side by side.
class Rounder {
public:
    Rounder(const RoundingRules& rules, Index rows);

    /// Row `row` has `weights` [K] in memory order (what lambda is made from), `step` > 0 and, with
    /// groups, `tile_scales` [tiles].
    void set_row(Index row, std::span<const double> weights, double step,
                 std::span<const std::uint8_t> tile_scales = {});

    /// Per row, the step of the tile of the last round().
    std::span<const double> steps() const { return {steps_.data() + steps_at_, low_.size()}; }

    /// Rounds original column `column` of all rows and spends their budgets. values [rows]: the
    /// arguments, in units of the weights.
    void round(Index column, std::span<const double> values);

    /// The codes of the last round().
    std::span<const double> codes() const { return codes_; }
    /// Its arguments after threshold and clips, before rounding, in steps.
    std::span<const double> kept() const { return kept_; }

private:
    void shrink(std::span<const double> values, const double* thresholds);
    void narrow_limits(const Budget& budget);
    void narrow_channel(const double* units);
    void spend_channel(const double* units);
    void clip_and_round();

    const RoundingRules& rules_;
    std::vector<double> steps_;       ///< [rows], with groups [tiles][rows]
    std::size_t steps_at_ = 0;        ///< where those of the current tile begin
    std::vector<double> units_;       ///< with groups: scales [tiles][rows]
    std::vector<double> thresholds_;  ///< lambda [tiles][rows] in steps
    std::vector<Budget> tiles_;
    std::optional<Budget> channel_;
    double largest_code_;   ///< magnitude
    bool narrowed_ = true;  ///< low_ and high_ are not the M-bit range
    std::vector<double> low_, high_, kept_, codes_;
};

/// lambda per tile for one row, in steps (axe.md 3.1). Where the outer accumulator is too small for
/// its tiles, at least the lambda that the whole channel asks for.
std::vector<double> tile_thresholds(const RoundingRules& rules, std::span<const double> weights,
                                    double step, std::span<const std::uint8_t> tile_scales = {});

}  // namespace axesim::quant
