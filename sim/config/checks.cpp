// SPDX-License-Identifier: Apache-2.0
#include "sim/config/checks.h"

#include <fmt/format.h>

#include "models/memory/dram_address.h"
#include "sim/config/attention_formats.h"

namespace axesim::sim {

namespace {

[[noreturn]] void fail(const Settings& settings, const std::string& path, const std::string& what) {
    throw UserError(settings.where(path), path + ": " + what);
}

void check_one_product_fits(const Config& config, const Settings& settings) {
    const std::string why = why_no_product_fits(config.hardware);
    if (!why.empty()) fail(settings, "accumulator.inner_bits", why);
}

void check_attention(const Config& config, const Settings& settings) {
    const auto formats = attention_formats(config);
    if (!formats) return;
    for (const models::LayerFormat* format : {&formats->scores, &formats->values}) {
        const std::string why = why_no_product_fits(*format);
        if (!why.empty()) {
            const bool queries = config.attention.bits > 0;
            fail(settings, queries ? "attention.bits" : "attention.kv_cache_bits",
                 "accumulator.inner_bits: " + why);
        }
    }
    if (config.hardware.accumulator.tile_size != 0 || config.attention.tile_size == 0) return;
    fail(settings, "attention.tile_size",
         "a monolithic accumulator (accumulator.tile_size) has no outer one to sum tiles (allowed "
         "with it: auto)");
}

void check_lanes_divide_tile(const Config& config, const Settings& settings) {
    const AccumulatorFormat& accumulator = config.hardware.accumulator;
    if (accumulator.tile_size % accumulator.lanes == 0) return;  // also monolithic, 0
    fail(settings, "hardware.array.lanes",
         fmt::format("{} lanes do not divide accumulator.tile_size {}: a step would sum products "
                     "of two tiles (allowed: divisors of {}, or a monolithic tile)",
                     accumulator.lanes, accumulator.tile_size, accumulator.tile_size));
}

void check_groups(const Config& config, const Settings& settings) {
    const AccumulatorFormat& accumulator = config.hardware.accumulator;
    if (accumulator.groups == WeightGroups::none) return;
    if (accumulator.tile_size == 0) {
        fail(settings, "quantizer.weight_groups",
             "a group is a tile, and accumulator.tile_size is monolithic (allowed: none; or set "
             "accumulator.tile_size to the size of a group)");
    }
    const int most_inner_bits = 48 - accumulator.tile_scale_growth();
    if (accumulator.inner_bits <= most_inner_bits) return;
    fail(settings, "accumulator.inner_bits",
         fmt::format("{} bits times a scale of up to {} for quantizer.weight_groups exceed 48 "
                     "(allowed with these groups: at most {})",
                     accumulator.inner_bits, largest_tile_scale(accumulator.groups),
                     most_inner_bits));
}

void check_address_mapping(const Config& config, const Settings& settings) {
    const std::string& mapping = config.hardware.dram.policy.address_mapping;
    const std::string why = models::DramAddressMap::why_wrong(mapping);
    if (!why.empty()) fail(settings, "hardware.dram_address_mapping", mapping + " " + why);
}

void check_evaluation(const Config& config, const Settings& settings) {
    if (config.workload.evaluation.tokens != 1) return;
    fail(settings, "workload.evaluation.tokens",
         "1 token predicts nothing (allowed: 0 for no evaluation, or at least 2)");
}

/// bit_width picks one pair of widths for the whole model, so no layer can have its own.
void check_overrides(const Config& config) {
    const auto refuse = [](const Location& where) {
        throw UserError(
            where,
            "overrides: cannot be combined with quantizer.accumulator_aware: bit_width, "
            "which picks the widths of all layers at once (allowed: none | axe | "
            "ep_init)");
    };
    for (const Override& given : config.overrides) {
        if (config.quantizer.accumulator_aware == quant::AccumulatorAware::bit_width) {
            refuse(given.where);
        }
        for (const Override::Entry& entry : given.entries) {
            if (entry.key == "quantizer.accumulator_aware" && entry.value == "bit_width") {
                refuse(entry.where);
            }
        }
    }
}

}  // namespace

void check_required(const Settings& settings) {
    for (const Key& key : schema()) {
        if (!key.required() || settings.values.contains(key.path)) continue;
        fail(settings, key.path, fmt::format("is missing (allowed: {})", key.allowed()));
    }
}

void check_together(const Config& config, const Settings& settings) {
    check_one_product_fits(config, settings);
    check_attention(config, settings);
    check_lanes_divide_tile(config, settings);
    check_groups(config, settings);
    check_address_mapping(config, settings);
    check_evaluation(config, settings);
    check_overrides(config);
}

void check_activity(const Config& config, const Settings& settings) {
    if (!config.energy.is_measured()) return;
    const std::string key = "energy.activity";
    if (config.workload.timing_only) {
        fail(settings, key,
             "measured needs values, which workload.timing_only leaves out (allowed with it: "
             "nominal)");
    }
    if (!config.technology_table.knows_activity()) {
        fail(settings, key,
             fmt::format("measured: the technology {} does not say what a toggling bit costs "
                         "(allowed with it: nominal; scripts/calibrate makes files that do)",
                         config.technology_table.name));
    }
}

/// design.md 3.3: a register that cannot hold one product overflows whatever the weights are.
std::string why_no_product_fits(const models::LayerFormat& format) {
    const IntegerRange product = product_range(format.weight_codes(), format.activations.codes());
    const int least = signed_bits_for(product);
    if (format.accumulator.inner_bits >= least) return "";
    return fmt::format(
        "{} bits do not hold one product of {}-bit weights and {}-bit activations, which is {}..{} "
        "(allowed: {}..48)",
        format.accumulator.inner_bits, format.weight_bits, format.activations.bits, product.min,
        product.max, least);
}

}  // namespace axesim::sim
