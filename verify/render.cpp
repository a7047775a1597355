// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "verify/verify.h"

namespace axesim::verify {

namespace {

std::string range_text(const IntegerRange& range) {
    return fmt::format("[{}, {}]", range.min, range.max);
}

/// Bits needed / bits there are.
std::string bits_text(const StageReport& stage) {
    return fmt::format("{} / {}", stage.needed_bits, stage.bits);
}

std::string operands_text(const Operands& operands) {
    return fmt::format("W{} A{}, activations {}", operands.weight_bits, operands.activation_bits,
                       range_text(operands.activations));
}

std::string trouble(const LayerReport& layer) {
    if (!layer.activations_in_range) {
        return fmt::format("activations {} are not {}-bit", range_text(layer.operands.activations),
                           layer.operands.activation_bits);
    }
    if (!layer.codes_in_range) {
        return fmt::format("codes {} are not {}-bit", range_text(layer.codes),
                           layer.operands.weight_bits);
    }
    if (!layer.tile_scales_in_range) {
        return fmt::format("tile scales {} are not all among those of its weight_groups",
                           range_text(layer.tile_scales));
    }
    if (!layer.violation) return "ok";
    const Violation& violation = *layer.violation;
    const std::string where = violation.tile < 0 ? "outer" : fmt::format("tile {}", violation.tile);
    return fmt::format("OVERFLOW: channel {}, {}, {}", violation.channel, where,
                       range_text(violation.range));
}

/// "ok" or what is wrong; before it the widths where they are not those of the file.
std::string remark(const VerifyReport& report, const LayerReport& layer) {
    const bool own = layer.operands != report.operands;
    return (own ? operands_text(layer.operands) + ": " : "") + trouble(layer);
}

std::string verdict(const VerifyReport& report) {
    const auto bad = std::count_if(report.layers.begin(), report.layers.end(),
                                   [](const LayerReport& layer) { return !layer.ok(); });
    if (bad > 0) {
        return fmt::format(
            "NOT VERIFIED: {} of {} layers can overflow or hold codes or tile scales out of "
            "range\n",
            bad, report.layers.size());
    }
    const bool mixed =
        std::any_of(report.layers.begin(), report.layers.end(),
                    [&](const LayerReport& layer) { return layer.operands != report.operands; });
    return fmt::format("verified: no activations in {} can overflow any of {} layers\n",
                       mixed ? "their ranges" : range_text(report.operands.activations),
                       report.layers.size());
}

}  // namespace

std::string render_text(const VerifyReport& report) {
    std::size_t width = 5;
    for (const LayerReport& layer : report.layers) width = std::max(width, layer.name.size());
    std::string text = fmt::format(
        "{}, {} lanes\n{:<{}}  {:>11}  {:>6}  {:>21}  {:>7}  {:>25}  {:>7}  "
        "{}\n",
        operands_text(report.operands), report.lanes, "layer", width, "shape", "tile", "inner sums",
        "bits", "outer sums", "bits", "");
    for (const LayerReport& layer : report.layers) {
        text += fmt::format("{:<{}}  {:>11}  {:>6}  {:>21}  {:>7}  {:>25}  {:>7}  {}\n", layer.name,
                            width, fmt::format("{} x {}", layer.channels, layer.depth),
                            layer.tile_length, range_text(layer.inner.reached),
                            bits_text(layer.inner), range_text(layer.outer.reached),
                            bits_text(layer.outer), remark(report, layer));
    }
    return text + verdict(report);
}

}  // namespace axesim::verify
