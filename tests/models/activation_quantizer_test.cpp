// SPDX-License-Identifier: Apache-2.0
// The activation quantizer against values worked by hand and an exhaustive search for the nearest
// code in extended precision.
#include "models/compute/activation_quantizer.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "common/error.h"

namespace axesim::models {
namespace {

constexpr ActivationRange kRanges[] = {ActivationRange::symmetric, ActivationRange::asymmetric};

ActivationFormat format(int bits, ActivationRange range,
                        Rounding rounding = Rounding::nearest_even) {
    return {bits, range, ActivationGranularity::per_token, rounding};
}

Matrix<float> row(std::initializer_list<float> values) {
    Matrix<float> x(1, static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), x.data());
    return x;
}

Matrix<std::int32_t> code_row(std::initializer_list<std::int32_t> values) {
    Matrix<std::int32_t> x(1, static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), x.data());
    return x;
}

/// Rows of very different scale and offset; some of one sign.
Matrix<float> random_rows(Index rows, Index columns, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Matrix<float> x(rows, columns);
    for (Index r = 0; r < rows; ++r) {
        const float scale = std::exp(6 * normal(random));
        const float offset = r % 3 == 0 ? 0.0f : 2 * normal(random);
        for (Index k = 0; k < columns; ++k) {
            const float value = scale * (normal(random) + offset);
            x(r, k) = r % 5 == 0 ? std::abs(value) : value;
        }
    }
    return x;
}

/// The code whose value lies nearest to x; of two equally near ones, that with an even distance
/// to the zero point.
std::int32_t nearest_code(float x, float step, std::int32_t zero_point, const IntegerRange& codes) {
    std::int32_t best = 0;
    long double best_error = std::numeric_limits<long double>::infinity();
    for (auto c = static_cast<std::int32_t>(codes.min); c <= codes.max; ++c) {
        const long double value = static_cast<long double>(step) * (c - zero_point);
        const long double error = std::abs(static_cast<long double>(x) - value);
        if (error < best_error || (error == best_error && (c - zero_point) % 2 == 0)) {
            best = c;
            best_error = error;
        }
    }
    return best;
}

QuantizedActivations quantize_fixed(const Matrix<float>& x, const ActivationFormat& f,
                                    const StaticRange& range) {
    return quantize_static(x, f,
                           std::vector<StaticRange>(static_cast<std::size_t>(x.rows()), range));
}

TEST(ActivationQuantizer, SymmetricByHand) {
    // max|x| = 14, 14 / 7 = 2 a step; -5 / 2 = -2.5 and 3 / 2 = 1.5 are ties.
    const auto q = quantize_per_token(row({14, -5, 3, 0.9f, -13.2f}), format(4, kRanges[0]));
    EXPECT_EQ(q.step[0], 2.0f);
    EXPECT_EQ(q.zero_point[0], 0);
    EXPECT_EQ(q.codes, code_row({7, -2, 2, 0, -7}));
}

TEST(ActivationQuantizer, AsymmetricByHand) {
    // (22 - (-8)) / 15 = 2 a step, zero point 4.
    const auto q = quantize_per_token(row({22, -8, 0, 1, 3, -2.9f}), format(4, kRanges[1]));
    EXPECT_EQ(q.step[0], 2.0f);
    EXPECT_EQ(q.zero_point[0], 4);
    EXPECT_EQ(q.codes, code_row({15, 0, 4, 4, 6, 3}));
    EXPECT_EQ(dequantize(q), row({22, -8, 0, 0, 4, -2}));
}

TEST(ActivationQuantizer, SignedCodesStandForTheSameValues) {
    ActivationFormat shifted = format(4, kRanges[1]);
    shifted.signed_codes = true;
    EXPECT_EQ(shifted.codes().min, -8);
    EXPECT_EQ(shifted.codes().max, 7);
    const Matrix<float> x = row({22, -8, 0, 1, 3, -2.9f});
    const auto q = quantize_per_token(x, shifted);
    EXPECT_EQ(q.zero_point[0], -4);
    EXPECT_EQ(q.codes, code_row({7, -8, -4, -4, -2, -5}));
    EXPECT_EQ(dequantize(q), dequantize(quantize_per_token(x, format(4, kRanges[1]))));
}

TEST(ActivationQuantizer, FloorRoundsDown) {
    const auto q = quantize_per_token(row({22, -8, 0, 1.9f, 3, -2.9f, -0.1f}),
                                      format(4, kRanges[1], Rounding::floor));
    EXPECT_EQ(q.codes, code_row({15, 0, 4, 4, 5, 2, 3}));
}

TEST(ActivationQuantizer, OneSidedRowsKeepZero) {
    // The range is extended to 0: min(x, 0) = 0, max(x, 0) = 0.
    auto q = quantize_per_token(row({15, 5, 10}), format(4, kRanges[1]));
    EXPECT_EQ(q.zero_point[0], 0);
    EXPECT_EQ(q.codes, code_row({15, 5, 10}));
    q = quantize_per_token(row({-15, -5, -10}), format(4, kRanges[1]));
    EXPECT_EQ(q.zero_point[0], 15);
    EXPECT_EQ(q.codes, code_row({0, 10, 5}));
}

TEST(ActivationQuantizer, ZerosHaveStepOne) {
    for (const ActivationRange range : kRanges) {
        const auto q = quantize_per_token(row({0, 0, -0.0f}), format(8, range));
        EXPECT_EQ(q.step[0], 1.0f);
        EXPECT_EQ(q.zero_point[0], 0);
        EXPECT_EQ(q.codes, code_row({0, 0, 0}));
    }
}

TEST(ActivationQuantizer, SmallestAndLargestFloats) {
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float huge = 1e38f;
    for (const ActivationRange range : kRanges) {
        for (int bits = 2; bits <= 16; ++bits) {
            const ActivationFormat f = format(bits, range);
            const auto small = quantize_per_token(row({tiny, 0}), f);
            EXPECT_GT(small.step[0], 0.0f);
            EXPECT_TRUE(f.codes().contains(small.codes(0, 0)));
            EXPECT_EQ(dequantize(small)(0, 0), tiny);
            const auto large = quantize_per_token(row({huge, -huge}), f);
            EXPECT_TRUE(std::isfinite(large.step[0]));
            EXPECT_TRUE(f.codes().contains(large.codes(0, 1)));
            EXPECT_NEAR(dequantize(large)(0, 0) / huge, 1.0,
                        range == ActivationRange::symmetric ? 1e-6 : 0.5);
        }
    }
}

TEST(ActivationQuantizer, EveryCodeIsTheNearest) {
    for (const ActivationRange range : kRanges) {
        for (const int bits : {2, 3, 6, 8, 11}) {
            const ActivationFormat f = format(bits, range);
            const Matrix<float> x = random_rows(12, 23, static_cast<unsigned>(bits));
            const auto q = quantize_per_token(x, f);
            for (Index r = 0; r < x.rows(); ++r) {
                const auto i = static_cast<std::size_t>(r);
                EXPECT_TRUE(f.codes().contains(q.zero_point[i]));
                for (Index k = 0; k < x.cols(); ++k) {
                    EXPECT_EQ(q.codes(r, k),
                              nearest_code(x(r, k), q.step[i], q.zero_point[i], f.codes()));
                }
            }
        }
    }
}

TEST(ActivationQuantizer, ErrorIsAtMostHalfAStep) {
    for (const ActivationRange range : kRanges) {
        for (int bits = 2; bits <= 16; ++bits) {
            const Matrix<float> x = random_rows(10, 50, 99);
            const auto q = quantize_per_token(x, format(bits, range));
            const Matrix<float> y = dequantize(q);
            // An integer zero point moves the asymmetric grid by up to half a step at its ends.
            const double steps = range == ActivationRange::symmetric ? 0.5 : 1.0;
            for (Index r = 0; r < x.rows(); ++r) {
                const double step = static_cast<double>(q.step[static_cast<std::size_t>(r)]);
                EXPECT_LE((x.row(r) - y.row(r)).cwiseAbs().maxCoeff(), step * steps * 1.001);
            }
        }
    }
}

TEST(ActivationQuantizer, FloorIsAtMostOneStepBelow) {
    const Matrix<float> x = random_rows(10, 50, 7);
    const auto q = quantize_per_token(x, format(8, ActivationRange::symmetric, Rounding::floor));
    for (Index r = 0; r < x.rows(); ++r) {
        const double step = static_cast<double>(q.step[static_cast<std::size_t>(r)]);
        for (Index k = 0; k < x.cols(); ++k) {
            const double quotient = static_cast<double>(x(r, k)) / step;
            EXPECT_EQ(q.codes(r, k), static_cast<std::int32_t>(std::floor(quotient)));
        }
    }
}

TEST(ActivationQuantizer, StaticRangeClips) {
    const ActivationFormat f = format(4, ActivationRange::asymmetric);
    const auto q = quantize_fixed(row({-100, -8, 22, 1e30f}), f, {-8, 22});
    EXPECT_EQ(q.step[0], 2.0f);
    EXPECT_EQ(q.codes, code_row({0, 0, 15, 15}));
    const auto s = quantize_fixed(row({-100, -14, 14, 1e30f}),
                                  format(4, ActivationRange::symmetric), {-14, 3});
    EXPECT_EQ(s.codes, code_row({-8, -7, 7, 7}));
    EXPECT_THROW(quantize_fixed(row({1}), f, {2, 1}), std::invalid_argument);
}

TEST(ActivationQuantizer, StaticRangeOfTheRowEqualsPerToken) {
    const Matrix<float> x = random_rows(1, 200, 3);
    for (const ActivationRange range : kRanges) {
        const auto own = quantize_per_token(x, format(6, range));
        const auto fixed = quantize_fixed(x, format(6, range), {x.minCoeff(), x.maxCoeff()});
        EXPECT_EQ(own.codes, fixed.codes);
        EXPECT_EQ(own.step, fixed.step);
    }
}

TEST(ActivationQuantizer, RefusesWhatIsNotFinite) {
    Matrix<float> x = random_rows(40, 9, 5);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
        x(33, 4) = bad;
        try {
            quantize_per_token(x, format(8, ActivationRange::asymmetric));
            FAIL() << "accepted " << bad;
        } catch (const RunError& error) {
            EXPECT_NE(std::string(error.what()).find("[33, 4]"), std::string::npos) << error.what();
        }
        EXPECT_THROW(quantize_fixed(x, format(8, ActivationRange::symmetric), {-1, 1}), RunError);
    }
}

TEST(ActivationQuantizer, ThreadsDoNotChangeAnything) {
    const Matrix<float> x = random_rows(100, 33, 8);
    omp_set_num_threads(1);
    const auto one = quantize_per_token(x, format(6, ActivationRange::asymmetric));
    omp_set_num_threads(3);
    const auto three = quantize_per_token(x, format(6, ActivationRange::asymmetric));
    EXPECT_EQ(one.codes, three.codes);
    EXPECT_EQ(one.step, three.step);
    EXPECT_EQ(one.zero_point, three.zero_point);
    EXPECT_EQ(dequantize(one), dequantize(three));
}

}  // namespace
}  // namespace axesim::models
