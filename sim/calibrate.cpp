// SPDX-License-Identifier: Apache-2.0
#include "sim/calibrate.h"

#include <algorithm>
#include <cmath>

#include "common/parallel.h"
#include "models/compute/activation_quantizer.h"
#include "quant/feedback.h"
#include "quant/moments.h"
#include "workloads/text.h"

namespace axesim::sim {

using workloads::LinearId;

namespace {

/// Turns matrices into certified integers, one after the other.
class LayerQuantizer {
public:
    LayerQuantizer(const Config& config, QuantizedModel& result, Progress& progress)
        : config_(config), format_(linear_format(config)), result_(result), progress_(progress) {}

    const QuantizedLayer& quantize(const LinearId& id, const Matrix<float>& weights,
                                   const quant::InputMoments& moments,
                                   const std::optional<StaticRanges>& input_ranges) {
        const std::string name = workloads::layer_name(id);
        QuantizedLayer& layer = result_.layers[id];
        layer.input_ranges = input_ranges;
        layer.linear = quant::quantize_linear(name, weights.cast<double>(), moments, format_,
                                              config_.quantizer);
        layer.certificate = quant::certify(layer.linear.codes, format_.activations,
                                           format_.accumulator, layer.linear.shifts);
        progress_.advance(1, name);
        return layer;
    }

private:
    const Config& config_;
    const quant::LinearFormat format_;
    QuantizedModel& result_;
    Progress& progress_;
};

/// Multiplies like the quantized net, and quantizes each layer when its inputs first arrive.
///
/// GPFQ also needs what the float net sees. Then the batch holds every sequence twice: the first
/// half of the rows flows through the float weights, the second through the quantized ones, in one
/// forward pass.
class QuantizingLinear : public workloads::LinearOperator {
public:
    QuantizingLinear(LayerQuantizer& quantizer, const EqualizedModel& model, const Config& config,
                     bool two_streams)
        : quantizer_(quantizer), model_(model), config_(config), two_streams_(two_streams) {}

    void start(Index sequences, Index past, Index length) override {
        positions_ = {sequences, past, length};
        if (two_streams_) positions_.sequences /= 2;
    }

    void apply(std::span<const LinearId> layers, const Matrix<float>& input,
               std::span<Matrix<float>> outputs) override {
        Matrix<float> rotated;
        const models::Hadamard* rotation = model_.rotation(layers.front().kind);
        if (rotation != nullptr) {
            rotated = input;
            rotation->rotate_rows(rotated);
        }
        const Matrix<float>& seen = rotation != nullptr ? rotated : input;
        std::optional<StaticRanges> ranges;
        const Index float_rows = two_streams_ ? seen.rows() / 2 : 0;
        const Matrix<float> float_input = seen.topRows(float_rows);
        const Matrix<float> quantized_input = as_the_hardware_sees(
            float_rows > 0 ? Matrix<float>(seen.bottomRows(float_rows)) : seen, ranges);
        const quant::InputMoments moments =
            quant::input_moments(quantized_input, two_streams_ ? &float_input : nullptr);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const Matrix<float> weights = model_.weights->linear(layers[i]);
            const QuantizedLayer& layer = quantizer_.quantize(layers[i], weights, moments, ranges);
            multiply_transposed(quantized_input, dequantized(layer.linear), outputs[i]);
            if (two_streams_) {
                Matrix<float> both(input.rows(), weights.rows()), from_float;
                multiply_transposed(float_input, weights, from_float);
                both << from_float, outputs[i];
                outputs[i] = std::move(both);
            }
        }
    }

private:
    /// Finds the static ranges that the config asks for, too.
    Matrix<float> as_the_hardware_sees(const Matrix<float>& input,
                                       std::optional<StaticRanges>& ranges) const {
        const models::ActivationFormat& format = config_.hardware.activations;
        if (format.granularity == models::ActivationGranularity::per_token) {
            return models::dequantize(models::quantize_per_token(input, format));
        }
        ranges = find_static_ranges(input, positions_, config_.quantizer);
        return models::dequantize(
            models::quantize_static(input, format, ranges_of_rows(*ranges, positions_)));
    }

    LayerQuantizer& quantizer_;
    const EqualizedModel& model_;
    const Config& config_;
    const bool two_streams_;
    RowPositions positions_;
};

bool needs_calibration(const Config& config) {
    return quant::has_feedback(config.quantizer.algorithm) || config.quantizer.step_search ||
           config.quantizer.refine_sweeps > 0 ||
           config.hardware.activations.granularity == models::ActivationGranularity::per_tensor;
}

/// Rounding alone looks at no inputs: no text, no forward pass.
void round_all(const workloads::LlamaWeights& weights, LayerQuantizer& quantizer) {
    for (int block = 0; block < static_cast<int>(weights.shape().blocks); ++block) {
        for (const workloads::LinearKind kind : workloads::kLinearKinds) {
            quantizer.quantize({block, kind}, weights.linear({block, kind}), {}, {});
        }
    }
}

}  // namespace

bool QuantizedModel::certified() const {
    return std::all_of(layers.begin(), layers.end(),
                       [](const auto& entry) { return entry.second.certificate.certified; });
}

Matrix<float> dequantized(const quant::QuantizedLinear& linear) {
    Matrix<float> weights(linear.codes.rows(), linear.codes.cols());
    for (Index channel = 0; channel < weights.rows(); ++channel) {
        weights.row(channel) = linear.codes.row(channel).cast<float>() *
                               static_cast<float>(linear.step[static_cast<std::size_t>(channel)]);
        for (Index t = 0; t < linear.shifts.cols(); ++t) {
            const Index first = t * linear.tile_length;
            weights.row(channel).segment(first,
                                         std::min(linear.tile_length, weights.cols() - first)) *=
                std::ldexp(1.0F, linear.shifts(channel, t));
        }
    }
    return weights;
}

CalibrationSequences calibration_sequences(const workloads::LoadedModel& model,
                                           const Config& config) {
    const quant::CalibrationConfig& calibration = config.quantizer.calibration;
    const workloads::Text text = workloads::load_text(
        calibration.text, workloads::TextPurpose::calibration, *model.tokenizer);
    return {workloads::cut_windows(text, calibration.first_token, calibration.sequences,
                                   calibration.length),
            text.sha256};
}

quant::LinearFormat linear_format(const Config& config) {
    return {.weight_bits = config.hardware.weight_bits,
            .weights = config.hardware.weight_codes(),
            .activations = config.hardware.activations.codes(),
            .accumulator = config.hardware.accumulator};
}

QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress) {
    QuantizedModel result;
    result.equalized = equalize(model, config, progress);
    const workloads::LlamaWeights& weights = *result.equalized.weights;
    LayerQuantizer quantizer(config, result, progress);
    const auto layers =
        static_cast<std::uint64_t>(weights.shape().blocks) * workloads::kLinearKinds.size();
    progress.start("quantize and certify", layers);
    if (needs_calibration(config)) {
        auto [sequences, sha256] = calibration_sequences(model, config);
        const bool two_streams = config.quantizer.algorithm == quant::Algorithm::gpfq ||
                                 config.quantizer.algorithm == quant::Algorithm::qronos;
        // insert() must not read from the vector that it changes.
        if (two_streams) {
            const auto twice = sequences;
            sequences.insert(sequences.end(), twice.begin(), twice.end());
        }
        result.calibration_text_sha256 = sha256;
        QuantizingLinear linear(quantizer, result.equalized, config, two_streams);
        workloads::LlamaForward(weights).hidden_states(sequences, linear);
    } else {
        round_all(weights, quantizer);
    }
    progress.finish();
    return result;
}

}  // namespace axesim::sim
