// SPDX-License-Identifier: Apache-2.0
// How the error of the columns already rounded moves the ones still to come. GPFQ and OPTQ have the
// same form. Let A be strictly upper triangular in the order of visit and d_j the error of column
// j; then the argument of column i is
//     v_i = base_i + sum_{j<i} d_j A_ji .
//   GPFQ (axe.md 2.2): A_ji = H_ji / H_ii. With moments g: base_i = sum_{j<=i} G_ij w_j / H_ii and
//     d_j = -s q_j; without (x = xq) the same sums collapse to base = w and d_j = w_j - s q_j.
//   OPTQ (axe.md 2.3): for H + damping = R R^T with R upper triangular, H^-1 = U^T U with U = R^-1.
//     The updates V -= (err / U_kk) U_k, solved for V give A_ji = R_ji / R_ii, base = w and
//     d_j = w_j - v_j + err_j, which is w_j - s q_j when the whole error is pushed on (err = v -
//     sq). So no inverse is needed, one Cholesky factorization serves all channels and steps.
//   Qronos (arXiv 2505.11695) corrects the past first: base = (H + damping)^-1 (G + damping) w, the
//     least-squares weights for the inputs that the quantized net sees; then it goes on as OPTQ
//     with d_j = base_j - s q_j. Only its first column is rounded as if the weights after it would
//     stay: v_1 = (sum_j G_1j w_j - sum_{j>1} H_1j w_j) / H_11.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "quant/quantizer.h"
#include "quant/quantizer_config.h"

namespace axesim::quant {

/// A strictly upper triangular matrix [K,K] in panels of kPanel columns, each contiguous in memory
/// and ending with the rows of its own columns: what is read together lies together, and what is 0
/// takes no memory.
constexpr Index kPanel = 32;
class UpperPanels {
public:
    UpperPanels() = default;
    /// Room for K = depth; the values are undefined.
    explicit UpperPanels(Index depth);

    bool empty() const { return depth_ == 0; }
    /// Rows 0 .. first + count of the `count` columns from `first` on, a multiple of kPanel.
    Eigen::Map<Matrix<double>> at(Index first);
    MatrixView<double> at(Index first) const;

private:
    Index depth_ = 0;
    Eigen::VectorXd values_;
};

/// The feedback of layers that read the same inputs. All matrices are in the order of visit.
struct Feedback {
    std::vector<Index> order;  ///< order[i]: original column visited as the i-th
    std::vector<char> dead;    ///< per original column: never active in calibration
    UpperPanels gain;          ///< A [K,K]; empty: every column is rounded on its own
    Matrix<double> base;       ///< [K,K] with base = w * base; empty: base = w
    /// [K] argument of the first column = w * first; empty: its base (Qronos).
    Eigen::VectorXd first;
    std::vector<double> pivot;  ///< GPFQ: H_ii; OPTQ, Qronos: R_ii^2
    double damping = 0.0;       ///< what was added to the diagonal of H
    std::string fallback;       ///< why `gain` is empty although the algorithm has one, or ""
};

/// GPFQ, OPTQ and Qronos, which need moments; the others round every weight on its own.
bool has_feedback(Algorithm algorithm);

/// Does a quantizer need `past` (InputMoments) alone where it compares two inputs? GPFQ does,
/// unless the errors of finished codes are asked for.
bool looks_back_only(const QuantizerConfig& config);

/// Columns in the order in which they are visited: 0..K-1, or by falling diagonal of h, equal ones
/// in memory order (axe.md 2.1, 2.3). An empty or non-finite h means memory order.
std::vector<Index> visiting_order(const Matrix<double>& h, Index depth, ColumnOrder order);

/// Feedback of layers of `depth` columns. Works in the memory of the moments, which is most of what
/// a large layer takes: h is the same afterwards; g is given up to `base` unless `keep_g`. Never
/// fails: when no Cholesky factor is found with up to 10^4 times the damping, or the moments are
/// not finite, `gain` is empty and `fallback` says why.
Feedback make_feedback(InputMoments& moments, Index depth, const QuantizerConfig& config,
                       bool keep_g);

/// Does a pass with this feedback give the calibration errors of its codes at no cost (errors of
/// layer_run.h)? Otherwise they take moments.h again.
bool pass_gives_errors(const Feedback& feedback, const QuantizerConfig& config);

}  // namespace axesim::quant
