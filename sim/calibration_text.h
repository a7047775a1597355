// SPDX-License-Identifier: Apache-2.0
// The text that quantizers look at, and which of them do.
#pragma once

#include <string>
#include <vector>

#include "sim/config/config.h"
#include "sim/layer_configs.h"
#include "workloads/model_file.h"

namespace axesim::sim {

/// config.quantizer.calibration as tokens. Throws UserError when the text is too short.
struct CalibrationSequences {
    std::vector<std::vector<workloads::TokenId>> sequences;
    std::string text_sha256;
};
CalibrationSequences calibration_sequences(const workloads::LoadedModel& model,
                                           const Config& config);

/// The same for quantize_model(): each sequence twice where the float model's stream runs beside.
CalibrationSequences calibration_streams(const workloads::LoadedModel& model, const Config& config,
                                         bool two_streams);

/// text_sha256 of what a config looks at, without quantizing anything; "" when it looks at no text.
std::string calibration_text_sha256(const workloads::LoadedModel& model, const Config& config);

/// Whether a quantizer's decisions depend on the second moments of a layer's inputs.
bool works_on_moments(const quant::QuantizerConfig& config);

/// Whether this layer's algorithm looks at calibration text, and whether it compares what the
/// quantized net sees with what the float net does.
bool looks_at_text(const LayerConfig& config);
bool compares_inputs(const LayerConfig& config);

/// Whether any layer looks at it, and whether one also needs what the float model makes of it,
/// which doubles the rows.
bool looks_at_text(const LayerConfigs& layers);
bool runs_float_stream(const LayerConfigs& layers);

}  // namespace axesim::sim
