// SPDX-License-Identifier: Apache-2.0
// How well logits predict text and how far two models' logits are apart. A row of logits is
// [vocabulary]; logarithms are natural, sums in double precision.
#pragma once

#include <span>
#include <vector>

#include "workloads/llama.h"

namespace axesim::workloads {

/// -log softmax(logits)[target].
double negative_log_likelihood(std::span<const float> logits, TokenId target);

/// Sum over tokens of p log(p / q) for p = softmax(reference), q = softmax(other); never negative
/// but for rounding.
double kl_divergence(std::span<const float> reference, std::span<const float> other);

/// The most likely token; the lowest id of equals.
TokenId argmax(std::span<const float> logits);

/// How well hidden states predict the tokens that come next.
struct PredictionScore {
    double nll_sum = 0;  ///< sum of negative log-likelihoods
    Index tokens = 0;    ///< predicted

    /// exp(mean negative log-likelihood).
    double perplexity() const;
};

/// Scores `hidden` [windows * length, hidden]: within each window, every token but the first.
PredictionScore score_windows(const LlamaForward& forward, const Matrix<float>& hidden,
                              const std::vector<std::vector<TokenId>>& windows);

/// Scores of two models' logits on the same rows, and how far the second is from the first.
struct ComparedScore {
    PredictionScore reference, other;
    double kl_sum = 0;      ///< sum of kl_divergence(reference, other)
    Index same_argmax = 0;  ///< rows whose most likely token is the same

    /// Adds rows of logits [rows, vocabulary], row i of which predicts targets[i]; rows beyond the
    /// targets are left out.
    void add(const Matrix<float>& reference_logits, const Matrix<float>& other_logits,
             std::span<const TokenId> targets);
};

}  // namespace axesim::workloads
