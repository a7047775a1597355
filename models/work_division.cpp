// SPDX-License-Identifier: Apache-2.0
#include "models/work_division.h"

#include <algorithm>

namespace axesim::models {

Share share_of(Index total, int parts, int part) {
    const Index each = total / parts, more = total % parts;
    return {part * each + std::min<Index>(part, more), each + (part < more ? 1 : 0)};
}

std::optional<GemmCommand> part_of(const GemmCommand& whole, ClusterSplit split, int clusters,
                                   int cluster) {
    const GemmShape shape = whole.shape();
    const bool by_channels = split == ClusterSplit::output_channels && !whole.weights.depth_first;
    const Share share = share_of(by_channels ? shape.n : shape.m, clusters, cluster);
    if (share.count == 0) return std::nullopt;
    GemmCommand part = whole;
    OperandRef& divided = by_channels ? part.weights : part.activations;
    divided.first_row += share.first;
    divided.rows = share.count;
    part.first_output += share.first * (by_channels ? shape.m : shape.n);
    return part;
}

namespace {

/// Shares of the rows' elements, or of other amounts. Those of all clusters add up to `amount`.
class RowShare {
public:
    RowShare(const Share& rows, Index all_rows) : rows_(rows), all_(all_rows) {}

    std::int64_t before(std::int64_t amount) const { return cut(amount, rows_.first); }
    std::int64_t of(std::int64_t amount) const {
        return cut(amount, rows_.first + rows_.count) - before(amount);
    }
    std::uint64_t of(std::uint64_t amount) const {
        return static_cast<std::uint64_t>(of(static_cast<std::int64_t>(amount)));
    }

private:
    /// floor(amount rows / all), without the product of large numbers.
    std::int64_t cut(std::int64_t amount, Index rows) const {
        return amount / all_ * rows + amount % all_ * rows / all_;
    }

    Share rows_;
    Index all_;
};

/// The rows of a quantization that belong to these rows of the pass.
std::optional<Quantization> part_of(const Quantization& whole, const Share& rows) {
    const Index a_row = whole.rows_a_pass_row;
    const Index end_row = whole.first_pass_row + (whole.rows + a_row - 1) / a_row;
    const Index first = std::max(whole.first_pass_row, rows.first);
    const Index end = std::min(end_row, rows.first + rows.count);
    if (first >= end) return std::nullopt;
    const Index skipped = (first - whole.first_pass_row) * a_row;
    Quantization part = whole;
    part.input_row += skipped;
    part.first_row += skipped;
    part.rows = std::min((end - first) * a_row, whole.rows - skipped);
    if (!whole.ranges.empty()) {
        part.ranges = whole.ranges.subspan(static_cast<std::size_t>(skipped),
                                           static_cast<std::size_t>(part.rows));
    }
    return part;
}

}  // namespace

std::optional<VectorCommand> part_of(const VectorCommand& whole, int clusters, int cluster) {
    const Share rows = share_of(whole.rows, clusters, cluster);
    if (rows.count == 0) return std::nullopt;
    const RowShare share(rows, whole.rows);
    VectorCommand part{.rows = rows.count,
                       .reads = {},
                       .work = {.adds = share.of(whole.work.adds),
                                .multiplies = share.of(whole.work.multiplies),
                                .steps = share.of(whole.work.steps)},
                       .quantizations = {},
                       .writes = {},
                       .has_values = whole.has_values,
                       .cycles = {}};
    for (const TensorRun& run : whole.reads) {
        TensorRun& read = part.reads.emplace_back(run);
        if (run.for_all_rows) continue;
        read.first_element += share.before(run.elements);
        read.elements = share.of(run.elements);
    }
    for (const Quantization& quantization : whole.quantizations) {
        if (auto some = part_of(quantization, rows)) part.quantizations.push_back(*some);
    }
    for (const ValueRun& run : whole.writes) {
        const std::int64_t first = share.before(run.elements);
        ValueRun& write =
            part.writes.emplace_back(ValueRun{.address = run.address,
                                              .first_element = run.first_element + first,
                                              .elements = share.of(run.elements),
                                              .words = {}});
        if (run.words.empty()) continue;
        const auto begin = run.words.begin() + static_cast<std::ptrdiff_t>(first);
        write.words.assign(begin, begin + static_cast<std::ptrdiff_t>(write.elements));
    }
    return part;
}

CycleCounts mean_over_clusters(const CycleCounts& sum, int clusters) {
    const auto count = static_cast<std::uint64_t>(clusters);
    CycleCounts mean;
    mean.cycles = sum.cycles / count;
    std::uint64_t summed = 0;
    for (const auto cause :
         {&CycleCounts::busy, &CycleCounts::fill_drain, &CycleCounts::stall_dram,
          &CycleCounts::stall_buffer, &CycleCounts::stall_vector, &CycleCounts::stall_clusters}) {
        const std::uint64_t before = summed / count;
        summed += sum.*cause;
        mean.*cause = summed / count - before;
    }
    return mean;
}

}  // namespace axesim::models
