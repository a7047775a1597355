// SPDX-License-Identifier: Apache-2.0
// Exact small cases computed by an independent program: codes, lambda, tile extremes, outer width.
// They are kept outside the repository; without them the test says that it is skipped.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "quant/bounds.h"
#include "quant/certificate.h"
#include "quant/moments.h"
#include "quant/quantizer.h"
#include "quant/soft_threshold.h"

namespace axesim::quant {
namespace {

using nlohmann::json;

template <class T>
Matrix<T> matrix_from(const json& rows) {
    Matrix<T> m(static_cast<Index>(rows.size()), static_cast<Index>(rows.at(0).size()));
    for (Index i = 0; i < m.rows(); ++i) {
        for (Index j = 0; j < m.cols(); ++j) {
            m(i, j) = rows.at(static_cast<std::size_t>(i)).at(static_cast<std::size_t>(j)).get<T>();
        }
    }
    return m;
}

struct Case {
    Matrix<double> weights;
    std::vector<double> steps;
    InputMoments moments;
    LinearFormat format;
    QuantizerConfig config;
};

Case case_from(const json& vector) {
    Case c;
    c.weights = matrix_from<double>(vector.at("W"));
    c.steps = vector.at("s").get<std::vector<double>>();
    const Matrix<double> x = matrix_from<double>(vector.at("X")).transpose();
    const Matrix<double> xq = matrix_from<double>(vector.at("Xq")).transpose();
    c.moments = input_moments(xq, &x);
    c.format.weight_bits = vector.at("M").get<int>();
    c.format.weights = narrow_range(c.format.weight_bits);
    c.format.activations = {vector.at("mu").get<int>(), vector.at("nu").get<int>()};
    c.config.weight_range = WeightRange::narrow;
    c.config.algorithm = vector.at("algo") == "gpfq" ? Algorithm::gpfq : Algorithm::optq;
    c.config.order =
        vector.at("act_order").get<bool>() ? ColumnOrder::activation : ColumnOrder::natural;
    c.config.error_feedback = vector.at("opts").value("error", "post") == "full"
                                  ? ErrorFeedback::full
                                  : ErrorFeedback::post;
    c.config.pad_short_tile_with_zeros = vector.at("pad") == "zeros";
    const bool constrained = !vector.at("P").is_null();
    c.config.accumulator_aware = constrained ? AccumulatorAware::axe : AccumulatorAware::none;
    if (constrained) c.format.accumulator.inner_bits = vector.at("P").get<int>();
    if (!vector.at("T").is_null())
        c.format.accumulator.tile_size = vector.at("T").get<std::int64_t>();
    return c;
}

void expect_lambda(const json& vector, const Case& c) {
    const std::int64_t depth = c.weights.cols();
    const std::int64_t length = c.format.accumulator.tile_length(depth);
    const double radius = zero_sum_bound(c.format.accumulator.inner_bits, c.format.activations);
    EXPECT_NEAR(radius, vector.at("Z").get<double>(), 1e-12);
    for (Index channel = 0; channel < c.weights.rows(); ++channel) {
        const auto& expected = vector.at("lambda_steps").at(static_cast<std::size_t>(channel));
        for (std::int64_t first = 0; first < depth; first += length) {
            const std::int64_t count = std::min(length, depth - first);
            std::vector<double> values;
            for (Index k = first; k < first + count; ++k) {
                values.push_back(c.weights(channel, k) /
                                 c.steps[static_cast<std::size_t>(channel)]);
            }
            const bool pad = c.config.pad_short_tile_with_zeros;
            EXPECT_NEAR(soft_threshold(values, pad ? length : count, radius),
                        expected.at(static_cast<std::size_t>(first / length)).get<double>(), 1e-12);
        }
    }
}

void expect_extremes(const json& vector, const Case& c, const QuantizedLinear& result) {
    const std::int64_t depth = c.weights.cols();
    const std::int64_t length = c.format.accumulator.tile_length(depth);
    IntegerRange sums;
    for (Index channel = 0; channel < c.weights.rows(); ++channel) {
        IntegerRange sum;
        for (std::int64_t first = 0; first < depth; first += length) {
            const std::int64_t count = std::min(length, depth - first);
            // A tile on its own, as a layer of one channel.
            const Matrix<std::int16_t> tile = result.codes.block(channel, first, 1, count);
            const Certificate proof = certify(tile, c.format.activations, c.format.accumulator);
            const auto& expected = vector.at("tiles")
                                       .at(static_cast<std::size_t>(channel))
                                       .at(static_cast<std::size_t>(first / length));
            EXPECT_EQ(proof.inner.max, expected.at(0).get<std::int64_t>());
            EXPECT_EQ(proof.inner.min, expected.at(1).get<std::int64_t>());
            sum.max += proof.inner.max;
            sum.min += proof.inner.min;
        }
        sums = {std::min(sums.min, sum.min), std::max(sums.max, sum.max)};
    }
    const Certificate proof = certify(result.codes, c.format.activations, c.format.accumulator);
    EXPECT_TRUE(proof.certified);
    EXPECT_EQ(proof.outer, sums);
    const int exact = outer_bits_for_tiles(c.format.accumulator.inner_bits,
                                           c.format.accumulator.tile_count(depth));
    EXPECT_EQ(exact, vector.at("PO_exact").get<int>());
    EXPECT_GE(exact, signed_bits_for(proof.outer));
}

TEST(Vectors, OfAnIndependentProgram) {
    const std::filesystem::path path =
        std::filesystem::path(AXESIM_SOURCE_DIR) / "../shared/data/axe_vectors.json";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    std::ifstream file(path);
    const json vectors = json::parse(file);
    EXPECT_GE(vectors.size(), 17U);
    for (const json& vector : vectors) {
        const auto name =
            vector.at("algo").get<std::string>() + " " + vector.at("name").get<std::string>();
        SCOPED_TRACE(name);
        const Case c = case_from(vector);
        const QuantizedLinear result =
            quantize_linear(name, c.weights, c.moments, c.format, c.config, c.steps);
        EXPECT_EQ(result.codes.cast<int>(), matrix_from<int>(vector.at("Q")));
        EXPECT_EQ(result.step, c.steps);
        EXPECT_EQ(result.fallback, "");
        if (!vector.contains("lambda_steps")) continue;
        expect_lambda(vector, c);
        expect_extremes(vector, c, result);
    }
}

}  // namespace
}  // namespace axesim::quant
