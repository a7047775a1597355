// SPDX-License-Identifier: Apache-2.0
// Random weights: drawn as their header says, and from the seed alone.
#include "workloads/synthetic_llama.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <set>

#include "tests/workloads/expect_error.h"
#include "workloads/model_file.h"

namespace axesim::workloads {
namespace {

LlamaShape small_shape() {
    LlamaShape shape;
    shape.name = "small";
    shape.blocks = 3;
    shape.hidden = 1024;
    shape.ffn = 1536;
    shape.heads = 8;
    shape.kv_heads = 2;
    shape.head_size = 64;
    shape.vocabulary = 300;
    shape.context = 64;
    return shape;
}

double mean(const Matrix<float>& x) { return x.cast<double>().mean(); }
double variance(const Matrix<float>& x) { return x.cast<double>().array().square().mean(); }

TEST(SyntheticLlama, DrawsNormalWeightsOfEveryLayersShape) {
    const LlamaShape shape = small_shape();
    const SyntheticLlama llama(shape, 7);
    for (const LinearKind kind : kLinearKinds) {
        const Matrix<float> w = llama.linear({1, kind});
        ASSERT_EQ(w.rows(), shape.linear_outputs(kind));
        ASSERT_EQ(w.cols(), shape.linear_inputs(kind));
        const auto count = static_cast<double>(w.size());
        const auto depth = static_cast<double>(w.cols());
        // Five standard errors of the mean and of the variance of normal values.
        EXPECT_LT(std::abs(mean(w)) * std::sqrt(depth * count), 5);
        EXPECT_LT(std::abs(variance(w) * depth - 1) * std::sqrt(count / 2), 5);
        // The share of a normal distribution beyond two standard deviations.
        const double beyond =
            (w.array().abs() * std::sqrt(static_cast<float>(depth)) > 2.0F).cast<double>().mean();
        EXPECT_NEAR(beyond, std::erfc(std::sqrt(2.0)), 5 * std::sqrt(0.0455 / count));
    }
}

TEST(SyntheticLlama, DependsOnSeedLayerAndRowOnly) {
    const SyntheticLlama llama(small_shape(), 7);
    const LinearId id{0, LinearKind::q_proj};
    const Matrix<float> w = llama.linear(id);
    omp_set_num_threads(1);
    EXPECT_EQ(SyntheticLlama(small_shape(), 7).linear(id), w);
    omp_set_num_threads(omp_get_num_procs());
    const auto other_than_w = [&](const Matrix<float>& other) {
        // A correlation of independent values is of the order of 1 / sqrt(their number).
        const double product = w.cast<double>().cwiseProduct(other.cast<double>()).mean();
        EXPECT_LT(std::abs(product) / variance(w) * std::sqrt(static_cast<double>(w.size())), 5);
    };
    other_than_w(SyntheticLlama(small_shape(), 8).linear(id));
    other_than_w(llama.linear({1, LinearKind::q_proj}));
    other_than_w(llama.linear({0, LinearKind::o_proj}).transpose());
    other_than_w(w.colwise().reverse());
}

TEST(SyntheticLlama, ResidualStreamHasOutlierChannels) {
    const SyntheticLlama llama(small_shape(), 7);
    std::vector<TokenId> tokens(300);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i);
    const Matrix<float> hidden = llama.embed(tokens);
    int outliers = 0;
    for (Index c = 0; c < hidden.cols(); ++c) {
        const double spread = std::sqrt(variance(hidden.col(c)));
        const bool outlier = spread > 10;
        outliers += outlier ? 1 : 0;
        EXPECT_NEAR(spread / (outlier ? 20 : 1), 1, 0.25);
    }
    EXPECT_EQ(outliers, 2);  // one in 512
    EXPECT_EQ(llama.embed(std::vector<TokenId>{5}), hidden.row(5));
    expect_user_error([&] { llama.embed(std::vector<TokenId>{300}); },
                      {"300", "small", "0 to 299"});
}

TEST(RandomTokenizer, MakesATokenOfEachByte) {
    const RandomTokenizer tokenizer(50, 3);
    const std::vector<TokenId> tokens = tokenizer.encode(std::string(2000, 'a'));
    ASSERT_EQ(tokens.size(), 2000U);
    const std::set<TokenId> kinds(tokens.begin(), tokens.end());
    EXPECT_EQ(kinds.size(), 50U);
    EXPECT_EQ(*kinds.begin(), 0);
    EXPECT_EQ(*kinds.rbegin(), 49);
}

TEST(SyntheticModel, HasOneBlockThatStandsForAll) {
    const LoadedModel model =
        synthetic_model(small_shape(), 1, AXESIM_SOURCE_DIR "/configs/llama/llama-3-8b.yaml");
    EXPECT_TRUE(model.synthetic);
    EXPECT_EQ(model.weights->shape().blocks, 1);
    EXPECT_EQ(model.weights->shape().repeats, 3);
    EXPECT_EQ(model.tokenizer->vocabulary(), 300);
}

}  // namespace
}  // namespace axesim::workloads
