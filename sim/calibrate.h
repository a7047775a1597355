// SPDX-License-Identifier: Apache-2.0
// Quantizes a model layer by layer while calibration text flows through what is quantized so far.
#pragma once

#include <map>
#include <string>

#include "common/progress.h"
#include "quant/certificate.h"
#include "quant/quantizer.h"
#include "sim/config/config.h"
#include "workloads/model_file.h"

namespace axesim::sim {

struct QuantizedLayer {
    quant::QuantizedLinear linear;
    quant::Certificate certificate;
};

struct QuantizedModel {
    std::map<workloads::LinearId, QuantizedLayer> layers;
    std::string calibration_text_sha256;  ///< "" when the algorithm looks at no text

    bool certified() const;
};

/// What a layer of this design must fit.
quant::LinearFormat linear_format(const Config& config);

/// Throws UserError when the calibration text is too short.
QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress);

}  // namespace axesim::sim
