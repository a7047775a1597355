// SPDX-License-Identifier: Apache-2.0
// Projection on an L1 ball, and lambda of AXE that is made from it.
#pragma once

#include <cstdint>
#include <span>

namespace axesim::quant {

/// theta of the Euclidean projection of `magnitudes` (each >= 0) on the L1 ball of `radius` >= 0:
/// the projection is max(magnitude - theta, 0). 0 when they lie in the ball already (axe.md 1.7).
/// `more` further entries have the magnitude `repeated`.
double l1_projection_threshold(std::span<const double> magnitudes, double radius,
                               double repeated = 0.0, std::int64_t more = 0);

/// lambda of one tile in steps (axe.md 3.1): theta of the tile's centred values for the zero-sum
/// radius. `values` are weights over the step; `length` >= values.size() counts the zeros with
/// which a short tile is padded before it is centred. A penalty only, not the guarantee.
double soft_threshold(std::span<const double> values, std::int64_t length, double radius);

}  // namespace axesim::quant
