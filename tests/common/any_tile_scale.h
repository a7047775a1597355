// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/integer_format.h"

namespace axesim {

/// Numbers below this choose every scale of either kind of groups equally often.
inline constexpr int kTileScaleChoices = 8 * 63;

/// A scale that a tile of these groups may have: 2^0..2^7 or 1..63. choice >= 0.
inline std::uint8_t any_tile_scale(WeightGroups groups, std::int64_t choice) {
    return static_cast<std::uint8_t>(groups == WeightGroups::power_of_two ? 1 << choice % 8
                                                                          : 1 + choice % 63);
}

}  // namespace axesim
