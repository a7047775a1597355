// SPDX-License-Identifier: Apache-2.0
#include "reports/layers_csv.h"

#include <fmt/format.h>

#include "common/files.h"
#include "reports/figures.h"
#include "reports/format.h"

namespace axesim::reports {

namespace {

constexpr const char* kHeader =
    "name,kind,count,m,n,k,macs,cycles,energy_j,activity_factor,rmse,sqnr_db,overflow_events,"
    "certified,"
    "weight_bits,activation_bits,inner_bits,outer_bits,"
    "bound_inner_min,bound_inner_max,bound_outer_min,bound_outer_max,"
    "observed_inner_min,observed_inner_max,observed_outer_min,observed_outer_max,"
    "compute_cycles,vector_unit_cycles,buffer_cycles,memory_interface_cycles,"
    "interconnect_cycles,dram_cycles,"
    "macs_per_dram_byte,bound_by,share_of_roof,"
    "mapping,fallback\n";

std::string or_empty(const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : "";
}

/// Widths, bounds and what was seen: of matrix products only.
std::string product_fields(const LayerResult& l) {
    if (!l.is_product()) return std::string(12, ',');
    if (!l.has_values) {
        return fmt::format(",{},{},{},{}{}", l.weight_bits, l.activation_bits, l.inner_bits,
                           l.outer_bits, std::string(8, ','));
    }
    return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}", l.certified, l.weight_bits,
                       l.activation_bits, l.inner_bits, l.outer_bits, l.proven_inner.min,
                       l.proven_inner.max, l.proven_outer.min, l.proven_outer.max, l.seen_inner.min,
                       l.seen_inner.max, l.seen_outer.min, l.seen_outer.max);
}

std::string roofline_fields(const LayerResult& l) {
    const models::Roofline& roofs = l.roofline;
    return fmt::format("{},{},{},{},{},{},{},{},{}", roofs.compute, roofs.vector_unit, roofs.buffer,
                       roofs.memory_interface, roofs.interconnect, roofs.dram,
                       or_empty(macs_per_dram_byte(l.macs, l.dram_bits)),
                       roof_name(roofs.bound_by()),
                       or_empty(share_of_roof(roofs, l.cycles.cycles)));
}

std::string line(const LayerResult& l) {
    return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(l.name),
                       csv_field(l.kind), l.count, l.m, l.n, l.k, l.macs, l.cycles.cycles,
                       l.energy_j, or_empty(l.activity_factor), or_empty(l.rmse),
                       or_empty(l.sqnr_db),
                       l.has_values ? fmt::format("{}", l.overflow_events) : "", product_fields(l),
                       roofline_fields(l), csv_field(l.mapping), csv_field(l.fallback));
}

}  // namespace

std::string layers_csv(const Result& result) {
    std::string text = kHeader;
    for (const LayerResult& layer : result.layers) text += line(layer);
    return text;
}

void write_layers_csv(const std::filesystem::path& path, const Result& result) {
    write_file_atomically(path, [&](std::ostream& out) { out << layers_csv(result); });
}

}  // namespace axesim::reports
