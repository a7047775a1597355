// SPDX-License-Identifier: Apache-2.0
#include "sim/calibrate.h"

#include <algorithm>

#include "common/parallel.h"
#include "models/compute/activation_quantizer.h"
#include "quant/moments.h"
#include "workloads/text.h"

namespace axesim::sim {

using workloads::LinearId;

namespace {

/// step[c] * codes[c][k].
Matrix<float> dequantized(const quant::QuantizedLinear& linear) {
    Matrix<float> weights(linear.codes.rows(), linear.codes.cols());
    for (Index channel = 0; channel < weights.rows(); ++channel) {
        weights.row(channel) = linear.codes.row(channel).cast<float>() *
                               static_cast<float>(linear.step[static_cast<std::size_t>(channel)]);
    }
    return weights;
}

/// Multiplies like the quantized net, and quantizes each layer when its inputs first arrive.
///
/// GPFQ also needs what the float net sees. Then the batch holds every sequence twice: the first
/// half of the rows flows through the float weights, the second through the quantized ones, in one
/// forward pass.
class QuantizingLinear : public workloads::LinearOperator {
public:
    QuantizingLinear(const workloads::LlamaWeights& weights, const Config& config, bool two_streams,
                     QuantizedModel& result, Progress& progress)
        : weights_(weights),
          config_(config),
          format_(linear_format(config)),
          two_streams_(two_streams),
          result_(result),
          progress_(progress) {}

    void apply(std::span<const LinearId> layers, const Matrix<float>& input,
               std::span<Matrix<float>> outputs) override {
        const Index float_rows = two_streams_ ? input.rows() / 2 : 0;
        const Matrix<float> float_input = input.topRows(float_rows);
        const Matrix<float> quantized_input = as_the_hardware_sees(
            float_rows > 0 ? Matrix<float>(input.bottomRows(float_rows)) : input);
        const quant::InputMoments moments =
            quant::input_moments(quantized_input, two_streams_ ? &float_input : nullptr);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const Matrix<float> weights = weights_.linear(layers[i]);
            const QuantizedLayer& layer = quantize(layers[i], weights, moments);
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
    Matrix<float> as_the_hardware_sees(const Matrix<float>& input) const {
        return models::dequantize(models::quantize_per_token(input, config_.hardware.activations));
    }

    const QuantizedLayer& quantize(const LinearId& id, const Matrix<float>& weights,
                                   const quant::InputMoments& moments) {
        const std::string name = workloads::layer_name(id);
        QuantizedLayer& layer = result_.layers[id];
        layer.linear = quant::quantize_linear(name, weights.cast<double>(), moments, format_,
                                              config_.quantizer);
        layer.certificate =
            quant::certify(layer.linear.codes, format_.activations, format_.accumulator);
        progress_.advance(1, name);
        return layer;
    }

    const workloads::LlamaWeights& weights_;
    const Config& config_;
    const quant::LinearFormat format_;
    const bool two_streams_;
    QuantizedModel& result_;
    Progress& progress_;
};

bool needs_calibration(const quant::QuantizerConfig& config) {
    return config.algorithm == quant::Algorithm::gpfq ||
           config.algorithm == quant::Algorithm::optq || config.step_search;
}

/// Rounding alone looks at no inputs: no text, no forward pass.
void round_all(const workloads::LlamaWeights& weights, const Config& config, QuantizedModel& result,
               Progress& progress) {
    const quant::LinearFormat format = linear_format(config);
    for (int block = 0; block < static_cast<int>(weights.shape().blocks); ++block) {
        for (const workloads::LinearKind kind : workloads::kLinearKinds) {
            const LinearId id{block, kind};
            const std::string name = workloads::layer_name(id);
            QuantizedLayer& layer = result.layers[id];
            layer.linear = quant::quantize_linear(name, weights.linear(id).cast<double>(), {},
                                                  format, config.quantizer);
            layer.certificate =
                quant::certify(layer.linear.codes, format.activations, format.accumulator);
            progress.advance(1, name);
        }
    }
}

}  // namespace

bool QuantizedModel::certified() const {
    return std::all_of(layers.begin(), layers.end(),
                       [](const auto& entry) { return entry.second.certificate.certified; });
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
    const workloads::LlamaWeights& weights = *model.weights;
    const auto layers =
        static_cast<std::uint64_t>(weights.shape().blocks) * workloads::kLinearKinds.size();
    progress.start("quantize and certify", layers);
    if (needs_calibration(config.quantizer)) {
        const quant::CalibrationConfig& calibration = config.quantizer.calibration;
        const workloads::Text text = workloads::load_text(
            calibration.text, workloads::TextPurpose::calibration, *model.tokenizer);
        auto sequences = workloads::cut_windows(text, calibration.first_token,
                                                calibration.sequences, calibration.length);
        const bool two_streams = config.quantizer.algorithm == quant::Algorithm::gpfq;
        if (two_streams) sequences.insert(sequences.end(), sequences.begin(), sequences.end());
        result.calibration_text_sha256 = text.sha256;
        QuantizingLinear linear(weights, config, two_streams, result, progress);
        workloads::LlamaForward(weights).hidden_states(sequences, linear);
    } else {
        round_all(weights, config, result, progress);
    }
    progress.finish();
    return result;
}

}  // namespace axesim::sim
