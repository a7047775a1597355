// SPDX-License-Identifier: Apache-2.0
// One pass of a quantizer over rows of a layer: a row is an output channel at one step. Rows do not
// influence each other, so candidates for a channel's step run side by side as rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/matrix.h"
#include "quant/layer_inputs.h"
#include "quant/quantizer_config.h"
#include "quant/rounder.h"

namespace axesim::quant {

/// Channels that are prepared or quantized side by side: few enough to keep two cores busy.
inline constexpr Index kChannelBlock = 48;

struct Row {
    Index channel = 0;
    double step = 1.0;
};

struct RowCodes {
    Matrix<std::int16_t> codes;  ///< [rows, K] in memory order
    /// Per row, the squared error of the channel's outputs over the calibration samples, less a
    /// term that is the same for all steps of a channel. Empty unless asked for.
    std::vector<double> errors;
};

/// A layer that is ready to be quantized at any steps.
class LayerRun {
public:
    /// The arguments are kept by reference. weights [out, K]; tile_scales [out, tiles], empty
    /// without groups.
    LayerRun(const Matrix<double>& weights, const LayerInputs& inputs, const RoundingRules& rules,
             const QuantizerConfig& config, const TileScales& tile_scales);

    /// Quantizes the rows; with `judge` also their errors. Safe to call from several threads.
    RowCodes quantize(std::span<const Row> rows, bool judge) const;

    /// How many times what its inner accumulators hold the row's weights come to, on average over
    /// the tiles; 0 where AXE does not constrain them.
    double overload(const Row& row) const;

private:
    /// What one call of quantize() works on, [rows, K] with columns in order of visit. A column is
    /// contiguous: all rows take the same step at the same time.
    struct Pass {
        std::span<const Row> rows;
        Rounder rounder;
        Eigen::MatrixXd base;        ///< of feedback.h
        Eigen::MatrixXd arguments;   ///< v of feedback.h
        Eigen::MatrixXd deviations;  ///< d of feedback.h
        RowCodes result;
    };
    Pass start(std::span<const Row> rows) const;
    /// w of feedback.h: the channel's weight that is visited as the i-th.
    double visited_weight(Index channel, Index i) const;
    void round_columns(Pass& pass, Index first, Index count) const;
    void round_column(Pass& pass, Index i) const;
    void project(Pass& pass) const;
    std::vector<double> errors_of_pass(const Pass& pass) const;
    std::vector<double> errors_of_codes(const Pass& pass) const;

    const Matrix<double>& weights_;
    const InputMoments& moments_;
    const Feedback& feedback_;
    const RoundingRules& rules_;
    const TileScales& tile_scales_;
    bool is_optq_;    ///< or Qronos
    bool post_;       ///< only rounding errors are pushed on (OPTQ, error_feedback: post)
    bool ep_init_;    ///< finished codes are projected
    bool has_g_;      ///< moments of two different inputs
    bool from_base_;  ///< d is base - s q, not - s q (GPFQ with g)
    bool pass_gives_errors_;
    Matrix<double> base_;    ///< [out, K] w * feedback.base, in order of visit; empty: weights_
    Eigen::VectorXd first_;  ///< [out] arguments of the first column, with feedback.first
    Matrix<double> linear_;  ///< [out, K] rows w G^T in memory order, with moments g; for errors
};

}  // namespace axesim::quant
