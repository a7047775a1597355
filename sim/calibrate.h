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

/// What a layer of this design must fit.
quant::LinearFormat linear_format(const Config& config);

/// step[c] * codes[c][k], times 2^shift of the tile of k where weights have groups.
Matrix<float> dequantized(const quant::QuantizedLinear& linear);

/// config.quantizer.calibration as tokens. Throws UserError when the text is too short.
struct CalibrationSequences {
    std::vector<std::vector<workloads::TokenId>> sequences;
    std::string text_sha256;
};
CalibrationSequences calibration_sequences(const workloads::LoadedModel& model,
                                           const Config& config);

/// Throws UserError when the calibration text is too short. `model` must outlive the result.
QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress);

}  // namespace axesim::sim
