// SPDX-License-Identifier: Apache-2.0
// Rounding of quotients up, and of reals so that it vectorizes: std::nearbyint and std::floor are
// calls on baseline x86.
#pragma once

#include <type_traits>

namespace axesim {

/// ceil(a / b) for a >= 0, b > 0.
template <class Integer>
constexpr Integer divide_up(Integer a, std::type_identity_t<Integer> b) {
    return (a + b - 1) / b;
}

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
