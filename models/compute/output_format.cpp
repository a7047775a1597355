// SPDX-License-Identifier: Apache-2.0
// Every result of a layer passes here, one value at a time on its way to memory and back: the loops
// are compiled for each instruction set, and processors that convert halves themselves do.
#include "models/compute/output_format.h"

#include <Eigen/Core>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/compute/output_format.cpp"
#include <hwy/foreach_target.h>
// clang-format off: after foreach_target.h
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace axesim::models::HWY_NAMESPACE {
namespace {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::RebindToSigned<Floats>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using HalfBits = hn::RebindToUnsigned<Halves>;

/// Converts whole vectors; returns the values done.
std::size_t to_halves(const float* values, std::size_t count, std::int32_t* words) {
    const Floats d;
    std::size_t i = 0;
    for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
        const auto halves = hn::DemoteTo(Halves(), hn::LoadU(d, values + i));
        hn::StoreU(hn::PromoteTo(Words(), hn::BitCast(HalfBits(), halves)), Words(), words + i);
    }
    return i;
}

std::size_t of_halves(const std::int32_t* words, std::size_t count, float* values) {
    const Floats d;
    const Words d_words;
    std::size_t i = 0;
    for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
        const auto low = hn::And(hn::LoadU(d_words, words + i), hn::Set(d_words, 0xFFFF));
        const auto halves = hn::BitCast(Halves(), hn::DemoteTo(HalfBits(), low));
        hn::StoreU(hn::PromoteTo(d, halves), d, values + i);
    }
    return i;
}
#else
/// No such instructions: the caller does it all.
std::size_t to_halves(const float*, std::size_t, std::int32_t*) { return 0; }
std::size_t of_halves(const std::int32_t*, std::size_t, float*) { return 0; }
#endif

void scale_row(const std::int64_t* HWY_RESTRICT sums, double token_step, std::int64_t zero_point,
               const double* HWY_RESTRICT steps, const std::int64_t* HWY_RESTRICT shifted_sums,
               const double* HWY_RESTRICT biases, std::size_t count, float* HWY_RESTRICT values) {
    for (std::size_t c = 0; c < count; ++c) {
        const auto sum = static_cast<double>(sums[c] - zero_point * shifted_sums[c]);
        values[c] = static_cast<float>(token_step * steps[c] * sum + biases[c]);
    }
}

}  // namespace
}  // namespace axesim::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace axesim::models {

HWY_EXPORT(to_halves);
HWY_EXPORT(of_halves);
HWY_EXPORT(scale_row);

std::int32_t float_bits(float value) { return std::bit_cast<std::int32_t>(value); }
float bits_float(std::int32_t bits) { return std::bit_cast<float>(bits); }

std::int32_t output_word(float value, OutputFormat format) {
    switch (format) {
        case OutputFormat::float16:
            return std::bit_cast<std::uint16_t>(static_cast<Eigen::half>(value));
        case OutputFormat::bfloat16:
            return std::bit_cast<std::uint16_t>(static_cast<Eigen::bfloat16>(value));
        case OutputFormat::float32:
            break;
    }
    return float_bits(value);
}

float output_value(std::int32_t word, OutputFormat format) {
    const auto bits = static_cast<std::uint16_t>(word);
    switch (format) {
        case OutputFormat::float16:
            return static_cast<float>(std::bit_cast<Eigen::half>(bits));
        case OutputFormat::bfloat16:
            return static_cast<float>(std::bit_cast<Eigen::bfloat16>(bits));
        case OutputFormat::float32:
            break;
    }
    return bits_float(word);
}

void values_to_words(std::span<const float> values, OutputFormat format,
                     std::span<std::int32_t> words) {
    std::size_t i = 0;
    if (format == OutputFormat::float16) {
        i = HWY_DYNAMIC_DISPATCH(to_halves)(values.data(), values.size(), words.data());
    }
    for (; i < values.size(); ++i) words[i] = output_word(values[i], format);
}

void words_to_values(std::span<const std::int32_t> words, OutputFormat format,
                     std::span<float> values) {
    std::size_t i = 0;
    if (format == OutputFormat::float16) {
        i = HWY_DYNAMIC_DISPATCH(of_halves)(words.data(), words.size(), values.data());
    }
    for (; i < words.size(); ++i) values[i] = output_value(words[i], format);
}

void scale_row(std::span<const std::int64_t> sums, double token_step, std::int64_t zero_point,
               const ChannelScales& channels, std::span<float> values) {
    HWY_DYNAMIC_DISPATCH(scale_row)
    (sums.data(), token_step, zero_point, channels.steps.data(), channels.shifted_sums.data(),
     channels.biases.data(), sums.size(), values.data());
}

}  // namespace axesim::models
#endif  // HWY_ONCE
