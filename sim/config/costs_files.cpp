// SPDX-License-Identifier: Apache-2.0
#include "sim/config/costs_files.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "common/files.h"
#include "sim/config/table_file.h"

namespace axesim::sim {

namespace {

using models::Coefficient;
using models::CoefficientField;
using models::DramConfig;
using models::Technology;
using models::WidthTable;
using models::WidthTableField;

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::vector<std::string> coefficient_names() {
    std::vector<std::string> names;
    for (const CoefficientField& field : models::coefficient_fields()) names.push_back(field.name);
    return names;
}

/// The profile's own entry, else the one that all profiles share. A name may stand in one of them
/// only, so that nobody edits the one that is not used.
void read_coefficients(const TableSection& shared, const TableSection& own,
                       Technology& technology) {
    shared.require_only(coefficient_names());
    own.require_only(coefficient_names());
    for (const CoefficientField& field : models::coefficient_fields()) {
        const bool in_profile = own.has(field.name);
        if (in_profile && shared.has(field.name)) {
            own.fail(field.name, "stands in `coefficients` too; keep one of the two");
        }
        if (field.optional && !in_profile && !shared.has(field.name)) continue;
        const TableSection& place = in_profile ? own : shared;
        technology.*field.member = place.coefficient(field.name, field.unit, field.positive);
    }
}

WidthTable read_width_table(const TableSection& section, const char* unit) {
    section.require_only({"unit", "rows", "source", "values"});
    if (section.text("unit") != unit) {
        section.fail("unit", std::string("must be ") + unit + ", the unit of this table");
    }
    WidthTable table;
    table.source = section.text("source");
    if (section.has("rows")) table.rows = section.text("rows");
    const TableSection values = section.section("values");
    std::vector<std::string> widths;
    for (const int width : models::width_table_widths()) widths.push_back(std::to_string(width));
    values.require_only(widths);
    for (const std::string& width : widths) {
        const double value = values.number(width);
        if (value <= 0) values.fail(width, "must be greater than 0");
        table.values[std::stoi(width)] = value;
    }
    return table;
}

void read_measurements(const TableSection& file, Technology& technology) {
    if (!file.has("measurements")) return;
    models::Measurements measured;
    const TableSection provenance = file.section("provenance");
    for (const std::string& key : provenance.keys()) {
        measured.provenance[key] = provenance.text(key);
    }
    const TableSection rows = file.section("measurements");
    for (const std::string& name : rows.keys()) {
        const TableSection row = rows.section(name);
        for (const std::string& what : row.keys()) {
            measured.rows[name][what] = row.number(what);
        }
    }
    technology.measured = std::make_shared<const models::Measurements>(std::move(measured));
}

TableSection choose_profile(const TableSection& file, std::string& profile) {
    const TableSection profiles = file.section("profiles");
    if (profile == "default" || profile.empty()) {
        profile = file.text("default_profile");
        if (!profiles.has(profile)) {
            file.fail("default_profile",
                      "names no profile of this file (there are " + joined(profiles.keys()) + ")");
        }
    }
    if (!profiles.has(profile)) {
        profiles.fail(profile, "no such cost profile (there are " + joined(profiles.keys()) +
                                   ", or default)" + did_you_mean(profile, profiles.keys()));
    }
    return profiles.section(profile);
}

void check_factors(const TableSection& file, const Technology& technology) {
    for (const auto& [name, coefficient] : {std::pair{"utilization", &technology.utilization},
                                            std::pair{"sram_phi", &technology.sram_phi}}) {
        if (coefficient->max > 1) {
            file.section("coefficients").fail(name, "is a share: must not be greater than 1");
        }
    }
}

std::int64_t picoseconds(const TableSection& timing, const std::string& key) {
    return std::llround(timing.coefficient(key, "ns", true).value * 1000);
}

int whole(const TableSection& section, const std::string& key, const std::string& unit) {
    return static_cast<int>(section.whole(key, unit, 1e6));
}

void read_timing(const TableSection& timing, DramConfig& dram) {
    const std::vector<std::pair<std::string, std::int64_t DramConfig::*>> fields{
        {"burst", &DramConfig::t_burst_ps},
        {"cl", &DramConfig::t_cl_ps},
        {"cwl", &DramConfig::t_cwl_ps},
        {"rcd_read", &DramConfig::t_rcd_read_ps},
        {"rcd_write", &DramConfig::t_rcd_write_ps},
        {"rp", &DramConfig::t_rp_ps},
        {"rp_all", &DramConfig::t_rp_all_ps},
        {"ras", &DramConfig::t_ras_ps},
        {"rc", &DramConfig::t_rc_ps},
        {"ccd_s", &DramConfig::t_ccd_s_ps},
        {"ccd_l", &DramConfig::t_ccd_l_ps},
        {"rrd_s", &DramConfig::t_rrd_s_ps},
        {"rrd_l", &DramConfig::t_rrd_l_ps},
        {"faw", &DramConfig::t_faw_ps},
        {"wr", &DramConfig::t_wr_ps},
        {"wtr_s", &DramConfig::t_wtr_s_ps},
        {"wtr_l", &DramConfig::t_wtr_l_ps},
        {"rtw", &DramConfig::t_rtw_ps},
        {"rtp", &DramConfig::t_rtp_ps},
        {"refi", &DramConfig::t_refi_ps},
        {"rfc", &DramConfig::t_rfc_ps}};
    std::vector<std::string> names;
    for (const auto& [name, member] : fields) names.push_back(name);
    timing.require_only(names);
    for (const auto& [name, member] : fields) dram.*member = picoseconds(timing, name);
    if (dram.t_rfc_ps >= dram.t_refi_ps) {
        timing.fail("rfc", "must be less than refi, or the DRAM does nothing but refresh");
    }
}

void read_energy(const TableSection& energy, DramConfig& dram) {
    energy.require_only(
        {"activate", "read", "write", "static", "refresh", "phy", "energy_uncertainty"});
    const auto value = [&](const char* key, const char* unit) {
        const double number = energy.coefficient(key, unit, false).value;
        if (number < 0) energy.fail(key, "must not be negative");
        return number;
    };
    dram.activate_pj = value("activate", "pJ");
    dram.read_pj_per_bit = value("read", "pJ/bit");
    dram.write_pj_per_bit = value("write", "pJ/bit");
    dram.static_mw = value("static", "mW");
    dram.refresh_mw = value("refresh", "mW");
    dram.phy_pj_per_bit = value("phy", "pJ/bit");
    dram.energy_uncertainty = value("energy_uncertainty", "1");
    if (dram.energy_uncertainty >= 1) energy.fail("energy_uncertainty", "must be less than 1");
}

void read_organization(const TableSection& organization, DramConfig& dram) {
    organization.require_only(
        {"channels", "atom_bits", "bank_groups", "banks_per_group", "page_bytes"});
    dram.channels = whole(organization, "channels", "1");
    dram.atom_bits = whole(organization, "atom_bits", "bit");
    dram.bank_groups = whole(organization, "bank_groups", "1");
    dram.banks_per_group = whole(organization, "banks_per_group", "1");
    dram.page_bytes = whole(organization, "page_bytes", "B");
    if (dram.atom_bits % 8 != 0) organization.fail("atom_bits", "must be whole bytes");
    if (dram.page_bytes % (dram.atom_bits / 8) != 0) {
        organization.fail("page_bytes", "must be a multiple of atom_bits");
    }
}

}  // namespace

Technology load_technology(const std::string& name_or_path, const std::string& profile) {
    const TableSection file = read_table_file(table_path("technology", name_or_path));
    file.require_only({"name", "description", "default_profile", "provenance", "coefficients",
                       "width_tables", "profiles", "measurements"});
    Technology technology;
    technology.name = file.text("name");
    technology.description = file.text("description");
    technology.profile = profile;
    const TableSection chosen = choose_profile(file, technology.profile);
    chosen.require_only({"description", "coefficients"});
    technology.profile_source = chosen.text("description");
    read_coefficients(file.section("coefficients"), chosen.section("coefficients"), technology);
    const TableSection tables = file.section("width_tables");
    std::vector<std::string> table_names;
    for (const WidthTableField& field : models::width_table_fields()) {
        table_names.push_back(field.name);
    }
    tables.require_only(table_names);
    for (const WidthTableField& field : models::width_table_fields()) {
        technology.*field.member = read_width_table(tables.section(field.name), field.unit);
    }
    check_factors(file, technology);
    read_measurements(file, technology);
    return technology;
}

DramConfig load_dram(const std::string& name_or_path) {
    const TableSection file = read_table_file(table_path("dram", name_or_path));
    file.require_only({"name", "description", "organization", "timing", "energy"});
    DramConfig dram;
    dram.name = file.text("name");
    file.text("description");
    read_organization(file.section("organization"), dram);
    read_timing(file.section("timing"), dram);
    read_energy(file.section("energy"), dram);
    return dram;
}

std::vector<std::string> technology_names() { return table_names("technology"); }

std::vector<std::string> dram_names() { return table_names("dram"); }

}  // namespace axesim::sim
