// SPDX-License-Identifier: Apache-2.0
// What a quantizer is asked to do, as typed values. sim/config/ makes it from YAML.
#pragma once

#include <cstdint>
#include <string>

#include "common/integer_format.h"

namespace axesim::quant {

enum class Algorithm { naive_floor, naive_round, gpfq, optq, qronos };
enum class AccumulatorAware { none, axe, ep_init, bit_width };
enum class Equalization { none, smoothquant, rotation };
enum class WeightRange { full, narrow };
enum class WeightStep { absmax, mse };
enum class ColumnOrder { natural, activation };
enum class ErrorFeedback { full, post };

struct CalibrationConfig {
    std::string text = "default";
    std::int64_t sequences = 32;
    std::int64_t length = 512;
    std::int64_t first_token = 0;  ///< where in the text the first sequence starts

    bool operator==(const CalibrationConfig&) const = default;
};

struct QuantizerConfig {
    Algorithm algorithm = Algorithm::optq;
    AccumulatorAware accumulator_aware = AccumulatorAware::axe;
    Equalization equalization = Equalization::none;
    double smoothquant_alpha = 0.5;
    bool smoothquant_search = false;  ///< alpha per group of layers, by the error of its outputs
    WeightRange weight_range = WeightRange::full;
    WeightStep weight_step = WeightStep::absmax;
    ColumnOrder order = ColumnOrder::activation;
    ErrorFeedback error_feedback = ErrorFeedback::full;
    double damping = 0.01;       ///< of the mean diagonal of H (axe.md 2.3)
    bool soft_threshold = true;  ///< lambda of AXE (axe.md 3.1)
    bool step_search = false;  ///< per channel, by the error after the whole run (axe.md 3.8 c, d)
    int refine_sweeps = 0;     ///< coordinate descent on the finished codes (refine.h)
    bool bias_correction = false;  ///< a bias per output channel (bias_correction.h)
    bool pad_short_tile_with_zeros =
        false;                         ///< centre a short last tile as if filled up (axe.md 3.1)
    double static_percentile = 100;    ///< of static activation ranges; 100: the extremes
    bool first_position_apart = true;  ///< its static range is its own
    CalibrationConfig calibration;

    bool operator==(const QuantizerConfig&) const = default;
};

/// The integers that one linear layer must fit: what the certificate is about.
struct LinearFormat {
    int weight_bits = 8;
    IntegerRange weights;      ///< allowed codes
    IntegerRange activations;  ///< codes that can occur at run time, mu <= 0 <= nu
    AccumulatorFormat accumulator;
};

}  // namespace axesim::quant
