// SPDX-License-Identifier: Apache-2.0
#include "sim/config/explain_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "common/files.h"
#include "sim/config/config.h"
#include "sim/config/costs_files.h"
#include "sim/config/schema.h"
#include "sim/config/wrap_text.h"

namespace axesim::sim {

namespace {

using models::Technology;

/// Unit costs depend on the design; this is the one that the documentation walks through.
constexpr const char* kExampleDesign = "int6_acc16";
constexpr std::int64_t kExampleDepth = 1536;  // the deepest layer of the default model

const std::string kEnergyPath = "energy.by_part.";
const std::string kAreaPath = "area.by_part.";

/// And this what of several clusters (one cluster has no interconnect).
constexpr int kExampleClusters = 4;
const std::string kOfSeveral = "interconnect.";

std::vector<models::UnitCost> example_costs() {
    Config config =
        load_config(data_directory() / "configs" / (std::string(kExampleDesign) + ".yaml"), {});
    const auto costs = [&] {
        return models::unit_costs(config.hardware,
                                  config.hardware.accumulator.outer_bits_for(kExampleDepth),
                                  config.technology_table);
    };
    std::vector<models::UnitCost> all = costs();
    config.hardware.clusters = kExampleClusters;
    for (models::UnitCost& cost : costs()) {
        if (cost.name.starts_with(kOfSeveral)) all.push_back(std::move(cost));
    }
    return all;
}

std::string design_of(const models::UnitCost& cost) {
    const std::string design = fmt::format("configs/{}.yaml", kExampleDesign);
    if (!cost.name.starts_with(kOfSeveral)) return design;
    return fmt::format("{} with hardware.clusters={}", design, kExampleClusters);
}

/// The term of a fit that a coefficient multiplies, as its suffix says (models/cost/technology.h).
std::string term_of(const std::string& name) {
    static constexpr std::array<std::pair<const char*, const char*>, 7> kTerms{
        {{"_l_m_plus_n", ", times L (M + N)"},
         {"_m_plus_n", ", times (M + N)"},
         {"_lmn", ", times L M N"},
         {"_log2_ln", ", times log2(L N)"},
         {"_mn", ", times M N"},
         {"_p", ", times P"},
         {"_1", ", constant term"}}};
    const auto term = std::ranges::find_if(
        kTerms, [&](const auto& entry) { return name.ends_with(entry.first); });
    return term == kTerms.end() ? "" : term->second;
}

std::string unit_text(const std::string& unit) { return unit == "1" ? "factor" : unit; }

std::string row(const char* label, const std::string& text) {
    const std::string first = fmt::format("    {:<10}", label);
    const std::string indent(first.size(), ' ');
    return first + wrapped(text, indent, kLineLength).substr(indent.size());
}

/// The measurements that match `pattern`, one a line.
std::string measured_rows(const std::string& pattern, const Technology& table) {
    std::string text;
    if (!table.measured || pattern.empty()) return text;
    for (const auto& [name, measurement] : table.measured->rows) {
        if (!matches_pattern(name, pattern)) continue;
        std::string figures;
        for (const auto& [what, value] : measurement) {
            figures += fmt::format("{}{} {}", figures.empty() ? "" : ", ", what, value);
        }
        text += row(text.empty() ? "rows" : "", name + ": " + figures);
    }
    return text;
}

std::string measured_with(const Technology& table) {
    std::string text;
    for (const auto& [what, value] : table.measured->provenance) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, value);
    }
    return row("measured", text);
}

std::string explain_measurement(const std::string& name, const Technology& table) {
    if (!table.measured || !table.measured->rows.contains(name)) return "";
    return measured_rows(name, table) + measured_with(table);
}

std::string explain_coefficient(const std::string& name, const Technology& table) {
    for (const models::CoefficientField& field : models::coefficient_fields()) {
        if (field.name != name) continue;
        const models::Coefficient& entry = table.*field.member;
        std::string value = fmt::format("{}", entry.value);
        if (entry.min < entry.max) value += fmt::format(" ({} .. {})", entry.min, entry.max);
        if (entry.source.empty()) return "";
        return row("value", value) + row("unit", unit_text(field.unit) + term_of(name)) +
               row("source", entry.source) + measured_rows(entry.rows, table);
    }
    return "";
}

std::string explain_width_table(const std::string& name, const Technology& table) {
    for (const models::WidthTableField& field : models::width_table_fields()) {
        if (field.name != name) continue;
        const models::WidthTable& entry = table.*field.member;
        std::string values;
        for (const auto& [bits, value] : entry.values) {
            values += fmt::format("{}{} bits: {}", values.empty() ? "" : ", ", bits, value);
        }
        return row("value", values) + row("unit", field.unit) + row("source", entry.source) +
               measured_rows(entry.rows, table);
    }
    return "";
}

std::string explain_in_tables(const std::string& name) {
    std::string text;
    for (const std::string& technology : technology_names()) {
        const Technology table = load_technology(technology, "default");
        const std::string entry = explain_coefficient(name, table) +
                                  explain_width_table(name, table) +
                                  explain_measurement(name, table);
        if (entry.empty()) continue;
        text += (text.empty() ? "" : "\n") + name + "\n" + entry +
                row("file", fmt::format("configs/technology/{}.yaml, profile {}", technology,
                                        table.profile));
    }
    return text;
}

/// What makes a part of result.json's energy.by_part: its unit costs, whose names begin with it.
std::string explain_energy_part(const std::string& part) {
    std::string names;
    for (const models::UnitCost& cost : example_costs()) {
        if (cost.name.starts_with(part + ".")) names += (names.empty() ? "" : ", ") + cost.name;
    }
    if (names.empty()) return "";
    return kEnergyPath + part + "\n" +
           row("sum of", "events, counted by the simulator, times unit_costs of result.json: " +
                             names + " (each a name for axesim explain)");
}

/// The coefficients behind a part of result.json's area.by_part (models/cost/area.cpp).
std::string explain_area_part(const std::string& part) {
    static const std::map<std::string, std::string> kCoefficients{
        {"interconnect",
         "flip_flop_area_um2, two words of registers for each of latency_cycles; utilization"},
        {"memory_interface", "unpack_area_um2_per_lane; utilization"},
        {"sram", "sram_area_um2_per_bit"},
        {"multiplier",
         "mac_area_um2_* for one lane, dot_area_um2_* for more; flip_flop_area_um2 for further "
         "pipeline stages; utilization"},
        {"inner_accumulator",
         "mac_area_um2_* for one lane, dot_area_um2_* for more; mac_saturate_area_um2_*; "
         "utilization"},
        {"outer_accumulator",
         "add_area_um2_* and flip_flop_area_um2 for one lane, dot_area_um2_* for more; "
         "mux_area_um2 for the shift of weight groups; utilization"},
        {"vector_unit", "fp32_mac_area_um2, int32_multiply_area_um2, add_area_um2_*; utilization"}};
    const auto found = kCoefficients.find(part);
    if (found == kCoefficients.end()) return "";
    return kAreaPath + part + "\n" +
           row("from", found->second + " (each a name for axesim explain)" +
                           (part == "interconnect" ? "" : "; times hardware.clusters"));
}

std::string explain_part(const std::string& name) {
    if (name.starts_with(kEnergyPath)) return explain_energy_part(name.substr(kEnergyPath.size()));
    if (name.starts_with(kAreaPath)) return explain_area_part(name.substr(kAreaPath.size()));
    return "";
}

std::string explain_unit_cost(const std::string& name) {
    for (const models::UnitCost& cost : example_costs()) {
        if (cost.name != name) continue;
        return name + "\n" + row("value", fmt::format("{:.6g}", cost.value)) +
               row("unit", cost.unit) + row("source", cost.source) + row("design", design_of(cost));
    }
    return "";
}

}  // namespace

std::string explain_cost(const std::string& name) {
    const std::string entry = explain_in_tables(name);
    if (!entry.empty()) return entry;
    const std::string part = explain_part(name);
    return part.empty() ? explain_unit_cost(name) : part;
}

std::vector<std::string> cost_names() {
    std::set<std::string> names;
    for (const models::CoefficientField& field : models::coefficient_fields()) {
        names.insert(field.name);
    }
    for (const models::WidthTableField& field : models::width_table_fields()) {
        names.insert(field.name);
    }
    for (const models::UnitCost& cost : example_costs()) names.insert(cost.name);
    return {names.begin(), names.end()};
}

}  // namespace axesim::sim
