// SPDX-License-Identifier: Apache-2.0
#include "workloads/llama.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <random>

#include "tests/workloads/expect_error.h"
#include "tests/workloads/tiny_llama.h"
#include "workloads/attention.h"
#include "workloads/block_pass.h"
#include "workloads/gguf_llama.h"

namespace axesim::workloads {
namespace {

using Sequences = std::vector<std::vector<TokenId>>;

GgufLlama open(const TinyLlama& tiny) {
    const TemporaryFile file("tiny.gguf", tiny.writer().str());
    return GgufLlama(std::make_shared<const GgufFile>(file.path()));
}

std::vector<TokenId> random_tokens(int count, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_int_distribution<TokenId> any(0,
                                               static_cast<TokenId>(TinyLlama::vocabulary()) - 1);
    std::vector<TokenId> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(any(generator));
    return tokens;
}

Matrix<float> run_logits(const GgufLlama& model, const Sequences& sequences) {
    const LlamaForward forward(model);
    FloatLinear linear(model);
    return forward.logits(forward.hidden_states(sequences, linear));
}

TEST(Llama, EqualsABruteForceForwardPass) {
    const std::vector<TinyShape> shapes = {
        {},
        {.tied = false},
        {.blocks = 1, .heads = 3, .kv_heads = 3},
        {.blocks = 3, .heads = 6, .kv_heads = 1, .head_size = 4, .rope_factors = true},
    };
    for (const TinyShape& shape : shapes) {
        const TinyLlama tiny(shape);
        const Sequences sequences = {random_tokens(21, 1), random_tokens(21, 2)};
        const Matrix<float> logits = run_logits(open(tiny), sequences);
        ASSERT_EQ(logits.rows(), 42);
        ASSERT_EQ(logits.cols(), TinyLlama::vocabulary());
        for (Index s = 0; s < 2; ++s) {
            const Matrix<double> expected = tiny.logits(sequences[static_cast<std::size_t>(s)]);
            const Matrix<double> got = logits.middleRows(21 * s, 21).cast<double>();
            EXPECT_LT((got - expected).cwiseAbs().maxCoeff(),
                      1e-5 * expected.cwiseAbs().maxCoeff());
        }
    }
}

TEST(Llama, DecodingWithACacheEqualsPrefill) {
    const GgufLlama model = open(TinyLlama());
    const LlamaForward forward(model);
    FloatLinear linear(model);
    const Sequences whole = {random_tokens(30, 3), random_tokens(30, 4)};
    const Matrix<float> prefill = forward.hidden_states(whole, linear);
    KvCache cache(model.shape(), 2);
    const std::vector<int> steps = {7, 1, 1, 12, 1, 8};
    int done = 0;
    for (const int step : steps) {
        Sequences part;
        for (const auto& tokens : whole) {
            part.emplace_back(tokens.begin() + done, tokens.begin() + done + step);
        }
        const Matrix<float> hidden = forward.hidden_states(part, linear, cache);
        for (Index s = 0; s < 2; ++s) {
            const auto expected = prefill.middleRows(30 * s + done, step);
            const auto got = hidden.middleRows(step * s, step);
            EXPECT_LT((got - expected).cwiseAbs().maxCoeff(), 1e-5) << "from position " << done;
        }
        done += step;
        EXPECT_EQ(cache.length(), done);
    }
}

TEST(Llama, NoResultDependsOnTheNumberOfThreads) {
    const GgufLlama model = open(TinyLlama());
    const Sequences sequences(9, random_tokens(60, 5));
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const Matrix<float> one = run_logits(model, sequences);
    for (const int threads : {2, 3}) {
        omp_set_num_threads(threads);
        EXPECT_TRUE(run_logits(model, sequences) == one) << threads;
    }
    omp_set_num_threads(before);
}

// Records what flows past on its way to the float weights.
class Recorder : public LinearOperator {
public:
    explicit Recorder(const LlamaWeights& weights, Index rows = 5)
        : linear_(weights), rows_(rows) {}
    void apply(std::span<const LinearId> layers, const Activations& input,
               std::span<Activations> outputs) override {
        groups.emplace_back(layers.begin(), layers.end());
        EXPECT_EQ(input.rows(), rows_);
        linear_.apply(layers, input, outputs);
        if (spoil) outputs[0].values()(2, 1) = std::numeric_limits<float>::infinity();
    }

    std::vector<std::vector<LinearId>> groups;
    bool spoil = false;

private:
    FloatLinear linear_;
    Index rows_;
};

/// Lets shapes pass, as a simulator of time alone does.
class Shapes : public LinearOperator {
public:
    explicit Shapes(LlamaShape shape) : shape_(std::move(shape)) {}
    bool needs_values() const override { return false; }
    void apply(std::span<const LinearId> layers, const Activations& input,
               std::span<Activations> outputs) override {
        for (std::size_t i = 0; i < layers.size(); ++i) {
            EXPECT_EQ(input.cols(), shape_.linear_inputs(layers[i].kind));
            outputs[i] = Activations::of_shape(input.rows(), shape_.linear_outputs(layers[i].kind));
        }
    }
    void add(const LinearId&, Activations& hidden, const Activations& added) override {
        EXPECT_EQ(hidden.rows(), added.rows());
        EXPECT_EQ(hidden.cols(), added.cols());
    }
    Activations normalize(const NormId&, const Activations& hidden, std::span<const float>,
                          double) override {
        return hidden;
    }
    Activations attend(const AttentionStep&, Activations& q, Activations& k,
                       const Activations& v) override {
        EXPECT_EQ(k.cols(), v.cols());
        return Activations::of_shape(q.rows(), q.cols());
    }
    void gate(int, Activations& gate, const Activations& up) override {
        EXPECT_EQ(gate.cols(), up.cols());
    }

private:
    LlamaShape shape_;
};

TEST(Llama, PassesShapesWhereNoValuesAreNeeded) {
    const GgufLlama model = open(TinyLlama());
    const LlamaForward forward(model);
    const LlamaShape& shape = model.shape();
    Shapes shapes(shape);
    KvCache cache(shape, 2);
    const Activations residual =
        forward.residual_stream({random_tokens(5, 6), random_tokens(5, 7)}, shapes, &cache);
    EXPECT_EQ(cache.length(), 5);
    EXPECT_FALSE(residual.has_values());
    EXPECT_EQ(residual.rows(), 10);
    EXPECT_EQ(residual.cols(), shape.hidden);
    EXPECT_THROW(residual.values(), std::logic_error);
    EXPECT_EQ(forward.logits(residual, shapes).size(), 10 * shape.vocabulary);
}

TEST(Llama, AsksForTheLayersInGroupsThatShareAnInput) {
    const GgufLlama model = open(TinyLlama());
    Recorder recorder(model);
    LlamaForward(model).hidden_states({random_tokens(5, 6)}, recorder);
    ASSERT_EQ(recorder.groups.size(), 8U);
    using enum LinearKind;
    for (int b = 0; b < 2; ++b) {
        const auto* group = &recorder.groups[static_cast<std::size_t>(4 * b)];
        EXPECT_EQ(group[0], (std::vector<LinearId>{{b, q_proj}, {b, k_proj}, {b, v_proj}}));
        EXPECT_EQ(group[1], (std::vector<LinearId>{{b, o_proj}}));
        EXPECT_EQ(group[2], (std::vector<LinearId>{{b, gate_proj}, {b, up_proj}}));
        EXPECT_EQ(group[3], (std::vector<LinearId>{{b, down_proj}}));
    }
}

TEST(Llama, RefusesBadBatches) {
    const GgufLlama model = open(TinyLlama());
    const LlamaForward forward(model);
    FloatLinear linear(model);
    const auto run = [&](const Sequences& sequences) {
        return [&, sequences] { forward.hidden_states(sequences, linear); };
    };
    expect_user_error(run({}), {"no tokens"});
    expect_user_error(run({{}}), {"no tokens"});
    expect_user_error(run({{1, 2}, {3}}), {"2", "1", "batch"});
    expect_user_error(run({{1, 5000}}), {"5000"});
    expect_user_error(run({random_tokens(65, 1)}), {"64", "65"});
    KvCache cache(model.shape(), 2);
    expect_user_error([&] { forward.hidden_states({{1}}, linear, cache); }, {"cache"});
    forward.hidden_states({random_tokens(64, 1), random_tokens(64, 1)}, linear, cache);
    expect_user_error([&] { forward.hidden_states({{1}, {1}}, linear, cache); }, {"64", "65"});
}

TEST(Llama, StopsAtValuesThatAreNotFinite) {
    const GgufLlama model = open(TinyLlama());
    Recorder recorder(model);
    recorder.spoil = true;
    EXPECT_THROW(LlamaForward(model).hidden_states({random_tokens(5, 6)}, recorder), RunError);
}

TEST(BlockPass, GoesOnFromTheHiddenStateOfAnother) {
    const GgufLlama model = open(TinyLlama({.blocks = 3}));
    const Sequences sequences = {random_tokens(9, 1), random_tokens(9, 2)};
    FloatLinear linear(model);
    BlockPass whole(model, sequences, linear);
    whole.run_block();
    EXPECT_EQ(whole.block(), 1);
    const Matrix<float> after_one = whole.hidden();
    while (!whole.finished()) whole.run_block();
    EXPECT_EQ(whole.block(), 3);
    EXPECT_THROW(whole.run_block(), std::invalid_argument);

    Recorder recorder(model, 18);
    BlockPass rest(model, sequences, recorder);
    rest.resume(1, after_one);
    while (!rest.finished()) rest.run_block();
    EXPECT_TRUE(rest.hidden() == whole.hidden());
    EXPECT_EQ(recorder.groups.size(), 8U);
    EXPECT_EQ(recorder.groups.front().front().block, 1);
    EXPECT_THROW(rest.resume(4, after_one), std::invalid_argument);
    EXPECT_THROW(rest.resume(1, after_one.topRows(9)), std::invalid_argument);
    KvCache cache(model.shape(), 2);
    EXPECT_THROW(BlockPass(model, sequences, linear, &cache).resume(1, after_one),
                 std::invalid_argument);
}

// Long sequences are attended to in blocks of query rows; the model above is too small for two.
TEST(Attention, BlocksOfQueriesEqualTheDefinition) {
    LlamaShape shape;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_size = 4;
    constexpr Index kNew = 300, kPast = 37, kTotal = kNew + kPast;
    const Matrix<float> q = Matrix<float>::Random(kNew, 8) * 3.0F;
    const Matrix<float> k = Matrix<float>::Random(kTotal, 4);
    const Matrix<float> v = Matrix<float>::Random(kTotal, 4);
    const Matrix<float> got =
        causal_attention(shape, q, {{{k.data(), kTotal, 4}, {v.data(), kTotal, 4}}});
    for (Index i = 0; i < kNew; ++i) {
        for (Index head = 0; head < 2; ++head) {
            Eigen::RowVector4d sum = Eigen::RowVector4d::Zero();
            double total = 0.0;
            for (Index j = 0; j <= kPast + i; ++j) {
                const double dot =
                    q.block(i, 4 * head, 1, 4).cast<double>().row(0).dot(k.row(j).cast<double>());
                sum += std::exp(dot / 2.0) * v.row(j).cast<double>();
                total += std::exp(dot / 2.0);
            }
            const auto expected = (sum / total).eval();
            for (Index c = 0; c < 4; ++c) ASSERT_NEAR(got(i, 4 * head + c), expected(c), 1e-5);
        }
    }
}

}  // namespace
}  // namespace axesim::workloads
