// SPDX-License-Identifier: Apache-2.0
// Proves from exported integers alone whether any activations can make an accumulator overflow.
// Shares no code with quant/ and models/: where a certificate sums positive and negative codes,
// this walks the hardware order and lets the worst activation meet every weight.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/integer_format.h"

namespace axesim::verify {

/// The widths of a layer's operands, as the export says.
struct Operands {
    int weight_bits = 0;
    int activation_bits = 0;
    IntegerRange activations;  ///< codes that may come

    bool operator==(const Operands&) const = default;
};

/// One stage of the accumulator, over all channels (and tiles, for the inner one).
struct StageReport {
    int bits = 0;          ///< as the export says
    IntegerRange reached;  ///< least and greatest value that it can hold at any time
    int needed_bits = 0;   ///< the narrowest two's complement accumulator that would do

    int spare_bits() const { return bits - needed_bits; }
    bool ok() const { return spare_bits() >= 0; }
};

/// The first channel that can leave an accumulator.
struct Violation {
    std::int64_t channel = 0;
    std::int64_t tile = 0;  ///< -1: the outer accumulator
    IntegerRange range;     ///< what it would have to hold
};

/// One exported layer.
struct LayerReport {
    std::string name;
    Operands operands;
    std::int64_t channels = 0;
    std::int64_t depth = 0;
    std::int64_t tile_length = 0;
    StageReport inner;
    StageReport outer;
    IntegerRange codes;          ///< that occur
    bool codes_in_range = true;  ///< every code is one of `weight_bits`
    /// The activation range is one of activation_bits: no wider than 2^N codes.
    bool activations_in_range = true;
    IntegerRange tile_scales{1, 1};    ///< of inner values on their way to the outer accumulator
    bool tile_scales_in_range = true;  ///< every scale is one that the groups can have
    std::optional<Violation> violation;

    bool ok() const {
        return codes_in_range && activations_in_range && tile_scales_in_range && inner.ok() &&
               outer.ok();
    }
};

/// What the export says about itself, and what was found.
struct VerifyReport {
    Operands operands;  ///< of layers that say nothing else
    std::int64_t lanes = 1;
    std::vector<LayerReport> layers;  ///< in name order

    bool ok() const;
};

/// Reads DIR/quantized.safetensors (design.md section 6): integer tensors NAME.weight [out, in],
/// and metadata weight_bits, activation_bits, activation_min, activation_max, inner_bits, tile_size
/// (0 or "monolithic": K), lanes (absent: 1), and NAME.outer_bits or else outer_bits (0, "auto" or
/// absent: inner_bits + ceil(log2(tiles)), 7 more with groups: power_of_two, 6 with integer). For
/// one layer, NAME.weight_bits, NAME.activation_bits, NAME.activation_min, NAME.activation_max,
/// NAME.inner_bits and NAME.tile_size override theirs. With weight_groups: power_of_two or integer
/// there are also tensors NAME.tile_scale [out, tiles]: the outer accumulator adds inner *
/// tile_scale. Throws UserError when the file is missing, malformed or has no integer layer. A file
/// that is sound but promises too much gives ok() = false.
VerifyReport verify_export(const std::filesystem::path& directory);

/// One line a layer and a verdict, for a terminal.
std::string render_text(const VerifyReport& report);

}  // namespace axesim::verify
