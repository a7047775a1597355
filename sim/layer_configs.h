// SPDX-License-Identifier: Apache-2.0
// A design's overrides, applied to the layers of one model.
#pragma once

#include <map>

#include "quant/quantizer.h"
#include "sim/config/config.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// The config of every linear layer of a model.
using LayerConfigs = std::map<workloads::LinearId, LayerConfig>;

/// Throws UserError at the override to change: its pattern matches no layer of the model, it leaves
/// a layer an accumulator that does not hold one product, or it gives layers that share an input
/// (which is quantized once for all of them) activations of different widths.
LayerConfigs layer_configs(const Config& config, const workloads::LlamaShape& shape);

/// What the integers of a layer of this format must fit.
quant::LinearFormat linear_format(const models::LayerFormat& format);

}  // namespace axesim::sim
