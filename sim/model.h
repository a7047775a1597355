// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/config/config.h"
#include "workloads/model_file.h"

namespace axesim::sim {

/// The sizes that a table of configs/llama, or another .yaml file like them, gives. Throws
/// UserError naming file, line, column and entry.
workloads::LlamaShape load_shape(const std::filesystem::path& file);

/// What configs/llama holds, sorted, without ".yaml".
std::vector<std::string> shape_names();

/// config.workload.model: a model's file (workloads::load_model), or, for a name in configs/llama
/// ("llama-" may be left out) or a .yaml file, random weights of those sizes. Throws UserError.
workloads::LoadedModel load_model_of(const Config& config);

/// Settles what the config leaves to the model: the widths of accumulator_aware: bit_width, and for
/// random weights that they are rounded to nearest under the constraint that the config asks for,
/// since their activations teach a quantizer nothing, and that no text is scored. What changes the
/// hardware's work (widths, rotation, accumulators, static ranges) stays, but for the biases of
/// bias correction. With workload.timing_only nothing is scored either. Throws UserError.
void settle_config(Config& config, const workloads::LoadedModel& model);

/// Both.
workloads::LoadedModel open_model(Config& config);

}  // namespace axesim::sim
