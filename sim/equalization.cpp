// SPDX-License-Identifier: Apache-2.0
#include "sim/equalization.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/parallel.h"
#include "models/compute/activation_quantizer.h"
#include "quant/quantizer.h"
#include "sim/calibration_text.h"
#include "sim/layer_configs.h"
#include "workloads/block_pass.h"
#include "workloads/text.h"

namespace axesim::sim {

using workloads::LinearId;
using workloads::LinearKind;
using workloads::LlamaShape;
using workloads::LlamaWeights;
using workloads::TokenId;

namespace {

using Row = Eigen::RowVectorXf;

std::vector<float> to_vector(const Row& row) { return {row.begin(), row.end()}; }
Eigen::Map<const Row> as_row(const std::vector<float>& values) {
    return {values.data(), static_cast<Index>(values.size())};
}

// --- Rotation -----------------------------------------------------------------------------------

class RotatedLlama : public LlamaWeights {
public:
    explicit RotatedLlama(const LlamaWeights& original)
        : original_(original),
          residual_(original.shape().hidden),
          head_(original.shape().head_size),
          ffn_(original.shape().ffn) {}

    const models::Hadamard& ffn() const { return ffn_; }

    const LlamaShape& shape() const override { return original_.shape(); }
    std::vector<float> attention_norm(Index) const override { return ones(); }
    std::vector<float> ffn_norm(Index) const override { return ones(); }
    std::vector<float> final_norm() const override { return ones(); }

    Matrix<float> linear(const LinearId& id) const override {
        Matrix<float> w = original_.linear(id);
        switch (id.kind) {
            case LinearKind::q_proj:
            case LinearKind::k_proj:
                enter(w, original_.attention_norm(id.block));
                break;
            case LinearKind::v_proj:
                enter(w, original_.attention_norm(id.block));
                for (Index first = 0; first < w.rows(); first += head_.size()) {
                    Matrix<float> head = w.middleRows(first, head_.size());
                    head_.rotate_columns(head);
                    w.middleRows(first, head_.size()) = head;
                }
                break;
            case LinearKind::o_proj:
                for (Index first = 0; first < w.cols(); first += head_.size()) {
                    Matrix<float> head = w.middleCols(first, head_.size());
                    head_.rotate_rows(head);
                    w.middleCols(first, head_.size()) = head;
                }
                residual_.rotate_columns(w);
                break;
            case LinearKind::gate_proj:
            case LinearKind::up_proj:
                enter(w, original_.ffn_norm(id.block));
                break;
            case LinearKind::down_proj:
                ffn_.rotate_rows(w);
                residual_.rotate_columns(w);
                break;
            case LinearKind::lm_head:  // lm_head() below
                break;
        }
        return w;
    }
    Matrix<float> embed(std::span<const TokenId> tokens) const override {
        Matrix<float> hidden = original_.embed(tokens);
        residual_.rotate_rows(hidden);
        return hidden;
    }
    Matrix<float> lm_head() const override {
        Matrix<float> w = original_.lm_head();
        enter(w, original_.final_norm());
        return w;
    }

private:
    std::vector<float> ones() const {
        return std::vector<float>(static_cast<std::size_t>(shape().hidden), 1.0F);
    }
    /// Weights of a layer that reads the residual stream through an RMSNorm.
    void enter(Matrix<float>& w, const std::vector<float>& norm) const {
        w.array().rowwise() *= as_row(norm).array();
        residual_.rotate_rows(w);
    }

    const LlamaWeights& original_;
    models::Hadamard residual_, head_, ffn_;
};

// --- SmoothQuant --------------------------------------------------------------------------------

/// What the inputs of one block's four groups of layers are divided by; empty: by 1.
struct BlockScales {
    std::vector<float> attention, heads, ffn, down;
};

class SmoothedLlama : public LlamaWeights {
public:
    SmoothedLlama(const LlamaWeights& original, std::vector<BlockScales> scales)
        : original_(original), scales_(std::move(scales)) {}

    const LlamaShape& shape() const override { return original_.shape(); }
    std::vector<float> attention_norm(Index block) const override {
        return divided(original_.attention_norm(block), at(block).attention);
    }
    std::vector<float> ffn_norm(Index block) const override {
        return divided(original_.ffn_norm(block), at(block).ffn);
    }
    std::vector<float> final_norm() const override { return original_.final_norm(); }
    Matrix<float> linear(const LinearId& id) const override {
        Matrix<float> w = original_.linear(id);
        const BlockScales& scales = at(id.block);
        switch (id.kind) {
            case LinearKind::q_proj:
            case LinearKind::k_proj:
                multiply_columns(w, scales.attention);
                break;
            case LinearKind::v_proj:
                multiply_columns(w, scales.attention);
                divide_rows(w, of_value_heads(scales.heads));
                break;
            case LinearKind::o_proj:
                multiply_columns(w, scales.heads);
                break;
            case LinearKind::gate_proj:
                multiply_columns(w, scales.ffn);
                break;
            case LinearKind::up_proj:
                multiply_columns(w, scales.ffn);
                divide_rows(w, scales.down);
                break;
            case LinearKind::down_proj:
                multiply_columns(w, scales.down);
                break;
            case LinearKind::lm_head:  // lm_head() below
                break;
        }
        return w;
    }
    Matrix<float> embed(std::span<const TokenId> tokens) const override {
        return original_.embed(tokens);
    }
    Matrix<float> lm_head() const override { return original_.lm_head(); }

private:
    const BlockScales& at(Index block) const { return scales_[static_cast<std::size_t>(block)]; }
    static std::vector<float> divided(const std::vector<float>& norm, const std::vector<float>& s) {
        if (s.empty()) return norm;
        return to_vector(as_row(norm).cwiseQuotient(as_row(s)));
    }
    static void multiply_columns(Matrix<float>& w, const std::vector<float>& s) {
        if (!s.empty()) w.array().rowwise() *= as_row(s).array();
    }
    static void divide_rows(Matrix<float>& w, const std::vector<float>& s) {
        if (!s.empty()) w.array().colwise() /= as_row(s).transpose().array();
    }
    /// The scales of query heads, which agree where they share a value head, once a value head.
    std::vector<float> of_value_heads(const std::vector<float>& of_query_heads) const {
        std::vector<float> s;
        if (of_query_heads.empty()) return s;
        const auto size = static_cast<std::size_t>(shape().head_size);
        const auto sharing = static_cast<std::size_t>(shape().heads / shape().kv_heads);
        for (std::size_t head = 0; head < of_query_heads.size() / size; head += sharing) {
            const auto first = of_query_heads.begin() + static_cast<std::ptrdiff_t>(head * size);
            s.insert(s.end(), first, first + static_cast<std::ptrdiff_t>(size));
        }
        return s;
    }

    const LlamaWeights& original_;
    std::vector<BlockScales> scales_;
};

/// The largest value of each channel over the query heads that share a value head.
void share_over_heads(Row& values, const LlamaShape& shape) {
    const Index sharing = shape.heads / shape.kv_heads;
    for (Index kv = 0; kv < shape.kv_heads; ++kv) {
        const auto head = [&](Index i) {
            return values.segment((kv * sharing + i) * shape.head_size, shape.head_size);
        };
        Row largest = head(0);
        for (Index i = 1; i < sharing; ++i) largest = largest.cwiseMax(head(i));
        for (Index i = 0; i < sharing; ++i) head(i) = largest;
    }
}

/// Multiplies in single precision and finds the scales of every group as its inputs pass.
class ScaleFinder : public workloads::LinearOperator {
public:
    ScaleFinder(const LlamaWeights& weights, const Config& config, Progress& progress)
        : weights_(weights),
          config_(config),
          layer_configs_(layer_configs(config, weights.shape())),
          progress_(progress),
          scales_(static_cast<std::size_t>(weights.shape().blocks)) {}

    std::vector<BlockScales> take() { return std::move(scales_); }

    void apply(std::span<const LinearId> layers, const workloads::Activations& input,
               std::span<workloads::Activations> outputs) override {
        std::vector<Matrix<float>> matrices;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            matrices.push_back(weights_.linear(layers[i]));
            multiply_transposed(input.values(), matrices.back(), outputs[i].values());
        }
        group(layers.front()) = find(layers, input.values(), matrices);
        progress_.advance(layers.size(), workloads::layer_name(layers.front()));
    }

private:
    std::vector<float>& group(const LinearId& first) {
        BlockScales& scales = scales_[static_cast<std::size_t>(first.block)];
        switch (first.kind) {
            case LinearKind::o_proj:
                return scales.heads;
            case LinearKind::gate_proj:
                return scales.ffn;
            case LinearKind::down_proj:
                return scales.down;
            default:
                return scales.attention;
        }
    }

    /// Rows of `input` that do not begin a sequence.
    bool counts(Index row) const { return row % config_.quantizer.calibration.length != 0; }

    std::vector<float> find(std::span<const LinearId> layers, const Matrix<float>& input,
                            const std::vector<Matrix<float>>& matrices) const {
        Row x_max = Row::Zero(input.cols());
        for (Index r = 0; r < input.rows(); ++r) {
            if (counts(r)) x_max = x_max.cwiseMax(input.row(r).cwiseAbs());
        }
        Row w_max = Row::Zero(input.cols());
        for (const Matrix<float>& w : matrices) {
            w_max = w_max.cwiseMax(w.cwiseAbs().colwise().maxCoeff());
        }
        if (layers.front().kind == LinearKind::o_proj) {
            share_over_heads(x_max, weights_.shape());
            share_over_heads(w_max, weights_.shape());
        }
        return config_.quantizer.smoothquant_search
                   ? search(x_max, w_max, input, layers, matrices)
                   : scales(x_max, w_max, config_.quantizer.smoothquant_alpha);
    }

    static std::vector<float> scales(const Row& x_max, const Row& w_max, double alpha) {
        constexpr float kLeast = 1e-5F;  // a channel that is never active
        const auto a = static_cast<float>(alpha);
        const Row s =
            x_max.cwiseMax(kLeast).array().pow(a) / w_max.cwiseMax(kLeast).array().pow(1.0F - a);
        return to_vector(s);
    }

    std::vector<float> search(const Row& x_max, const Row& w_max, const Matrix<float>& input,
                              std::span<const LinearId> layers,
                              const std::vector<Matrix<float>>& matrices) const {
        constexpr Index kSamples = 256;
        Matrix<float> samples(std::min(kSamples, input.rows()), input.cols());
        const Index stride = input.rows() / samples.rows();
        for (Index i = 0; i < samples.rows(); ++i) {
            const Index row = i * stride + (counts(i * stride) || stride < 2 ? 0 : 1);
            samples.row(i) = input.row(row);
        }
        std::vector<float> best;  // no scales
        double least = error(samples, layers, matrices, Row::Ones(input.cols()));
        for (const double alpha : {0.2, 0.35, 0.5, 0.65, 0.8}) {
            std::vector<float> candidate = scales(x_max, w_max, alpha);
            const double found = error(samples, layers, matrices, as_row(candidate));
            if (found >= least) continue;
            least = found;
            best = std::move(candidate);
        }
        return best;
    }

    /// Squared error of the outputs after rounding inputs / s and weights * s.
    double error(const Matrix<float>& samples, std::span<const LinearId> layers,
                 const std::vector<Matrix<float>>& matrices, const Row& s) const {
        quant::QuantizerConfig rounding;
        rounding.algorithm = quant::Algorithm::naive_round;
        rounding.accumulator_aware = quant::AccumulatorAware::none;
        Matrix<float> scaled = samples.array().rowwise() / s.array();
        const Matrix<float> seen = models::dequantize(models::quantize_per_token(
            scaled, layer_configs_.at(layers.front()).format.activations));
        double sum = 0;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const Matrix<float>& w = matrices[i];
            const LayerConfig& layer = layer_configs_.at(layers[i]);
            rounding.weight_range = layer.quantizer.weight_range;
            const Matrix<float> smoothed = w.array().rowwise() * s.array();
            const auto rounded = quant::quantize_linear("smoothquant", smoothed.cast<double>(),
                                                        quant::InputMoments(),
                                                        linear_format(layer.format), rounding);
            Matrix<float> expected, found;
            multiply_transposed(samples, w, expected);
            multiply_transposed(seen, quant::dequantized(rounded), found);
            sum += static_cast<double>((found - expected).squaredNorm());
        }
        return sum;
    }

    const LlamaWeights& weights_;
    const Config& config_;
    const LayerConfigs layer_configs_;
    Progress& progress_;
    std::vector<BlockScales> scales_;
};

}  // namespace

const models::Hadamard* EqualizedModel::rotation(LinearKind kind) const {
    return kind == LinearKind::down_proj && before_down ? &*before_down : nullptr;
}

EqualizedModel equalize(const workloads::LoadedModel& model, const Config& config,
                        Progress& progress) {
    const LlamaWeights& weights = *model.weights;
    switch (config.quantizer.equalization) {
        case quant::Equalization::none:
            break;
        case quant::Equalization::rotation: {
            auto rotated = std::make_shared<RotatedLlama>(weights);
            const models::Hadamard before_down = rotated->ffn();
            return {std::move(rotated), before_down, ""};
        }
        case quant::Equalization::smoothquant: {
            const CalibrationSequences calibration = calibration_sequences(model, config);
            progress.start("smooth", static_cast<std::uint64_t>(weights.shape().blocks) *
                                         workloads::kLinearKinds.size());
            ScaleFinder finder(weights, config, progress);
            workloads::BlockPass pass(weights, calibration.sequences, finder);
            while (!pass.finished()) pass.run_block();
            progress.finish();
            return {std::make_shared<SmoothedLlama>(weights, finder.take()), std::nullopt,
                    calibration.text_sha256};
        }
    }
    // Owned by the caller.
    return {std::shared_ptr<const LlamaWeights>(std::shared_ptr<void>(), &weights), std::nullopt,
            ""};
}

}  // namespace axesim::sim
