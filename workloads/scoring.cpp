// SPDX-License-Identifier: Apache-2.0
#include "workloads/scoring.h"

#include <cmath>

#include "common/parallel.h"

namespace axesim::workloads {

namespace {

constexpr Index kChunk = 512;  // rows whose logits are held at once
constexpr Index kScoredRows = 16;

// A copy: Eigen computes exponentials of doubles with vector instructions, but not those of floats
// that it still has to convert.
Eigen::ArrayXd to_double(std::span<const float> row) {
    return Eigen::Map<const Eigen::ArrayXf>(row.data(), static_cast<Index>(row.size()))
        .cast<double>();
}

std::span<const float> row_of(const Matrix<float>& matrix, Index row) {
    return {matrix.row(row).data(), static_cast<std::size_t>(matrix.cols())};
}

// A softmax before its division: exp(logits - largest), their sum, and log(sum(exp(logits))).
struct Softmax {
    explicit Softmax(const Eigen::ArrayXd& logits) {
        const double largest = logits.maxCoeff();
        weights = (logits - largest).exp();
        sum = weights.sum();
        log_sum_exp = largest + std::log(sum);
    }
    Eigen::ArrayXd weights;
    double sum;
    double log_sum_exp;
};

// Both nets' scores of one prediction; each logit's exponential is taken once.
struct PairScore {
    PairScore(std::span<const float> reference_logits, std::span<const float> other_logits) {
        const Eigen::ArrayXd p = to_double(reference_logits), q = to_double(other_logits);
        const Softmax reference(p), other(q);
        reference_log_sum_exp = reference.log_sum_exp;
        other_log_sum_exp = other.log_sum_exp;
        // sum_i P_i ((p_i - log_sum_exp(p)) - (q_i - log_sum_exp(q))), where the P_i sum to 1
        kl = (reference.weights * (p - q)).sum() / reference.sum - reference.log_sum_exp +
             other.log_sum_exp;
    }
    double reference_log_sum_exp, other_log_sum_exp, kl;
};

double logit(std::span<const float> logits, TokenId token) {
    return static_cast<double>(logits[static_cast<std::size_t>(token)]);
}

// A row of hidden states and the token that it predicts.
struct Prediction {
    Index row;
    TokenId target;
};

std::vector<Prediction> predictions_of(const std::vector<std::vector<TokenId>>& windows) {
    std::vector<Prediction> predictions;
    Index row = 0;
    for (const auto& window : windows) {
        for (std::size_t i = 1; i < window.size(); ++i, ++row) {
            predictions.push_back({row, window[i]});
        }
        ++row;  // the last token of a window predicts nothing that is known
    }
    return predictions;
}

// The logits of predictions [first, first + count).
Matrix<float> logits_of(const LlamaForward& forward, const Matrix<float>& hidden,
                        std::span<const Prediction> predictions) {
    Matrix<float> rows(static_cast<Index>(predictions.size()), hidden.cols());
    for (Index i = 0; i < rows.rows(); ++i) {
        rows.row(i) = hidden.row(predictions[static_cast<std::size_t>(i)].row);
    }
    return forward.logits(rows);
}

// Calls body(row, row as an index of a vector), some rows at once.
template <class Body>
void for_each_row(Index rows, Body&& body) {
    for_blocks(rows, kScoredRows, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i) body(i, static_cast<std::size_t>(i));
    });
}

}  // namespace

double negative_log_likelihood(std::span<const float> logits, TokenId target) {
    return Softmax(to_double(logits)).log_sum_exp - logit(logits, target);
}

double kl_divergence(std::span<const float> reference, std::span<const float> other) {
    return PairScore(reference, other).kl;
}

TokenId argmax(std::span<const float> logits) {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double PredictionScore::perplexity() const {
    return std::exp(nll_sum / static_cast<double>(tokens));
}

PredictionScore score_windows(const LlamaForward& forward, const Matrix<float>& hidden,
                              const std::vector<std::vector<TokenId>>& windows) {
    const std::vector<Prediction> predictions = predictions_of(windows);
    const auto total = static_cast<Index>(predictions.size());
    PredictionScore score;
    score.tokens = total;
    for (Index first = 0; first < total; first += kChunk) {
        const auto chunk = std::span(predictions)
                               .subspan(static_cast<std::size_t>(first),
                                        static_cast<std::size_t>(std::min(kChunk, total - first)));
        const Matrix<float> logits = logits_of(forward, hidden, chunk);
        std::vector<double> nll(chunk.size());
        for_each_row(logits.rows(), [&](Index i, std::size_t at) {
            nll[at] = negative_log_likelihood(row_of(logits, i), chunk[at].target);
        });
        for (const double row : nll) score.nll_sum += row;
    }
    return score;
}

void ComparedScore::add(const Matrix<float>& reference_logits, const Matrix<float>& other_logits,
                        std::span<const TokenId> targets) {
    struct RowScore {
        double reference_nll = 0, other_nll = 0, kl = 0;
        bool same_argmax = false;
    };
    std::vector<RowScore> rows(targets.size());
    for_each_row(static_cast<Index>(targets.size()), [&](Index i, std::size_t at) {
        const auto p = row_of(reference_logits, i), q = row_of(other_logits, i);
        const PairScore pair(p, q);
        rows[at] = {pair.reference_log_sum_exp - logit(p, targets[at]),
                    pair.other_log_sum_exp - logit(q, targets[at]), pair.kl,
                    argmax(p) == argmax(q)};
    });
    // In row order, so that the sums are the same for any number of threads.
    for (const RowScore& row : rows) {
        reference.nll_sum += row.reference_nll;
        other.nll_sum += row.other_nll;
        kl_sum += row.kl;
        same_argmax += row.same_argmax ? 1 : 0;
    }
    reference.tokens += static_cast<Index>(rows.size());
    other.tokens = reference.tokens;
}

}  // namespace axesim::workloads
