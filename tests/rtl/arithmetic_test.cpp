// SPDX-License-Identifier: Apache-2.0
// The RTL's multipliers against every product, its requantizers against the simulator's.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "Vmultiplier_sweep.h"
#include "Vrequantizer_sweep.h"
#include "models/compute/activation_quantizer.h"
#include "tests/rtl/verilated_model.h"

namespace axesim::rtl {
namespace {

std::int64_t sign_extended(std::int64_t value, int bits) {
    return value >= std::int64_t{1} << (bits - 1) ? value - (std::int64_t{1} << bits) : value;
}

TEST(Multiplier, EqualsEveryProduct) {
    constexpr int kWidths = 7;
    Vmultiplier_sweep sweep;
    std::uint64_t differences = 0;
    for (int weight = 0; weight < 256; ++weight) {
        for (int activation = 0; activation < 256; ++activation) {
            sweep.weight = static_cast<std::uint8_t>(weight);
            sweep.activation = static_cast<std::uint8_t>(activation);
            sweep.eval();
            for (int m = kLeastWidth; m < kLeastWidth + kWidths; ++m) {
                for (int n = kLeastWidth; n < kLeastWidth + kWidths; ++n) {
                    const std::int64_t w = sign_extended(weight & ((1 << m) - 1), m);
                    const std::int64_t u = activation & ((1 << n) - 1);
                    const auto& products = sweep.product;
                    differences += w * u != sign_extended(products[0][m - 2][n - 2], 16);
                    differences +=
                        w * sign_extended(u, n) != sign_extended(products[1][m - 2][n - 2], 16);
                }
            }
        }
    }
    EXPECT_EQ(differences, 0);
}

/// Values whose codes are at risk: ties between codes, next to them, at the ends of the range and
/// far beyond, subnormal ones, zeros.
Matrix<float> row_of_values(std::mt19937& random, const models::ActivationFormat& format) {
    constexpr Index kValues = 64;
    const auto integer = [&](int min, int max) {
        return std::uniform_int_distribution<int>(min, max)(random);
    };
    const int levels = 1 << format.bits;
    // A power of two keeps ties exact; the others are any floats.
    const float scale =
        std::ldexp(integer(0, 2) == 0 ? 1.0F : std::uniform_real_distribution<float>(1, 2)(random),
                   integer(0, 4) == 0 ? integer(-149, 100) : integer(-20, 20));
    Matrix<float> row(1, kValues);
    for (Index k = 0; k < kValues; ++k) {
        const float half_steps = static_cast<float>(integer(-levels, levels)) / 2;
        float value = half_steps * scale;
        const int kind = integer(0, 5);
        if (kind == 0) value = std::nextafter(value, 0.0F);
        if (kind == 1) value = std::nextafter(value, 2 * value);
        if (kind == 2) value *= std::uniform_real_distribution<float>(0, 1)(random);
        if (kind == 3) value *= std::ldexp(1.0F, integer(-30, 0));
        row(0, k) = std::isfinite(value) ? value : 0;
    }
    return row;
}

/// How many codes differ from the simulator's, for rows with a step of their own and for fixed
/// ranges that values exceed. `told_floor`: the simulator always rounds down.
std::uint64_t differing_codes(bool told_floor, std::uint64_t& compared) {
    constexpr int kRows = 240;
    Vrequantizer_sweep sweep;
    std::mt19937 random(1);
    std::uint64_t differences = 0;
    for (int bits = 2; bits <= 16; ++bits) {
        for (int row = 0; row < kRows; ++row) {
            models::ActivationFormat format;
            format.bits = bits;
            format.range = row % 3 == 0 ? models::ActivationRange::symmetric
                                        : models::ActivationRange::asymmetric;
            format.signed_codes = row % 3 == 1;
            const bool floors = row % 2 == 1;
            format.rounding =
                floors || told_floor ? models::Rounding::floor : models::Rounding::nearest_even;
            const Matrix<float> x = row_of_values(random, format);
            models::QuantizedActivations q;
            if (row % 4 == 3) {
                const models::StaticRange part[] = {{x.minCoeff() / 5, x.maxCoeff() / 3}};
                q = models::quantize_static(x, format, part);
            } else {
                q = models::quantize_per_token(x, format);
            }
            sweep.step = std::bit_cast<std::uint32_t>(q.step[0]);
            sweep.zero_point[format.is_signed()][bits - kLeastWidth] =
                static_cast<std::uint16_t>(q.zero_point[0] & ((1 << bits) - 1));
            for (Index k = 0; k < x.cols(); ++k) {
                sweep.value = std::bit_cast<std::uint32_t>(x(0, k));
                sweep.eval();
                const int code = sweep.code[format.is_signed()][floors][bits - kLeastWidth];
                differences += code != (q.codes(0, k) & ((1 << bits) - 1));
                ++compared;
            }
        }
    }
    return differences;
}

TEST(Requantizer, EqualsTheSimulators) {
    std::uint64_t compared = 0;
    EXPECT_EQ(differing_codes(false, compared), 0) << "of " << compared;
    std::cout << compared << " codes compared\n";
}

TEST(Requantizer, DiffersFromTheOtherRounding) {
    std::uint64_t compared = 0;
    EXPECT_GT(differing_codes(true, compared), compared / 10);
}

}  // namespace
}  // namespace axesim::rtl
