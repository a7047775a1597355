// SPDX-License-Identifier: Apache-2.0
#include "reports/figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace axesim::reports {

std::optional<double> ratio(double numerator, double denominator) {
    if (denominator == 0) return std::nullopt;
    return numerator / denominator;
}

double total_tokens(const Phase& phase) {
    return static_cast<double>(phase.tokens) * static_cast<double>(phase.batch);
}

std::optional<double> tokens_per_second(const Phase& phase) {
    return ratio(total_tokens(phase), phase.seconds);
}

std::optional<double> utilization(std::uint64_t macs, std::uint64_t cycles,
                                  const models::HardwareConfig& hardware) {
    return ratio(static_cast<double>(macs),
                 static_cast<double>(cycles) * models::peak_rates(hardware).macs);
}

std::optional<double> bus_efficiency(const Phase& phase) {
    const models::TrafficCounts traffic = phase.counts.total_traffic();
    return ratio(static_cast<double>(traffic.payload_bits),
                 static_cast<double>(traffic.transferred_bits));
}

std::optional<double> row_hit_rate(const Phase& phase) {
    const models::DramCounts& dram = phase.counts.dram;
    return ratio(static_cast<double>(dram.row_hits),
                 static_cast<double>(dram.row_hits + dram.row_misses));
}

std::uint64_t dram_bits(const models::DramCounts& dram) {
    return dram.read_bits + dram.written_bits;
}

std::optional<double> macs_per_dram_byte(std::uint64_t macs, std::uint64_t bits) {
    return ratio(8.0 * static_cast<double>(macs), static_cast<double>(bits));
}

std::optional<double> share_of_roof(const models::Roofline& roofline, std::uint64_t cycles) {
    return ratio(roofline.cycles(), static_cast<double>(cycles));
}

const char* roof_name(models::Roof roof) {
    switch (roof) {
        case models::Roof::compute:
            return "compute";
        case models::Roof::vector_unit:
            return "vector_unit";
        case models::Roof::buffer:
            return "buffer";
        case models::Roof::memory_interface:
            return "memory_interface";
        case models::Roof::interconnect:
            return "interconnect";
        case models::Roof::dram:
            break;
    }
    return "dram";
}

std::optional<double> retained(const Accuracy& accuracy) {
    return ratio(accuracy.perplexity_float, accuracy.perplexity_quantized);
}

bool seen_anything(const StageHeadroom& stage) { return stage.seen != IntegerRange{}; }

std::optional<double> headroom_bits(const StageHeadroom& stage) {
    if (!seen_anything(stage)) return std::nullopt;
    return used_bits(stage.proven) - used_bits(stage.seen);
}

NamedParts energy_parts(const models::PartEnergies& e) {
    return {{"dram", e.dram},
            {"interconnect", e.interconnect},
            {"memory_interface", e.memory_interface},
            {"sram", e.sram},
            {"multiplier", e.multiplier},
            {"inner_accumulator", e.inner_accumulator},
            {"outer_accumulator", e.outer_accumulator},
            {"vector_unit", e.vector_unit},
            {"leakage", e.leakage}};
}

NamedParts area_parts(const models::PartAreas& a) {
    return {{"interconnect", a.interconnect},
            {"memory_interface", a.memory_interface},
            {"sram", a.sram},
            {"multiplier", a.multiplier},
            {"inner_accumulator", a.inner_accumulator},
            {"outer_accumulator", a.outer_accumulator},
            {"vector_unit", a.vector_unit}};
}

std::vector<int> whole_percentages(const NamedParts& parts) {
    double total = 0;
    for (const auto& [name, value] : parts) total += value;
    std::vector<int> percentages(parts.size(), 0);
    if (total <= 0) return percentages;
    std::vector<double> remainders(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const double exact = 100 * parts[i].second / total;
        percentages[i] = static_cast<int>(std::floor(exact));
        remainders[i] = exact - percentages[i];
    }
    std::vector<std::size_t> order(parts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    const int missing = 100 - std::accumulate(percentages.begin(), percentages.end(), 0);
    for (int i = 0; i < missing; ++i) ++percentages[order[static_cast<std::size_t>(i)]];
    return percentages;
}

NamedParts cycle_parts(const models::CycleCounts& cycles) {
    return {{"busy", static_cast<double>(cycles.busy)},
            {"dram", static_cast<double>(cycles.stall_dram)},
            {"fill_drain", static_cast<double>(cycles.fill_drain)},
            {"buffer", static_cast<double>(cycles.stall_buffer)},
            {"vector_unit", static_cast<double>(cycles.stall_vector)},
            {"clusters", static_cast<double>(cycles.stall_clusters)}};
}

}  // namespace axesim::reports
