// SPDX-License-Identifier: Apache-2.0
#include "sim/calibration_text.h"

#include <algorithm>

#include "workloads/text.h"

namespace axesim::sim {

namespace {

bool any_layer(const LayerConfigs& layers, bool (*needs)(const LayerConfig&)) {
    return std::any_of(layers.begin(), layers.end(),
                       [&](const auto& layer) { return needs(layer.second); });
}

}  // namespace

bool compares_inputs(const LayerConfig& config) {
    return config.quantizer.algorithm == quant::Algorithm::gpfq ||
           config.quantizer.algorithm == quant::Algorithm::qronos;
}

bool works_on_moments(const quant::QuantizerConfig& config) {
    return quant::has_feedback(config.algorithm) || config.step_search || config.refine_sweeps > 0;
}

bool looks_at_text(const LayerConfig& config) {
    return works_on_moments(config.quantizer) || config.quantizer.bias_correction ||
           config.format.activations.granularity == models::ActivationGranularity::per_tensor;
}

bool looks_at_text(const LayerConfigs& layers) {
    return any_layer(layers, [](const LayerConfig& layer) { return looks_at_text(layer); });
}
bool runs_float_stream(const LayerConfigs& layers) { return any_layer(layers, compares_inputs); }

CalibrationSequences calibration_sequences(const workloads::LoadedModel& model,
                                           const Config& config) {
    const quant::CalibrationConfig& calibration = config.quantizer.calibration;
    const workloads::Text text = workloads::load_text(
        calibration.text, workloads::TextPurpose::calibration, *model.tokenizer);
    return {workloads::cut_windows(text, calibration.first_token, calibration.sequences,
                                   calibration.length),
            text.sha256};
}

CalibrationSequences calibration_streams(const workloads::LoadedModel& model, const Config& config,
                                         bool two_streams) {
    CalibrationSequences streams = calibration_sequences(model, config);
    if (two_streams) {
        // insert() must not read from the vector that it changes.
        const auto twice = streams.sequences;
        streams.sequences.insert(streams.sequences.end(), twice.begin(), twice.end());
    }
    return streams;
}

std::string calibration_text_sha256(const workloads::LoadedModel& model, const Config& config) {
    const bool looks = config.quantizer.equalization == quant::Equalization::smoothquant ||
                       looks_at_text(layer_configs(config, model.weights->shape()));
    if (!looks || config.workload.timing_only) return "";
    return workloads::text_sha256(config.quantizer.calibration.text,
                                  workloads::TextPurpose::calibration);
}

}  // namespace axesim::sim
