// SPDX-License-Identifier: Apache-2.0
#include "quant/layer_inputs.h"

#include <fmt/format.h>

#include <utility>

#include "common/error.h"
#include "common/stopwatch.h"

namespace axesim::quant {

namespace {

void check_moments(const std::string& name, Index depth, const InputMoments& moments,
                   const QuantizerConfig& config) {
    const auto fits = [&](const Matrix<double>& m) {
        return m.rows() == depth && m.cols() == depth;
    };
    const bool needed = has_feedback(config.algorithm);
    if ((needed || moments.h.size() > 0) && !fits(moments.h)) {
        throw UserError(fmt::format("{}: calibration inputs have depth {}, the weights have {}",
                                    name, moments.h.rows(), depth));
    }
    if (moments.g.size() > 0 && !fits(moments.g)) {
        throw UserError(fmt::format("{}: original inputs have depth {}, the weights have {}", name,
                                    moments.g.rows(), depth));
    }
    if (moments.past.size() > 0 && (!fits(moments.past) || !looks_back_only(config))) {
        throw UserError(fmt::format(
            "{}: moments of the past are [{}, {}]; GPFQ without step search and refinement takes "
            "them at a depth of {}",
            name, moments.past.rows(), moments.past.cols(), depth));
    }
    if (config.bias_correction && moments.means.size() != depth) {
        throw UserError(
            fmt::format("{}: a bias is corrected by means of calibration inputs, and there are "
                        "none of depth {}",
                        name, depth));
    }
}

}  // namespace

LayerInputs::LayerInputs(const std::string& name, Index depth, InputMoments moments,
                         const QuantizerConfig& config)
    : moments_(std::move(moments)) {
    check_moments(name, depth, moments_, config);
    const Stopwatch stopwatch;
    const bool refines = config.refine_sweeps > 0;
    feedback_ = make_feedback(moments_, depth, config, refines || config.step_search);
    const bool judges = config.step_search && !pass_gives_errors(feedback_, config);
    if (!refines && !judges) moments_.h.resize(0, 0);
    if (!refines && !config.step_search) moments_.g.resize(0, 0);
    seconds_ = stopwatch.seconds();
}

}  // namespace axesim::quant
