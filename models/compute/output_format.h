// SPDX-License-Identifier: Apache-2.0
// Results as they stand in memory, and the last step of the output path: integers back to values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/hardware_config.h"

namespace axesim::models {

/// A float's bits as they stand in memory, and back.
std::int32_t float_bits(float value);
float bits_float(std::int32_t bits);

/// Every value as the format holds it: its bits in memory, and the value that they stand for. Of a
/// word, only as many low bits count as the format has. Spans of one operation have equal sizes;
/// each may be done in place.
std::int32_t output_word(float value, OutputFormat format);
float output_value(std::int32_t word, OutputFormat format);
void values_to_words(std::span<const float> values, OutputFormat format,
                     std::span<std::int32_t> words);
void words_to_values(std::span<const std::int32_t> words, OutputFormat format,
                     std::span<float> values);

/// What the results of a row of accumulators are multiplied with, per output channel.
struct ChannelScales {
    std::vector<double> steps;               ///< s_w
    std::vector<std::int64_t> shifted_sums;  ///< sum(w), w shifted by groups
    std::vector<double> biases;              ///< zeros where there are none
};

/// values[c] = s_x s_w[c] (sums[c] - z sum(w)[c]) + bias[c], in double (design.md section 3.5), for
/// one token with step s_x and zero point z.
void scale_row(std::span<const std::int64_t> sums, double token_step, std::int64_t zero_point,
               const ChannelScales& channels, std::span<float> values);

}  // namespace axesim::models
