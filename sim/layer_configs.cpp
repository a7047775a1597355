// SPDX-License-Identifier: Apache-2.0
#include "sim/layer_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "sim/config/checks.h"

namespace axesim::sim {

using workloads::LinearId;

namespace {

LayerConfigs configs_of_all_layers(const Config& config, const workloads::LlamaShape& shape) {
    LayerConfigs layers;
    for (int block = 0; block < static_cast<int>(shape.blocks); ++block) {
        for (const workloads::LinearKind kind : workloads::kLinearKinds) {
            const LinearId id{block, kind};
            layers[id] = layer_config(config, workloads::layer_name(id));
        }
    }
    if (config.lm_head.bits != kFloatBits) {
        Config own = config;
        if (config.lm_head.bits > 0) own.hardware.weight_bits = config.lm_head.bits;
        layers[shape.lm_head()] = layer_config(own, workloads::layer_name(shape.lm_head()));
    }
    return layers;
}

void check_patterns(const Config& config, const workloads::LlamaShape& shape,
                    const LayerConfigs& layers) {
    for (const Override& given : config.overrides) {
        const bool matches = std::ranges::any_of(layers, [&](const auto& layer) {
            return matches_pattern(workloads::layer_name(layer.first), given.layers);
        });
        if (matches) continue;
        throw UserError(given.where,
                        fmt::format("overrides: layers: \"{}\" matches no layer of the model (its "
                                    "layers are named as in {})",
                                    given.layers,
                                    workloads::layer_name(
                                        std::prev(layers.lower_bound(shape.lm_head()))->first)));
    }
}

/// One block stands for all `shape.repeats`, so a pattern must not tell them apart.
void check_repeats(const Config& config, const workloads::LlamaShape& shape) {
    for (const Override& given : config.overrides) {
        for (int block = 1; block < static_cast<int>(shape.repeats); ++block) {
            for (const workloads::LinearKind kind : workloads::kLinearKinds) {
                const std::string name = workloads::layer_name({block, kind});
                if (matches_pattern(name, given.layers) ==
                    matches_pattern(workloads::layer_name({0, kind}), given.layers)) {
                    continue;
                }
                throw UserError(
                    given.where,
                    fmt::format("overrides: layers: \"{}\" tells blocks apart, but of a "
                                "model without weights one block stands for all {} "
                                "(allowed: patterns like *.{})",
                                given.layers, shape.repeats, workloads::kind_name(kind)));
            }
        }
    }
}

/// The entry that gave a layer the last of these keys; the design's own value has none.
const Override::Entry* last_entry(const Config& config, const std::string& layer,
                                  std::initializer_list<const char*> keys) {
    const Override::Entry* last = nullptr;
    for (const Override& given : config.overrides) {
        if (!matches_pattern(layer, given.layers)) continue;
        for (const Override::Entry& entry : given.entries) {
            const bool wanted =
                std::ranges::any_of(keys, [&](const char* key) { return entry.key == key; });
            if (wanted) last = &entry;
        }
    }
    return last;
}

void check_one_product_fits(const Config& config, const LinearId& id, const LayerConfig& layer) {
    const std::string why = why_no_product_fits(layer.format);
    if (why.empty()) return;
    const std::string name = workloads::layer_name(id);
    const Override::Entry* entry =
        last_entry(config, name,
                   {"accumulator.inner_bits", "number_format.weight_bits",
                    "number_format.activation_bits", "quantizer.weight_range"});
    if (!entry && id.kind == workloads::LinearKind::lm_head) throw KeyError("lm_head.bits", why);
    throw UserError(entry ? entry->where : Location{},
                    fmt::format("overrides: {}: accumulator.inner_bits: {}", name, why));
}

void check_shared_input(const Config& config, const LinearId& id, const LayerConfigs& layers) {
    const LinearId first = workloads::first_with_same_input(id);
    const models::ActivationFormat& own = layers.at(id).format.activations;
    const models::ActivationFormat& shared = layers.at(first).format.activations;
    if (own == shared) return;
    const std::string name = workloads::layer_name(id);
    const std::string first_name = workloads::layer_name(first);
    constexpr const char* kKey = "number_format.activation_bits";
    const Override::Entry* entry = last_entry(config, name, {kKey});
    if (!entry) entry = last_entry(config, first_name, {kKey});
    throw UserError(entry ? entry->where : Location{},
                    fmt::format("overrides: {}: {} has {} bits and {} has {}, but they share one "
                                "input, which is quantized once (allowed: the same for both)",
                                kKey, first_name, shared.bits, name, own.bits));
}

}  // namespace

LayerConfigs layer_configs(const Config& config, const workloads::LlamaShape& shape) {
    LayerConfigs layers = configs_of_all_layers(config, shape);
    check_repeats(config, shape);
    check_patterns(config, shape, layers);
    for (const auto& [id, layer] : layers) {
        check_one_product_fits(config, id, layer);
        check_shared_input(config, id, layers);
    }
    return layers;
}

quant::LinearFormat linear_format(const models::LayerFormat& format) {
    return {.weight_bits = format.weight_bits,
            .weights = format.weight_codes(),
            .activations = format.activations.codes(),
            .accumulator = format.accumulator};
}

}  // namespace axesim::sim
