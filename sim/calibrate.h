// SPDX-License-Identifier: Apache-2.0
// Quantizes a model layer by layer while calibration text flows through what is quantized so far.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/progress.h"
#include "quant/certificate.h"
#include "quant/quantizer.h"
#include "sim/config/config.h"
#include "sim/equalization.h"
#include "sim/static_ranges.h"
#include "workloads/model_file.h"

namespace axesim::sim {

struct QuantizedLayer {
    models::LayerFormat format;  ///< of the codes and of the accumulators that sum their products
    quant::QuantizedLinear linear;
    std::optional<StaticRanges> input_ranges;  ///< absent: found per token at run time
    quant::Certificate certificate;
};

struct QuantizedModel {
    EqualizedModel equalized;  ///< what was quantized
    std::map<workloads::LinearId, QuantizedLayer> layers;
    std::string calibration_text_sha256;  ///< "" when the algorithm looks at no text

    bool certified() const;
};

/// The hardware that the model needs: config.hardware, as wide as the widest of its layers.
models::HardwareConfig built_hardware(const Config& config, const QuantizedModel& model);

/// What the integers of a layer of this format must fit.
quant::LinearFormat linear_format(const models::LayerFormat& format);

/// step[c] * codes[c][k].
Matrix<float> dequantized(const quant::QuantizedLinear& linear);

/// config.quantizer.calibration as tokens. Throws UserError when the text is too short.
struct CalibrationSequences {
    std::vector<std::vector<workloads::TokenId>> sequences;
    std::string text_sha256;
};
CalibrationSequences calibration_sequences(const workloads::LoadedModel& model,
                                           const Config& config);

/// Every layer becomes what its own config (layer_config) asks for. Throws UserError as
/// layer_configs() does, and when the calibration text is too short. `model` must outlive the
/// result.
QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress);

}  // namespace axesim::sim
