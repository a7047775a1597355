// SPDX-License-Identifier: Apache-2.0
// What the quantizer knows of inputs, made once for all layers that read them: q, k and v, or gate
// and up, share one factorization.
#pragma once

#include <string>

#include "quant/feedback.h"
#include "quant/quantizer.h"
#include "quant/quantizer_config.h"

namespace axesim::quant {

class LayerInputs {
public:
    /// For layers of K = depth. Takes the moments over and works in their memory, so that one
    /// [K,K] matrix and its half are all that OPTQ needs. `name` is used in messages. Throws
    /// UserError when shapes disagree or moments are missing that config.algorithm needs.
    LayerInputs(const std::string& name, Index depth, InputMoments moments,
                const QuantizerConfig& config);

    Index depth() const { return static_cast<Index>(feedback_.order.size()); }
    const Feedback& feedback() const { return feedback_; }
    /// What step search and refinement still ask for; empty where they do not.
    const InputMoments& moments() const { return moments_; }
    const Eigen::RowVectorXd& means() const { return moments_.means; }
    /// Wall time that the feedback took, in s.
    double seconds() const { return seconds_; }

private:
    InputMoments moments_;
    Feedback feedback_;
    double seconds_ = 0;
};

/// quantize_linear() for one of several layers that read the same inputs, made with the same
/// config.
QuantizedLinear quantize_linear(const std::string& name, const Matrix<double>& weights,
                                const LayerInputs& inputs, const LinearFormat& format,
                                const QuantizerConfig& config, std::vector<double> steps = {});

}  // namespace axesim::quant
