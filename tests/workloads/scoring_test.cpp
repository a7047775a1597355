// SPDX-License-Identifier: Apache-2.0
#include "workloads/scoring.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/workloads/tiny_llama.h"
#include "workloads/gguf_llama.h"

namespace axesim::workloads {
namespace {

using Row = std::vector<float>;

TEST(Scoring, LikelihoodOfKnownDistributions) {
    EXPECT_NEAR(negative_log_likelihood(Row(8, 3.0F), 5), std::log(8.0), 1e-14);
    const Row row = {std::log(1.0F), std::log(2.0F), std::log(5.0F)};
    EXPECT_NEAR(negative_log_likelihood(row, 2), std::log(8.0 / 5.0), 1e-7);
    EXPECT_NEAR(negative_log_likelihood(Row{1000.0F, 0.0F}, 0), 0.0, 1e-14);  // no overflow
    EXPECT_NEAR(negative_log_likelihood(Row{1000.0F, 0.0F}, 1), 1000.0, 1e-10);
}

TEST(Scoring, DivergenceOfKnownDistributions) {
    const Row half = {0.0F, 0.0F};
    const Row quarter = {0.0F, std::log(3.0F)};
    EXPECT_NEAR(kl_divergence(half, quarter), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3.0),
                1e-7);
    EXPECT_NEAR(kl_divergence(quarter, half), 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-7);
    EXPECT_NEAR(kl_divergence(quarter, Row{7.0F, 7.0F + std::log(3.0F)}), 0.0, 1e-7);
}

TEST(Scoring, ArgmaxIsTheFirstOfEquals) {
    EXPECT_EQ(argmax(Row{1.0F, 3.0F, 3.0F, -1.0F}), 1);
    EXPECT_EQ(argmax(Row{-1.0F}), 0);
}

// Scores from the brute-force model's logits, by the textbook formula.
TEST(Scoring, WindowsAreScoredOnAllButTheirFirstToken) {
    const TinyLlama tiny;
    const TemporaryFile file("tiny.gguf", tiny.writer().str());
    const GgufLlama model(std::make_shared<const GgufFile>(file.path()));
    const LlamaForward forward(model);
    FloatLinear linear(model);
    const std::vector<std::vector<TokenId>> windows = {{5, 9, 200, 31, 7}, {1, 2, 3, 4, 260}};
    const Matrix<float> hidden = forward.hidden_states(windows, linear);
    Matrix<float> other = hidden;
    other.array() *= 0.5F;  // halves every logit
    double nll = 0.0, other_nll = 0.0, kl = 0.0;
    for (const auto& window : windows) {
        const Matrix<double> logits = tiny.logits(window);
        for (Index i = 0; i + 1 < logits.rows(); ++i) {
            const Eigen::ArrayXd p =
                logits.row(i).array().exp() / logits.row(i).array().exp().sum();
            const Eigen::ArrayXd half = (logits.row(i).array() * 0.5).exp();
            const Eigen::ArrayXd q = half / half.sum();
            const TokenId target = window[static_cast<std::size_t>(i) + 1];
            nll -= std::log(p(target));
            other_nll -= std::log(q(target));
            for (Index t = 0; t < p.size(); ++t) kl += p(t) * std::log(p(t) / q(t));
        }
    }
    const PredictionScore score = score_windows(forward, hidden, windows);
    EXPECT_EQ(score.tokens, 8);
    EXPECT_NEAR(score.nll_sum, nll, 1e-4);
    EXPECT_NEAR(score.perplexity(), std::exp(nll / 8), 1e-4 * std::exp(nll / 8));
    const auto compare = [&](const Matrix<float>& with) {
        ComparedScore sum;
        for (std::size_t w = 0; w < windows.size(); ++w) {
            const auto rows = [&](const Matrix<float>& of) {
                return forward.logits(of.middleRows(static_cast<Index>(w) * 5, 5));
            };
            sum.add(rows(hidden), rows(with), std::span(windows[w]).subspan(1));
        }
        return sum;
    };
    const ComparedScore compared = compare(other);
    EXPECT_EQ(compared.reference.tokens, 8);
    EXPECT_NEAR(compared.reference.nll_sum, score.nll_sum, 1e-6);
    EXPECT_NEAR(compared.other.nll_sum, other_nll, 1e-4);
    EXPECT_NEAR(compared.kl_sum, kl, 1e-4);
    EXPECT_EQ(compared.same_argmax, 8);
    other.array() *= -1.0F;
    EXPECT_LT(compare(other).same_argmax, 8);
}

}  // namespace
}  // namespace axesim::workloads
