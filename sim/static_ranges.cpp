// SPDX-License-Identifier: Apache-2.0
#include "sim/static_ranges.h"

#include <algorithm>
#include <cmath>

namespace axesim::sim {

namespace {

models::StaticRange range_of(std::vector<float>& values, double percentile) {
    if (values.empty()) return {};
    if (percentile >= 100) {
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        return {*least, *most};
    }
    const double last = static_cast<double>(values.size() - 1);
    const auto at = [&](double percent) {
        const auto place = values.begin() + std::lround(last * percent / 100);
        std::nth_element(values.begin(), place, values.end());
        return *place;
    };
    const float least = at(100 - percentile);
    return {least, at(percentile)};
}

}  // namespace

StaticRanges find_static_ranges(const Matrix<float>& input, const RowPositions& positions,
                                const quant::QuantizerConfig& config) {
    constexpr Index kMostValues = Index{4} << 20;
    const bool all = config.static_percentile >= 100;
    const Index stride = all ? 1 : 1 + input.size() / kMostValues;
    std::vector<float> first, rest;
    for (Index row = 0; row < input.rows(); ++row) {
        const bool apart = config.first_position_apart && positions.is_first(row);
        std::vector<float>& values = apart ? first : rest;
        // Another phase in every row, so that every channel is seen.
        for (Index k = row % stride; k < input.cols(); k += stride) values.push_back(input(row, k));
    }
    StaticRanges ranges;
    ranges.rest = range_of(rest, config.static_percentile);
    ranges.first = first.empty() ? ranges.rest : range_of(first, 100);
    return ranges;
}

std::vector<models::StaticRange> ranges_of_rows(const StaticRanges& ranges,
                                                const RowPositions& positions) {
    std::vector<models::StaticRange> rows;
    for (Index row = 0; row < positions.sequences * positions.length; ++row) {
        rows.push_back(positions.is_first(row) ? ranges.first : ranges.rest);
    }
    return rows;
}

}  // namespace axesim::sim
