// SPDX-License-Identifier: Apache-2.0
// What one accumulator does with a sum that may not fit (design.md section 3, points 3 and 4).
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/integer_format.h"

namespace axesim::models {

/// An accumulator of `bits` (1..63) in two's complement and its behaviour on overflow.
class AccumulatorRule {
public:
    AccumulatorRule(int bits, OverflowMode mode)
        : bits_(bits), saturates_(mode == OverflowMode::saturate), range_(signed_range(bits)) {}

    int bits() const { return bits_; }
    bool saturates() const { return saturates_; }
    const IntegerRange& range() const { return range_; }

    /// The value kept of the exact sum; it differs from `exact` if and only if this add is an
    /// overflow event. A trap is counted and wrapped here: stopping is up to the caller.
    std::int64_t kept(std::int64_t exact) const {
        if (saturates_) return std::clamp(exact, range_.min, range_.max);
        const int unused = 64 - bits_;
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(exact) << unused) >> unused;
    }

private:
    int bits_;
    bool saturates_;
    IntegerRange range_;
};

}  // namespace axesim::models
