// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "sim/calibrate.h"
#include "sim/config/config.h"

namespace axesim::sim {

/// Writes DIR/quantized.safetensors: per layer, under its Hugging Face name, `.weight` (int8, or
/// int16 above 8 bits, [out, in]), `.weight_scale` (float32 [out]) and, with weights in groups,
/// `.tile_scale` (uint8 [out, tiles]: the step of a tile is so many times the channel's); the
/// formats that the certificate assumes are in the file's metadata, those of a layer with other
/// widths once more as NAME.weight_bits, NAME.activation_bits, NAME.activation_min,
/// NAME.activation_max and NAME.inner_bits. Activations are quantized per token at run time, so
/// there is no input scale to export. Throws RunError.
void export_weights(const std::filesystem::path& directory, const QuantizedModel& model,
                    const Config& config);

}  // namespace axesim::sim
