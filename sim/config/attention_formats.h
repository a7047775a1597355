// SPDX-License-Identifier: Apache-2.0
// The integers of the attention products, as config.attention asks for them.
#pragma once

#include <optional>

#include "sim/config/config.h"

namespace axesim::sim {

/// Keys and values take the weights' side of the array, queries and probabilities that of the
/// activations.
struct AttentionFormats {
    models::LayerFormat scores;  ///< queries x keys
    models::LayerFormat values;  ///< probabilities x values
    /// Symmetric codes of keys and values, a step for each position and head.
    models::ActivationFormat kept;
};

/// Nothing when attention.bits is float. Probabilities are never negative: their zero point is 0
/// (so a design with signed codes has one bit less for them), which spares the sums of the codes of
/// the values that another one would have to be corrected with.
std::optional<AttentionFormats> attention_formats(const Config& config);

}  // namespace axesim::sim
