// SPDX-License-Identifier: Apache-2.0
// EP-init, the open-loop baseline: project finished codes so that they fit (axe.md 1.7).
#pragma once

#include <cstdint>
#include <span>

#include "common/integer_format.h"

namespace axesim::quant {

/// Codes that no activations can make leave +-limit stay as they are. Others are projected (in the
/// Euclidean sense) on an L1 ball of a safe radius and rounded toward zero: the whole vector on
/// L / max(nu, -mu), or its positive and its negative part each on L / (nu - mu), whichever changes
/// the codes less. activations: mu <= 0 <= nu. units: what a code counts in the accumulator, a
/// power of two for each code (the outer one, with weights in groups); empty: 1.
void project_codes(std::span<std::int16_t> codes, std::int64_t limit,
                   const IntegerRange& activations, std::span<const double> units = {});

}  // namespace axesim::quant
