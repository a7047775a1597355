// SPDX-License-Identifier: Apache-2.0
#include "quant/feedback.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "common/parallel.h"

namespace axesim::quant {

namespace {

constexpr Index kRows = 64;  // of a matrix that is worked on in parallel

Index panel_columns(Index depth, Index first) { return std::min(kPanel, depth - first); }

/// m := m with rows and columns in this order, without a second matrix.
void reorder(Matrix<double>& m, const std::vector<Index>& order) {
    const auto from = [&](Index row) { return order[static_cast<std::size_t>(row)]; };
    std::vector<char> done(order.size(), 0);
    const auto replace = [&](Index row, const auto& by) {
        m.row(row) = by;
        done[static_cast<std::size_t>(row)] = 1;
    };
    for (Index start = 0; start < m.rows(); ++start) {
        if (done[static_cast<std::size_t>(start)] != 0) continue;
        const Eigen::RowVectorXd saved = m.row(start);
        Index row = start;  // along one cycle of the permutation
        for (; from(row) != start; row = from(row)) replace(row, m.row(from(row)));
        replace(row, saved);
    }
    for_blocks(m.rows(), kRows, [&](Index first, Index count) {
        Eigen::RowVectorXd row(m.cols());
        for (Index i = first; i < first + count; ++i) {
            for (Index j = 0; j < m.cols(); ++j) row(j) = m(i, from(j));
            m.row(i) = row;
        }
    });
}

std::vector<Index> inverse(const std::vector<Index>& order) {
    std::vector<Index> places(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        places[static_cast<std::size_t>(order[i])] = static_cast<Index>(i);
    }
    return places;
}

std::vector<Index> falling(Index depth) {
    std::vector<Index> order(static_cast<std::size_t>(depth));
    std::iota(order.rbegin(), order.rend(), Index{0});
    return order;
}

/// Makes m symmetric: what is above the diagonal becomes what is below it.
void copy_lower_to_upper(Matrix<double>& m) {
    for_blocks(m.rows(), kRows, [&](Index first, Index count) {
        const Index next = first + count, rest = m.rows() - next;
        m.block(first, next, count, rest) = m.block(next, first, rest, count).transpose();
        for (Index i = first; i < next; ++i) {
            for (Index j = i + 1; j < next; ++j) m(i, j) = m(j, i);
        }
    });
}

/// A_ji = R_ji / R_ii above the diagonal, 0 elsewhere; columns with pivot 0 are 0. `reversed` has
/// R^T, or a symmetric R, in its upper half with rows and columns reversed: row K-1-i is column i.
UpperPanels normalized_columns(const Matrix<double>& reversed) {
    const Index depth = reversed.rows();
    UpperPanels panels(depth);
    for_blocks(depth, kPanel, [&](Index first, Index count) {
        const Index rows = first + count;
        auto panel = panels.at(first);
        panel = reversed.block(depth - rows, depth - rows, count, rows).reverse().transpose();
        const Eigen::RowVectorXd diagonal = panel.bottomRows(count).diagonal();
        panel.bottomRows(count).triangularView<Eigen::Lower>().setZero();
        const Eigen::RowVectorXd scale =
            (diagonal.array() > 0).select(diagonal.array().inverse(), 0.0);
        panel.array().rowwise() *= scale.array();
    });
    return panels;
}

/// Overwrites the lower triangle of m with L, m = L L^T; what is above the diagonal is neither read
/// nor written. False when m is not positive definite.
bool factor_lower(Eigen::Ref<Eigen::MatrixXd> m) {
    constexpr Index kCorner = 2048;  // factored on one thread: a small share of a large matrix
    constexpr Index kTile = 512;     // of the rest, on all threads
    for (Index first = 0; first < m.rows(); first += kCorner) {
        const Index count = std::min(kCorner, m.rows() - first), next = first + count;
        auto corner = m.block(first, first, count, count);
        const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(corner);
        const bool sound = factor.info() == Eigen::Success && corner.diagonal().allFinite() &&
                           (corner.diagonal().array() > 0).all();
        if (!sound) return false;
        const Index rest = m.rows() - next;
        auto below = m.block(next, first, rest, count);
        for_blocks(rest, kTile, [&](Index row, Index rows) {
            auto tile = below.middleRows(row, rows);
            corner.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(tile);
        });
        const Index tiles = (rest + kTile - 1) / kTile;
        for_blocks(tiles * tiles, 1, [&](Index index, Index) {
            const Index row = index / tiles * kTile, column = index % tiles * kTile;
            if (row < column) return;
            const auto left = below.middleRows(row, std::min(kTile, rest - row));
            const auto right = below.middleRows(column, std::min(kTile, rest - column));
            auto tile = m.block(next + row, next + column, left.rows(), right.rows());
            if (row == column) {
                tile.selfadjointView<Eigen::Lower>().rankUpdate(left, -1.0);
            } else {
                tile.noalias() -= left * right.transpose();
            }
        });
    }
    return true;
}

/// H in reverse order of visit, made ready for feedback and put back in memory order in the end.
/// Reversed, the lower factor of Cholesky is the upper one of feedback.h. It replaces H on and
/// above the diagonal; below it H stays.
class ReversedMoments {
public:
    ReversedMoments(Matrix<double>& h, const std::vector<Index>& order)
        : h_(h), order_(order.rbegin(), order.rend()) {
        reorder(h_, order_);
        diagonal_ = h_.diagonal();
    }
    ~ReversedMoments() {
        restore();
        reorder(h_, inverse(order_));
    }
    ReversedMoments(const ReversedMoments&) = delete;
    ReversedMoments& operator=(const ReversedMoments&) = delete;

    const std::vector<Index>& order() const { return order_; }
    const Matrix<double>& values() const { return h_; }
    /// Of H.
    const Eigen::VectorXd& diagonal() const { return diagonal_; }
    /// The lower factor, in column-major terms.
    Eigen::Map<Eigen::MatrixXd> factor() { return {h_.data(), h_.rows(), h_.cols()}; }

    /// Factors H with this diagonal. False: not positive definite.
    bool factorize(const Eigen::VectorXd& diagonal) {
        restore();
        h_.diagonal() = diagonal;
        touched_ = true;
        return factor_lower(factor());
    }

private:
    void restore() {
        if (!touched_) return;
        copy_lower_to_upper(h_);
        h_.diagonal() = diagonal_;
        touched_ = false;
    }

    Matrix<double>& h_;
    std::vector<Index> order_;
    Eigen::VectorXd diagonal_;
    bool touched_ = false;
};

/// The pivots in order of visit.
std::vector<double> reversed_pivots(const Eigen::VectorXd& values) {
    const Eigen::VectorXd visited = values.reverse();
    return {visited.begin(), visited.end()};
}

/// InputMoments::past; g [K,K] is in memory order.
Matrix<double> past_of(Matrix<double> g, const std::vector<Index>& order) {
    reorder(g, order);
    g.transposeInPlace();
    g.triangularView<Eigen::StrictlyLower>().setZero();
    return g;
}

/// base_ji = G_ij / H_ii for j <= i, in order of visit.
Matrix<double> gpfq_base(Matrix<double> past, const std::vector<double>& pivot) {
    const Eigen::Map<const Eigen::RowVectorXd> h(pivot.data(), past.cols());
    constexpr double kNone = std::numeric_limits<double>::infinity();
    const Eigen::RowVectorXd divisors = (h.array() > 0).select(h, kNone);
    for_blocks(past.rows(), kRows, [&](Index first, Index count) {
        past.middleRows(first, count).array().rowwise() /= divisors.array();
    });
    return past;
}

/// Turns an OPTQ feedback, whose factor `moments` holds, into that of Qronos; `diagonal` is that of
/// H without damping, g [K,K] in memory order.
void correct_the_past(Feedback& feedback, ReversedMoments& moments, const Eigen::VectorXd& diagonal,
                      Matrix<double> g) {
    reorder(g, moments.order());
    const Index last = g.rows() - 1;  // visited first
    // Left of the diagonal H is still there.
    Eigen::RowVectorXd h = moments.values().row(last);
    h(last) = diagonal(last);
    feedback.first = ((g.row(last) - h) / diagonal(last)).transpose().reverse();
    feedback.first(0) += 1.0;
    g.diagonal().array() += feedback.damping;
    const auto factor = moments.factor();
    const auto lower = factor.triangularView<Eigen::Lower>();
    for_blocks(g.cols(), kRows, [&](Index first, Index count) {
        Eigen::MatrixXd columns = g.middleCols(first, count);
        lower.solveInPlace(columns);
        lower.transpose().solveInPlace(columns);
        g.middleCols(first, count) = columns;
    });
    g.transposeInPlace();
    reorder(g, falling(g.rows()));
    feedback.base = std::move(g);
}

/// OPTQ. Returns the diagonal of H without damping that has a factor, or an empty vector.
Eigen::VectorXd add_optq(Feedback& feedback, ReversedMoments& moments, double relative_damping) {
    const Eigen::VectorXd diagonal =
        (moments.diagonal().array() > 0).select(moments.diagonal(), 1.0);
    constexpr int kAttempts = 5;
    double relative = relative_damping;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        feedback.damping = relative * diagonal.mean();
        if (moments.factorize(diagonal.array() + feedback.damping)) {
            feedback.gain = normalized_columns(moments.values());
            feedback.pivot = reversed_pivots(moments.values().diagonal().cwiseAbs2());
            return diagonal;
        }
        relative = relative > 0 ? 10 * relative : 1e-4;
    }
    feedback.fallback = "the moments of its inputs have no Cholesky factor at any damping";
    return {};
}

}  // namespace

UpperPanels::UpperPanels(Index depth) : depth_(depth) {
    const Index panels = depth / kPanel, rest = depth % kPanel;
    values_.resize(kPanel * kPanel * panels * (panels + 1) / 2 + depth * rest);
}

Eigen::Map<Matrix<double>> UpperPanels::at(Index first) {
    const Index before = first / kPanel, columns = panel_columns(depth_, first);
    return {values_.data() + kPanel * kPanel * before * (before + 1) / 2, first + columns, columns};
}

MatrixView<double> UpperPanels::at(Index first) const {
    const Index before = first / kPanel, columns = panel_columns(depth_, first);
    return {values_.data() + kPanel * kPanel * before * (before + 1) / 2, first + columns, columns};
}

bool has_feedback(Algorithm algorithm) {
    return algorithm == Algorithm::gpfq || algorithm == Algorithm::optq ||
           algorithm == Algorithm::qronos;
}

bool looks_back_only(const QuantizerConfig& config) {
    return config.algorithm == Algorithm::gpfq && !config.step_search && config.refine_sweeps == 0;
}

std::vector<Index> visiting_order(const Matrix<double>& h, Index depth, ColumnOrder order) {
    std::vector<Index> columns(static_cast<std::size_t>(depth));
    std::iota(columns.begin(), columns.end(), Index{0});
    if (order == ColumnOrder::natural || h.size() == 0 || !h.diagonal().allFinite()) return columns;
    std::stable_sort(columns.begin(), columns.end(),
                     [&](Index a, Index b) { return h(a, a) > h(b, b); });
    return columns;
}

Feedback make_feedback(InputMoments& moments, Index depth, const QuantizerConfig& config,
                       bool keep_g) {
    Feedback feedback;
    feedback.order = visiting_order(moments.h, depth, config.order);
    feedback.dead.assign(static_cast<std::size_t>(depth), 0);
    if (!has_feedback(config.algorithm) || depth == 0) return feedback;
    if (!moments.h.allFinite() || !moments.g.allFinite() || !moments.past.allFinite()) {
        feedback.fallback = "the moments of its inputs are not finite";
        return feedback;
    }
    for (Index k = 0; k < depth; ++k) {
        feedback.dead[static_cast<std::size_t>(k)] = moments.h(k, k) > 0 ? 0 : 1;
    }
    const auto take_g = [&] { return keep_g ? moments.g : std::exchange(moments.g, {}); };
    const bool has_g = moments.g.size() > 0;
    ReversedMoments reversed(moments.h, feedback.order);
    if (config.algorithm == Algorithm::gpfq) {
        feedback.gain = normalized_columns(reversed.values());
        feedback.pivot = reversed_pivots(reversed.diagonal());
        if (has_g) moments.past = past_of(take_g(), feedback.order);
        if (moments.past.size() > 0) {
            feedback.base = gpfq_base(std::exchange(moments.past, {}), feedback.pivot);
        }
        return feedback;
    }
    const Eigen::VectorXd diagonal = add_optq(feedback, reversed, config.damping);
    if (config.algorithm == Algorithm::qronos && has_g && diagonal.size() > 0) {
        correct_the_past(feedback, reversed, diagonal, take_g());
    }
    return feedback;
}

bool pass_gives_errors(const Feedback& feedback, const QuantizerConfig& config) {
    const bool post = has_feedback(config.algorithm) && config.algorithm != Algorithm::gpfq &&
                      config.error_feedback == ErrorFeedback::post;
    return !feedback.gain.empty() && !post && config.accumulator_aware != AccumulatorAware::ep_init;
}

}  // namespace axesim::quant
