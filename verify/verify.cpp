// SPDX-License-Identifier: Apache-2.0
#include "verify/verify.h"

#include <algorithm>

#include "verify/export_file.h"

namespace axesim::verify {

namespace {

/// The fewest bits b with -2^(b-1) <= least and greatest <= 2^(b-1) - 1.
int needed_bits(const IntegerRange& reached) {
    int bits = 1;
    for (std::int64_t half = 1; reached.min < -half || reached.max >= half; half *= 2) ++bits;
    return bits;
}

void reach(IntegerRange& range, const IntegerRange& value) {
    range.min = std::min(range.min, value.min);
    range.max = std::max(range.max, value.max);
}

/// The least and greatest value of a sum that starts at 0 after each of its steps.
struct Walk {
    IntegerRange now;
    IntegerRange seen;

    void add(const IntegerRange& term, std::int64_t times = 1) {
        now = {now.min + term.min * times, now.max + term.max * times};
    }
    void step_done() { reach(seen, now); }
};

class LayerCheck {
public:
    LayerCheck(const ExportedModel& model, const ExportedLayer& layer)
        : layer_(layer), lanes_(model.lanes), groups_(model.groups) {
        report_.name = layer.name;
        report_.operands = layer.operands;
        report_.channels = layer.channels;
        report_.depth = layer.depth;
        report_.tile_length = layer.tile_length;
        report_.inner.bits = layer.inner_bits;
        report_.outer.bits = layer.outer_bits;
    }

    LayerReport run() {
        for (std::int64_t channel = 0; channel < layer_.channels; ++channel) walk_channel(channel);
        report_.inner.needed_bits = needed_bits(report_.inner.reached);
        report_.outer.needed_bits = needed_bits(report_.outer.reached);
        const auto [least, greatest] =
            std::minmax_element(layer_.codes.begin(), layer_.codes.end());
        report_.codes = {*least, *greatest};
        const Operands& operands = layer_.operands;
        report_.codes_in_range = needed_bits(report_.codes) <= operands.weight_bits;
        report_.activations_in_range = operands.activations.max - operands.activations.min <
                                       (std::int64_t{1} << operands.activation_bits);
        for (const int scale : layer_.tile_scales) {
            reach(report_.tile_scales, {scale, scale});
            report_.tile_scales_in_range = report_.tile_scales_in_range && allowed(scale);
        }
        return report_;
    }

private:
    void walk_channel(std::int64_t channel) {
        const std::int16_t* codes = layer_.codes.data() + channel * layer_.depth;
        Walk outer;
        for (std::int64_t first = 0; first < layer_.depth; first += layer_.tile_length) {
            const std::int64_t count = std::min(layer_.tile_length, layer_.depth - first);
            const Walk inner = walk_tile(codes + first, count);
            note(report_.inner, inner.seen, channel, first / layer_.tile_length);
            outer.add(inner.now, tile_scale_of(channel, first / layer_.tile_length));
            outer.step_done();
        }
        note(report_.outer, outer.seen, channel, -1);
    }

    bool allowed(int scale) const {
        if (groups_ == Groups::integer) return scale >= 1 && scale <= 63;
        return scale >= 1 && scale <= 128 && (scale & (scale - 1)) == 0;
    }

    std::int64_t tile_scale_of(std::int64_t channel, std::int64_t tile) const {
        if (layer_.tile_scales.empty()) return 1;
        const std::int64_t tiles = (layer_.depth + layer_.tile_length - 1) / layer_.tile_length;
        return layer_.tile_scales[static_cast<std::size_t>(channel * tiles + tile)];
    }

    Walk walk_tile(const std::int16_t* codes, std::int64_t count) const {
        Walk walk;
        for (std::int64_t k = 0; k < count; ++k) {
            const std::int64_t low = codes[k] * layer_.operands.activations.min;
            const std::int64_t high = codes[k] * layer_.operands.activations.max;
            walk.add({std::min(low, high), std::max(low, high)});
            // The adder tree of the lanes is exact: only what is stored after a step can overflow.
            if ((k + 1) % lanes_ == 0 || k + 1 == count) walk.step_done();
        }
        return walk;
    }

    void note(StageReport& stage, const IntegerRange& seen, std::int64_t channel,
              std::int64_t tile) {
        reach(stage.reached, seen);
        if (!report_.violation && needed_bits(seen) > stage.bits) {
            report_.violation = Violation{channel, tile, seen};
        }
    }

    const ExportedLayer& layer_;
    const std::int64_t lanes_;
    const Groups groups_;
    LayerReport report_;
};

}  // namespace

bool VerifyReport::ok() const {
    return std::all_of(layers.begin(), layers.end(), [](const auto& layer) { return layer.ok(); });
}

VerifyReport verify_export(const std::filesystem::path& directory) {
    const ExportedModel model = read_export(directory / "quantized.safetensors");
    VerifyReport report;
    report.operands = model.operands;
    report.lanes = model.lanes;
    for (const ExportedLayer& layer : model.layers) {
        report.layers.push_back(LayerCheck(model, layer).run());
    }
    return report;
}

}  // namespace axesim::verify
