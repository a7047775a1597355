// SPDX-License-Identifier: Apache-2.0
#include "sim/calibrate.h"

#include <algorithm>

#include "common/parallel.h"
#include "models/compute/activation_quantizer.h"
#include "quant/feedback.h"
#include "quant/moments.h"
#include "sim/layer_configs.h"
#include "workloads/text.h"

namespace axesim::sim {

using workloads::LinearId;

namespace {

bool needs_calibration(const LayerConfig& config) {
    return quant::has_feedback(config.quantizer.algorithm) || config.quantizer.step_search ||
           config.quantizer.refine_sweeps > 0 ||
           config.format.activations.granularity == models::ActivationGranularity::per_tensor;
}

/// Whether the algorithm compares with what the float net sees.
bool needs_float_stream(const LayerConfig& config) {
    return config.quantizer.algorithm == quant::Algorithm::gpfq ||
           config.quantizer.algorithm == quant::Algorithm::qronos;
}

bool any_layer(const LayerConfigs& layers, bool (*needs)(const LayerConfig&)) {
    return std::any_of(layers.begin(), layers.end(),
                       [&](const auto& layer) { return needs(layer.second); });
}

/// Moments of the input of a group of layers. Each layer is shown what its own algorithm looks at,
/// so that it does not depend on what the algorithms of other layers need.
class GroupMoments {
public:
    /// Inputs [samples, K] that the quantized and the float net see; both must outlive this.
    GroupMoments(const Matrix<float>& quantized, const Matrix<float>& original)
        : quantized_(quantized), original_(original) {}

    const quant::InputMoments& of(const LayerConfig& layer) {
        if (!needs_calibration(layer)) return none_;
        const bool two = needs_float_stream(layer);
        std::optional<quant::InputMoments>& moments = two ? of_both_ : of_quantized_;
        if (!moments) moments = quant::input_moments(quantized_, two ? &original_ : nullptr);
        return *moments;
    }

private:
    const Matrix<float>& quantized_;
    const Matrix<float>& original_;
    const quant::InputMoments none_{};
    std::optional<quant::InputMoments> of_quantized_, of_both_;
};

/// Turns matrices into certified integers, one after the other.
class LayerQuantizer {
public:
    LayerQuantizer(const LayerConfigs& configs, QuantizedModel& result, Progress& progress)
        : configs_(configs), result_(result), progress_(progress) {}

    const LayerConfig& config(const LinearId& id) const { return configs_.at(id); }

    const QuantizedLayer& quantize(const LinearId& id, const Matrix<float>& weights,
                                   const quant::InputMoments& moments,
                                   const std::optional<StaticRanges>& input_ranges) {
        const std::string name = workloads::layer_name(id);
        const LayerConfig& asked = config(id);
        const quant::LinearFormat format = linear_format(asked.format);
        QuantizedLayer& layer = result_.layers[id];
        layer.format = asked.format;
        layer.input_ranges = input_ranges;
        layer.linear =
            quant::quantize_linear(name, weights.cast<double>(), moments, format, asked.quantizer);
        layer.certificate =
            quant::certify(layer.linear.codes, format.activations, format.accumulator);
        progress_.advance(1, name);
        return layer;
    }

private:
    const LayerConfigs& configs_;
    QuantizedModel& result_;
    Progress& progress_;
};

/// Multiplies like the quantized net, and quantizes each layer when its inputs first arrive.
///
/// GPFQ and Qronos also need what the float net sees. Then the batch holds every sequence twice:
/// the first half of the rows flows through the float weights, the second through the quantized
/// ones, in one forward pass.
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
        const Matrix<float> quantized_input =
            as_the_hardware_sees(float_rows > 0 ? Matrix<float>(seen.bottomRows(float_rows)) : seen,
                                 quantizer_.config(layers.front()).format.activations, ranges);
        GroupMoments moments(quantized_input, float_input);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const Matrix<float> weights = model_.weights->linear(layers[i]);
            const QuantizedLayer& layer = quantizer_.quantize(
                layers[i], weights, moments.of(quantizer_.config(layers[i])), ranges);
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
                                       const models::ActivationFormat& format,
                                       std::optional<StaticRanges>& ranges) const {
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

models::HardwareConfig built_hardware(const Config& config, const QuantizedModel& model) {
    models::HardwareConfig hardware = config.hardware;
    static_cast<models::LayerFormat&>(hardware) = model.layers.begin()->second.format;
    for (const auto& [id, layer] : model.layers) {
        const models::LayerFormat& own = layer.format;
        hardware.weight_bits = std::max(hardware.weight_bits, own.weight_bits);
        hardware.weights_narrow = hardware.weights_narrow && own.weights_narrow;
        hardware.activations.bits = std::max(hardware.activations.bits, own.activations.bits);
        hardware.accumulator.inner_bits =
            std::max(hardware.accumulator.inner_bits, own.accumulator.inner_bits);
    }
    return hardware;
}

quant::LinearFormat linear_format(const models::LayerFormat& format) {
    return {.weight_bits = format.weight_bits,
            .weights = format.weight_codes(),
            .activations = format.activations.codes(),
            .accumulator = format.accumulator};
}

QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress) {
    const LayerConfigs configs = layer_configs(config, model.weights->shape());
    QuantizedModel result;
    result.equalized = equalize(model, config, progress);
    const workloads::LlamaWeights& weights = *result.equalized.weights;
    LayerQuantizer quantizer(configs, result, progress);
    const auto layers =
        static_cast<std::uint64_t>(weights.shape().blocks) * workloads::kLinearKinds.size();
    progress.start("quantize and certify", layers);
    if (any_layer(configs, needs_calibration)) {
        auto [sequences, sha256] = calibration_sequences(model, config);
        const bool two_streams = any_layer(configs, needs_float_stream);
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
