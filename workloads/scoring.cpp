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

// What one row adds to the sums.
struct RowScore {
    double reference_nll = 0, other_nll = 0, kl = 0;
    bool same_argmax = false;
};

// Calls score(predictions of a chunk, their scores) chunk by chunk and adds up in row order.
template <class Score>
ComparedScore sum_over_chunks(const std::vector<std::vector<TokenId>>& windows, Score&& score) {
    const std::vector<Prediction> predictions = predictions_of(windows);
    const auto total = static_cast<Index>(predictions.size());
    ComparedScore sums;
    for (Index first = 0; first < total; first += kChunk) {
        const auto count = static_cast<std::size_t>(std::min(kChunk, total - first));
        const auto chunk = std::span(predictions).subspan(static_cast<std::size_t>(first), count);
        std::vector<RowScore> scores(count);
        score(chunk, scores);
        for (const RowScore& row : scores) {
            sums.reference.nll_sum += row.reference_nll;
            sums.other.nll_sum += row.other_nll;
            sums.kl_sum += row.kl;
            sums.same_argmax += row.same_argmax ? 1 : 0;
        }
    }
    sums.reference.tokens = sums.other.tokens = total;
    return sums;
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
    const auto score = [&](std::span<const Prediction> chunk, std::vector<RowScore>& scores) {
        const Matrix<float> logits = logits_of(forward, hidden, chunk);
        for_blocks(logits.rows(), kScoredRows, [&](Index first, Index count) {
            for (Index i = first; i < first + count; ++i) {
                const auto at = static_cast<std::size_t>(i);
                scores[at].reference_nll =
                    negative_log_likelihood(row_of(logits, i), chunk[at].target);
            }
        });
    };
    return sum_over_chunks(windows, score).reference;
}

ComparedScore compare_windows(const LlamaForward& reference_forward,
                              const Matrix<float>& reference_hidden,
                              const LlamaForward& other_forward, const Matrix<float>& other_hidden,
                              const std::vector<std::vector<TokenId>>& windows) {
    const auto score = [&](std::span<const Prediction> chunk, std::vector<RowScore>& scores) {
        const Matrix<float> reference = logits_of(reference_forward, reference_hidden, chunk);
        const Matrix<float> other = logits_of(other_forward, other_hidden, chunk);
        for_blocks(reference.rows(), kScoredRows, [&](Index first, Index count) {
            for (Index i = first; i < first + count; ++i) {
                const auto at = static_cast<std::size_t>(i);
                const auto p = row_of(reference, i), q = row_of(other, i);
                const PairScore pair(p, q);
                const TokenId target = chunk[at].target;
                scores[at] = {pair.reference_log_sum_exp - logit(p, target),
                              pair.other_log_sum_exp - logit(q, target), pair.kl,
                              argmax(p) == argmax(q)};
            }
        });
    };
    return sum_over_chunks(windows, score);
}

}  // namespace axesim::workloads
