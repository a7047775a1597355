// SPDX-License-Identifier: Apache-2.0
#include "sim/config/attention_formats.h"

#include <algorithm>

#include "quant/bounds.h"

namespace axesim::sim {

namespace {

/// The longest tile, a power of two, for which the ranges of the operands alone prove that no inner
/// accumulator overflows. Where not even one product fits, 1.
std::int64_t certified_tile(const models::LayerFormat& format, std::int64_t longest) {
    std::int64_t tile = 1;
    while (2 * tile <= longest &&
           quant::exact_bits(2 * tile, format.weight_codes(), format.activations.codes()) <=
               format.accumulator.inner_bits) {
        tile *= 2;
    }
    return tile;
}

models::LayerFormat with_tile(models::LayerFormat format, const Config& config) {
    std::int64_t& tile = format.accumulator.tile_size;
    // A monolithic accumulator has no outer one that could take over.
    if (tile == 0) return format;
    const std::int64_t asked = config.attention.tile_size;
    tile = asked > 0 ? asked : certified_tile(format, tile);
    return format;
}

}  // namespace

std::optional<AttentionFormats> attention_formats(const Config& config) {
    const AttentionConfig& attention = config.attention;
    if (attention.bits == kFloatBits) return std::nullopt;
    models::LayerFormat format = config.hardware.layer_format();
    if (attention.bits > 0) format.activations.bits = attention.bits;
    if (attention.kv_cache_bits > 0) format.weight_bits = attention.kv_cache_bits;
    format.weights_narrow = true;
    format.accumulator.groups = WeightGroups::none;
    format.activations.granularity = models::ActivationGranularity::per_token;
    AttentionFormats formats{.scores = format, .values = format, .kept = format.activations};
    formats.kept.bits = format.weight_bits;
    formats.kept.range = models::ActivationRange::symmetric;
    formats.kept.signed_codes = false;
    // Rounded down, the most negative value could get a code that a narrow range does not have.
    formats.kept.rounding = models::Rounding::nearest_even;
    if (format.activations.signed_codes) {
        formats.values.activations.signed_codes = false;
        formats.values.activations.range = models::ActivationRange::symmetric;
    }
    formats.scores = with_tile(formats.scores, config);
    formats.values = with_tile(formats.values, config);
    return formats;
}

}  // namespace axesim::sim
