// SPDX-License-Identifier: Apache-2.0
#include "quant/feedback.h"

#include <algorithm>
#include <numeric>

#include "common/parallel.h"

namespace axesim::quant {

namespace {

constexpr Index kRows = 64;  // of a matrix that is filled in parallel

/// The upper triangular R with R R^T = m, or an empty matrix when m is not positive definite.
Matrix<double> upper_factor(const Matrix<double>& m) {
    // Cholesky gives a lower factor first; reversing rows and columns before and after turns it.
    Eigen::MatrixXd reversed = m.reverse();
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factorization(reversed);
    const bool sound = factorization.info() == Eigen::Success && reversed.diagonal().allFinite() &&
                       (reversed.diagonal().array() > 0).all();
    if (!sound) return {};
    return reversed.reverse();  // the half below the diagonal is never read
}

/// A_ji = factor_ji / factor_ii above the diagonal, 0 elsewhere; columns with pivot 0 are 0.
UpperPanels normalized_columns(const Matrix<double>& factor) {
    const Index depth = factor.rows();
    UpperPanels panels(static_cast<std::size_t>((depth + kPanel - 1) / kPanel));
    for_blocks(depth, kPanel, [&](Index first, Index count) {
        Matrix<double>& panel = panels[static_cast<std::size_t>(first / kPanel)];
        panel = factor.block(0, first, first + count, count);
        panel.bottomRows(count).triangularView<Eigen::Lower>().setZero();
        const auto diagonal = factor.diagonal().segment(first, count).transpose().array();
        const Eigen::RowVectorXd scale = (diagonal > 0).select(diagonal.inverse(), 0.0);
        panel.array().rowwise() *= scale.array();
    });
    return panels;
}

/// m with rows and columns in the order of visit.
Matrix<double> permuted(const Matrix<double>& m, const std::vector<Index>& order) {
    Matrix<double> result(m.rows(), m.cols());
    for_blocks(m.rows(), kRows, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i) {
            const auto row = m.row(order[static_cast<std::size_t>(i)]);
            for (Index j = 0; j < m.cols(); ++j) {
                result(i, j) = row(order[static_cast<std::size_t>(j)]);
            }
        }
    });
    return result;
}

void add_gpfq(Feedback& feedback, const InputMoments& moments) {
    const Matrix<double> h = permuted(moments.h, feedback.order);
    const Index depth = h.rows();
    feedback.gain = normalized_columns(h);
    feedback.pivot.assign(h.diagonal().begin(), h.diagonal().end());
    if (moments.g.size() == 0) return;
    const Matrix<double> g = permuted(moments.g, feedback.order);
    feedback.base = Matrix<double>::Zero(depth, depth);
    for_blocks(depth, kRows, [&](Index first, Index count) {
        for (Index j = first; j < first + count; ++j) {
            for (Index i = j; i < depth; ++i) {
                if (h(i, i) > 0) feedback.base(j, i) = g(i, j) / h(i, i);
            }
        }
    });
}

void add_optq(Feedback& feedback, const InputMoments& moments, double relative_damping) {
    Matrix<double> h = permuted(moments.h, feedback.order);
    for (Index i = 0; i < h.rows(); ++i) {
        if (!(h(i, i) > 0)) h(i, i) = 1.0;
    }
    const Eigen::VectorXd diagonal = h.diagonal();
    constexpr int kAttempts = 5;
    double relative = relative_damping;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        feedback.damping = relative * diagonal.mean();
        h.diagonal() = diagonal.array() + feedback.damping;
        const Matrix<double> factor = upper_factor(h);
        if (factor.size() > 0) {
            feedback.gain = normalized_columns(factor);
            feedback.pivot.resize(static_cast<std::size_t>(h.rows()));
            for (Index i = 0; i < h.rows(); ++i) {
                feedback.pivot[static_cast<std::size_t>(i)] = factor(i, i) * factor(i, i);
            }
            return;
        }
        relative = relative > 0 ? 10 * relative : 1e-4;
    }
    feedback.fallback = "the moments of its inputs have no Cholesky factor at any damping";
}

/// Turns an OPTQ feedback into that of Qronos. Needs moments g.
void correct_the_past(Feedback& feedback, const InputMoments& moments) {
    Matrix<double> h = permuted(moments.h, feedback.order);
    Matrix<double> g = permuted(moments.g, feedback.order);
    for (Index i = 0; i < h.rows(); ++i) {
        if (!(h(i, i) > 0)) h(i, i) = 1.0;
    }
    feedback.first = (g.row(0) - h.row(0)).transpose() / h(0, 0);
    feedback.first(0) += 1.0;
    h.diagonal().array() += feedback.damping;
    g.diagonal().array() += feedback.damping;
    // In place: depth^2 doubles are the largest thing here.
    const Eigen::LLT<Eigen::Ref<Matrix<double>>> factorization(h);
    factorization.solveInPlace(g);
    feedback.base = g.transpose();
}

}  // namespace

bool has_feedback(Algorithm algorithm) {
    return algorithm == Algorithm::gpfq || algorithm == Algorithm::optq ||
           algorithm == Algorithm::qronos;
}

std::vector<Index> visiting_order(const Matrix<double>& h, Index depth, ColumnOrder order) {
    std::vector<Index> columns(static_cast<std::size_t>(depth));
    std::iota(columns.begin(), columns.end(), Index{0});
    if (order == ColumnOrder::natural || h.size() == 0 || !h.diagonal().allFinite()) return columns;
    std::stable_sort(columns.begin(), columns.end(),
                     [&](Index a, Index b) { return h(a, a) > h(b, b); });
    return columns;
}

Feedback make_feedback(const InputMoments& moments, Index depth, const QuantizerConfig& config) {
    Feedback feedback;
    feedback.order = visiting_order(moments.h, depth, config.order);
    feedback.dead.assign(static_cast<std::size_t>(depth), 0);
    if (!has_feedback(config.algorithm)) return feedback;
    if (!moments.h.allFinite() || !moments.g.allFinite()) {
        feedback.fallback = "the moments of its inputs are not finite";
        return feedback;
    }
    for (Index k = 0; k < depth; ++k) {
        feedback.dead[static_cast<std::size_t>(k)] = moments.h(k, k) > 0 ? 0 : 1;
    }
    if (config.algorithm == Algorithm::gpfq) {
        add_gpfq(feedback, moments);
    } else {
        add_optq(feedback, moments, config.damping);
        const bool past = config.algorithm == Algorithm::qronos && moments.g.size() > 0;
        if (past && feedback.fallback.empty()) correct_the_past(feedback, moments);
    }
    return feedback;
}

}  // namespace axesim::quant
