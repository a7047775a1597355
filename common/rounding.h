// SPDX-License-Identifier: Apache-2.0
// Rounding that vectorizes: std::nearbyint and std::floor are calls on baseline x86.
#pragma once

namespace axesim {

/// The nearest integer, ties to even, for |z| < 2^51: the sum leaves no room for a fraction, and
/// the processor's default rounding drops it.
inline double nearest_even(double z) {
    constexpr double kNoFraction = 0x1.8p52;
    return (z + kNoFraction) - kNoFraction;
}

/// The largest integer that is not above z, for |z| < 2^51.
inline double floor_of(double z) {
    const double nearest = nearest_even(z);
    return nearest > z ? nearest - 1.0 : nearest;
}

}  // namespace axesim
