// SPDX-License-Identifier: Apache-2.0
// Random and adversarial integer GEMMs for the tests.
#pragma once

#include <algorithm>
#include <random>
#include <string>

#include "models/compute/gemm.h"
#include "tests/common/any_tile_scale.h"

namespace axesim::models {

struct GemmCase {
    GemmFormat format;
    Matrix<std::int32_t> activations;
    Matrix<std::int16_t> weights;
    TileScales tile_scales = {};
};

/// How codes are spread over their range.
enum class Codes { uniform, narrow_bell, least, greatest, extremes, sparse };
inline constexpr int kCodesKinds = 6;

class CaseGenerator {
public:
    explicit CaseGenerator(unsigned seed) : random_(seed) {}

    std::int64_t integer(std::int64_t min, std::int64_t max) {
        return std::uniform_int_distribution<std::int64_t>(min, max)(random_);
    }

    template <class T>
    Matrix<T> codes(Index rows, Index columns, const IntegerRange& range, Codes kind) {
        Matrix<T> result(rows, columns);
        for (Index i = 0; i < result.size(); ++i) {
            result.data()[i] = static_cast<T>(code(range, kind));
        }
        return result;
    }

    /// A case with every choice drawn: widths, signs, accumulator, shape, spread of the codes.
    GemmCase draw(Index max_tokens, Index max_channels, Index max_depth) {
        const int weight_bits = any_width();
        const int activation_bits = any_width();
        GemmCase c;
        c.format.weights =
            integer(0, 1) == 0 ? signed_range(weight_bits) : narrow_range(weight_bits);
        c.format.activations =
            integer(0, 1) == 0 ? signed_range(activation_bits) : unsigned_range(activation_bits);
        const Index depth = integer(1, max_depth);
        c.format.accumulator = accumulator(weight_bits + activation_bits, depth);
        c.activations =
            codes<std::int32_t>(integer(1, max_tokens), depth, c.format.activations, any_kind());
        c.weights =
            codes<std::int16_t>(integer(1, max_channels), depth, c.format.weights, any_kind());
        return c;
    }

    /// The same with weights in groups of either kind: scales of every size.
    GemmCase draw_grouped(Index max_tokens, Index max_channels, Index max_depth) {
        GemmCase c = draw(max_tokens, max_channels, max_depth);
        AccumulatorFormat& format = c.format.accumulator;
        format.groups = integer(0, 1) == 0 ? WeightGroups::power_of_two : WeightGroups::integer;
        const int growth = format.tile_scale_growth();
        format.inner_bits = std::min(format.inner_bits, 48 - growth);
        if (integer(0, 3) == 0 && format.outer_bits > 0) format.outer_bits += growth;
        format.outer_bits = std::min(format.outer_bits, 63);
        c.tile_scales = codes<std::int16_t>(c.weights.rows(), format.tile_count(c.weights.cols()),
                                            {0, kTileScaleChoices - 1}, any_kind())
                            .unaryExpr([&](std::int16_t choice) {
                                return any_tile_scale(format.groups, choice);
                            });
        return c;
    }

private:
    int any_width() {
        constexpr std::int64_t kWidest[] = {9, 9, 9, 16};
        return integer(0, 7) == 0 ? 16 : static_cast<int>(integer(2, kWidest[integer(0, 3)]));
    }
    Codes any_kind() { return static_cast<Codes>(integer(0, kCodesKinds - 1)); }

    AccumulatorFormat accumulator(int product_bits, Index depth) {
        AccumulatorFormat format;
        // Around the width of a product, where both overflows and their absence are common.
        format.inner_bits =
            static_cast<int>(std::clamp<std::int64_t>(product_bits + integer(-4, 8), 2, 48));
        if (integer(0, 9) == 0) format.inner_bits = static_cast<int>(integer(28, 48));
        format.tile_size = integer(0, 3) == 0 ? 0 : integer(1, depth + 3);
        if (integer(0, 2) == 0) {
            format.outer_bits = static_cast<int>(std::min<std::int64_t>(
                63, std::max<std::int64_t>(2, format.inner_bits + integer(-3, 3))));
        }
        format.overflow = static_cast<OverflowMode>(integer(0, 2));
        constexpr int kLanes[] = {1, 1, 1, 2, 3, 4, 5, 16};
        format.lanes = kLanes[integer(0, 7)];
        return format;
    }

    std::int64_t code(const IntegerRange& range, Codes kind) {
        switch (kind) {
            case Codes::uniform:
                return integer(range.min, range.max);
            case Codes::narrow_bell: {
                const std::int64_t sum =
                    integer(range.min, range.max) + integer(range.min, range.max) +
                    integer(range.min, range.max) + integer(range.min, range.max);
                return sum / 4;
            }
            case Codes::least:
                return range.min;
            case Codes::greatest:
                return range.max;
            case Codes::extremes:
                return integer(0, 1) == 0 ? range.min : range.max;
            case Codes::sparse:
                return integer(0, 7) == 0 ? integer(range.min, range.max)
                                          : std::max<std::int64_t>(range.min, 0);
        }
        return 0;
    }

    std::mt19937_64 random_;
};

inline std::string describe(const GemmCase& c) {
    const AccumulatorFormat& a = c.format.accumulator;
    return "tokens " + std::to_string(c.activations.rows()) + " channels " +
           std::to_string(c.weights.rows()) + " K " + std::to_string(c.weights.cols()) +
           " weights [" + std::to_string(c.format.weights.min) + ", " +
           std::to_string(c.format.weights.max) + "] activations [" +
           std::to_string(c.format.activations.min) + ", " +
           std::to_string(c.format.activations.max) + "] P_I " + std::to_string(a.inner_bits) +
           " T " + std::to_string(a.tile_size) + " P_O " + std::to_string(a.outer_bits) +
           " lanes " + std::to_string(a.lanes) + " mode " +
           std::to_string(static_cast<int>(a.overflow)) +
           (c.tile_scales.size() > 0 ? " with tile scales" : "");
}

}  // namespace axesim::models
