// SPDX-License-Identifier: Apache-2.0
// An exported model as verify/ reads it: checked numbers, no opinion about them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/integer_format.h"
#include "verify/verify.h"

namespace axesim::verify {

/// How the inner values of tiles are scaled: not at all, by 2^0 .. 2^7, or by 1 .. 63.
enum class Groups { none, power_of_two, integer };

struct ExportedLayer {
    std::string name;
    Operands operands;
    std::int64_t channels = 0;
    std::int64_t depth = 0;
    int inner_bits = 0;
    std::int64_t tile_length = 0;  ///< products per inner accumulation, 1..depth
    int outer_bits = 0;
    std::vector<std::int16_t> codes;        ///< [channels, depth]
    std::vector<std::uint8_t> tile_scales;  ///< [channels, tiles] of inner values; empty: none
};

struct ExportedModel {
    Operands operands;  ///< of layers that say nothing else
    std::int64_t lanes = 1;
    Groups groups = Groups::none;
    std::vector<ExportedLayer> layers;
};

/// See verify_export(). Throws UserError naming the file, the key or tensor and what is wrong.
ExportedModel read_export(const std::filesystem::path& path);

}  // namespace axesim::verify
