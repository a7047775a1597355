// SPDX-License-Identifier: Apache-2.0
// Changes of scale or basis that keep a Llama model's function and make it easier to quantize.
// Everything that can be is folded into the weights; what cannot be stays as an operation of the
// hardware.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/progress.h"
#include "models/compute/hadamard.h"
#include "sim/config/config.h"
#include "workloads/model_file.h"

namespace axesim::sim {

/// A model ready to be quantized.
struct EqualizedModel {
    std::shared_ptr<const workloads::LlamaWeights> weights;
    /// What the vector unit must do to the inputs of down_proj before they are quantized: SwiGLU
    /// lets no rotation pass, so its inverse alone is folded into the weights.
    std::optional<models::Hadamard> before_down;
    std::string calibration_text_sha256;  ///< "" when no text was looked at

    /// The rotation of this layer's inputs, or null.
    const models::Hadamard* rotation(workloads::LinearKind kind) const;
};

/// config.quantizer.equalization:
/// none: the model itself.
/// smoothquant (arXiv 2211.10438): input j of a layer is divided, its weights multiplied by
///   s_j = max|x_j|^alpha / max|w_j|^(1-alpha). The division is folded into the RMSNorm before q,
///   k, v and gate, up, into the rows of v before o (one s for the query heads that share a value
///   head) and into the rows of up before down. With smoothquant_search every group takes the
///   alpha, or no scales at all, that leaves the least error of its outputs on calibration text
///   after rounding weights and activations. The first position of a sequence is left out of all
///   statistics: it is where Llama models park huge values that other tokens do not have.
/// rotation (arXiv 2404.00456): the residual stream, the heads of v and the input of down_proj are
///   rotated by Hadamard matrices; RMSNorm's weights move into the matrices after it.
/// `model` must outlive the result. Throws UserError when the calibration text is too short.
EqualizedModel equalize(const workloads::LoadedModel& model, const Config& config,
                        Progress& progress);

}  // namespace axesim::sim
