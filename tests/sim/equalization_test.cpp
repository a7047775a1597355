// SPDX-License-Identifier: Apache-2.0
// Equalization must not change what a float model computes.
#include "sim/equalization.h"

#include <gtest/gtest.h>

#include <random>

#include "sim/static_ranges.h"
#include "tests/sim/tiny_model.h"

namespace axesim::sim {
namespace {

using workloads::LinearId;
using workloads::TokenId;

/// What the hardware adds to a float forward pass: the rotations that could not be folded away.
class RotatingLinear : public workloads::LinearOperator {
public:
    explicit RotatingLinear(const EqualizedModel& model) : model_(model), float_(*model.weights) {}
    void apply(std::span<const LinearId> layers, const workloads::Activations& input,
               std::span<workloads::Activations> outputs) override {
        Matrix<float> seen = input.values();
        if (const auto* rotation = model_.rotation(layers.front().kind)) {
            rotation->rotate_rows(seen);
        }
        float_.apply(layers, seen, outputs);
    }

private:
    const EqualizedModel& model_;
    workloads::FloatLinear float_;
};

Matrix<float> logits(const workloads::LlamaWeights& weights, workloads::LinearOperator& linear) {
    std::mt19937 random(3);
    std::uniform_int_distribution<TokenId> any(0, 127);
    std::vector<std::vector<TokenId>> sequences(2, std::vector<TokenId>(9));
    for (auto& sequence : sequences) {
        for (TokenId& token : sequence) token = any(random);
    }
    const workloads::LlamaForward forward(weights);
    return forward.logits(forward.hidden_states(sequences, linear));
}

double largest_difference(const Tiny& tiny, const EqualizedModel& equalized) {
    workloads::FloatLinear original(*tiny.model.weights);
    RotatingLinear changed(equalized);
    const Matrix<float> expected = logits(*tiny.model.weights, original);
    const Matrix<float> found = logits(*equalized.weights, changed);
    return static_cast<double>((expected - found).cwiseAbs().maxCoeff() /
                               expected.cwiseAbs().maxCoeff());
}

// Grouped, multi-query and plain heads; tied and own output matrices.
const std::vector<workloads::TinyShape> kShapes = {
    {},
    {.blocks = 3, .heads = 6, .kv_heads = 1, .head_size = 4, .tied = false},
    {.blocks = 1, .heads = 3, .kv_heads = 3}};

Config config_with(quant::Equalization equalization) {
    Config config;
    config.quantizer.equalization = equalization;
    config.quantizer.calibration = {.text = "default", .sequences = 3, .length = 20};
    config.hardware.weight_bits = 4;
    config.hardware.activations.bits = 5;
    return config;
}

TEST(Equalization, RotationKeepsTheFunctionAndChangesTheWeights) {
    for (const auto& shape : kShapes) {
        const Tiny tiny(shape);
        Progress progress(Progress::Style::none);
        const EqualizedModel rotated =
            equalize(tiny.model, config_with(quant::Equalization::rotation), progress);
        EXPECT_LT(largest_difference(tiny, rotated), 1e-5);
        for (const auto kind : workloads::kLinearKinds) {
            const Matrix<float> before = tiny.model.weights->linear({0, kind});
            EXPECT_GT((rotated.weights->linear({0, kind}) - before).norm(), 0.1F * before.norm());
        }
        EXPECT_NE(rotated.rotation(workloads::LinearKind::down_proj), nullptr);
        EXPECT_EQ(rotated.rotation(workloads::LinearKind::o_proj), nullptr);
    }
}

TEST(Equalization, SmoothQuantKeepsTheFunctionAndNeedsNothingAtRunTime) {
    for (const auto& shape : kShapes) {
        const Tiny tiny(shape);
        for (const bool search : {false, true}) {
            Config config = config_with(quant::Equalization::smoothquant);
            config.quantizer.smoothquant_search = search;
            Progress progress(Progress::Style::none);
            const EqualizedModel smoothed = equalize(tiny.model, config, progress);
            EXPECT_LT(largest_difference(tiny, smoothed), 1e-5);
            EXPECT_EQ(smoothed.before_down, std::nullopt);
        }
    }
}

TEST(Equalization, AlphaZeroEvensOutTheWeightsOfEveryInput) {
    const Tiny tiny({});
    Config config = config_with(quant::Equalization::smoothquant);
    config.quantizer.smoothquant_alpha = 0;
    Progress progress(Progress::Style::none);
    const EqualizedModel smoothed = equalize(tiny.model, config, progress);
    const Matrix<float> down = smoothed.weights->linear({1, workloads::LinearKind::down_proj});
    const Eigen::RowVectorXf largest = down.cwiseAbs().colwise().maxCoeff();
    EXPECT_LT((largest.array() - 1.0F).abs().maxCoeff(), 1e-5F);
}

TEST(StaticRanges, LeaveOutRareValuesAndKeepTheFirstPositionApart) {
    Matrix<float> input(200, 10);
    for (Index i = 0; i < input.size(); ++i) {
        input.data()[i] = static_cast<float>(i % 1000) / 1000.0F;
    }
    input(57, 3) = -50.0F;
    input(0, 0) = input(100, 1) = 3000.0F;  // where the two sequences begin
    const RowPositions positions{.sequences = 2, .past = 0, .length = 100};
    quant::QuantizerConfig config;
    StaticRanges ranges = find_static_ranges(input, positions, config);
    EXPECT_EQ(ranges.rest.min, -50.0F);
    EXPECT_EQ(ranges.rest.max, 0.999F);
    EXPECT_EQ(ranges.first.max, 3000.0F);
    const auto rows = ranges_of_rows(ranges, positions);
    ASSERT_EQ(rows.size(), 200U);
    EXPECT_EQ(rows[100].max, 3000.0F);
    EXPECT_EQ(rows[101].max, 0.999F);
    // Later tokens of the same sequences: no first position among them.
    EXPECT_EQ(ranges_of_rows(ranges, {.sequences = 2, .past = 100, .length = 1})[0].max, 0.999F);
    config.static_percentile = 99;
    ranges = find_static_ranges(input, positions, config);
    // The rows apart took the ten smallest of a thousand with them.
    EXPECT_NEAR(static_cast<double>(ranges.rest.min), 0.02, 0.003);
    EXPECT_NEAR(static_cast<double>(ranges.rest.max), 0.99, 0.003);
    config.first_position_apart = false;
    config.static_percentile = 100;
    EXPECT_EQ(find_static_ranges(input, positions, config).rest.max, 3000.0F);
}

}  // namespace
}  // namespace axesim::sim
