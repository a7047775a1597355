// SPDX-License-Identifier: Apache-2.0
// The loaders of technology and DRAM tables: shipped files, and errors that name their place.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "common/files.h"
#include "sim/config/costs_files.h"

namespace axesim::sim {
namespace {

const std::string kConfigs = AXESIM_SOURCE_DIR "/configs/";

/// A shipped table with one text replaced by another, in a file of its own.
class EditedTable {
public:
    EditedTable(const std::string& table, const std::string& from, const std::string& to)
        : path_(std::filesystem::path(testing::TempDir()) /
                (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
                 ".yaml")) {
        std::string text = read_text_file(kConfigs + table);
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        line_ = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        text.replace(at, from.size(), to);
        std::ofstream(path_) << text;
    }
    ~EditedTable() { std::filesystem::remove(path_); }

    std::string path() const { return path_.string(); }
    /// "FILE:LINE:" of the edit.
    std::string place(long lines_below = 0) const {
        return path() + ":" + std::to_string(line_ + lines_below) + ":";
    }

private:
    std::filesystem::path path_;
    long line_ = 0;
};

template <class Load>
std::string error_of(Load load) {
    try {
        load();
    } catch (const UserError& error) {
        return error.what();
    }
    return "no error";
}
std::string technology_error(const std::string& path, const std::string& profile = "default") {
    return error_of([&] { load_technology(path, profile); });
}
std::string dram_error(const std::string& path) {
    return error_of([&] { load_dram(path); });
}

testing::AssertionResult holds(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "\"" << text << "\" does not hold \"" << part << "\"";
}

TEST(CostFiles, ShippedNamesAreFoundAndLoad) {
    EXPECT_EQ(technology_names(), (std::vector<std::string>{"asap7", "nangate45"}));
    EXPECT_EQ(dram_names(), (std::vector<std::string>{"ddr4_3200", "hbm2_2400", "hbm2e_3200",
                                                      "hbm3_6400", "lpddr4_3200", "lpddr5_6400"}));
    for (const std::string& name : technology_names()) {
        EXPECT_EQ(load_technology(name, "default").name, name);
    }
    for (const std::string& name : dram_names()) EXPECT_GT(load_dram(name).t_refi_ps, 0) << name;
}

TEST(CostFiles, ProfilesDifferWhereTheyShould) {
    const auto calibrated = load_technology("asap7", "7nm_calibrated");
    const auto raw = load_technology("asap7", "asap7_raw");
    EXPECT_EQ(load_technology("asap7", "default").profile, "7nm_calibrated");
    EXPECT_EQ(load_technology("nangate45", "default").profile, "45nm_horowitz");
    EXPECT_LT(calibrated.kappa.value, 1);
    EXPECT_EQ(calibrated.kappa.min, 0.35);
    EXPECT_EQ(calibrated.kappa.max, 1.0);
    EXPECT_EQ(raw.kappa.value, 1.0);
    EXPECT_EQ(raw.mac_area_um2_mn.value, calibrated.mac_area_um2_mn.value);
    EXPECT_EQ(calibrated.mac_area_um2_mn.min, calibrated.mac_area_um2_mn.value);
}

TEST(CostFiles, EveryCoefficientNamesASourceThatAReaderCanFollow) {
    for (const std::string& name : technology_names()) {
        const auto technology = load_technology(name, "default");
        const auto optional = [](const auto& field) { return field.optional; };
        const auto without = std::ranges::count_if(models::coefficient_fields(), optional);
        const bool measured = technology.measured != nullptr;
        EXPECT_EQ(technology.coefficients().size(),
                  models::coefficient_fields().size() -
                      static_cast<std::size_t>(without) * (measured ? 0 : 1));
        for (const auto& [coefficient, entry] : technology.coefficients()) {
            EXPECT_GE(entry->source.size(), 12u) << name << " " << coefficient;
            EXPECT_EQ(entry->source.find("shared/"), std::string::npos) << coefficient;
        }
    }
}

TEST(CostFiles, TimesAreReadInNanosecondsAndKeptInPicoseconds) {
    const auto dram = load_dram("hbm2_2400");
    EXPECT_EQ(dram.t_cl_ps, 14161);
    EXPECT_EQ(dram.t_burst_ps, 1666);
    EXPECT_EQ(dram.t_refi_ps, 3900000);
    EXPECT_EQ(dram.name, "HBM2-2400");
}

TEST(CostFiles, AnUnknownTableIsAnsweredWithTheNearestName) {
    EXPECT_TRUE(holds(technology_error("asap8"), "did you mean asap7?"));
    EXPECT_TRUE(holds(technology_error("asap8"), "asap7, nangate45"));
    EXPECT_TRUE(holds(dram_error("lpddr5_640"), "did you mean lpddr5_6400?"));
    EXPECT_TRUE(holds(technology_error("no/such/file.yaml"), "no/such/file.yaml"));
}

TEST(CostFiles, AnUnknownProfileIsAnsweredWithTheOnesThereAre) {
    const std::string error = technology_error("asap7", "7nm_calibratd");
    EXPECT_TRUE(holds(error, "profiles.7nm_calibratd"));
    EXPECT_TRUE(holds(error, "7nm_calibrated, asap7_raw"));
    EXPECT_TRUE(holds(error, "did you mean 7nm_calibrated?"));
}

TEST(CostFiles, AMisspeltCoefficientIsNamedWithItsPlace) {
    const EditedTable table("technology/nangate45.yaml", "mac_area_um2_p:", "mac_area_um_p:");
    const std::string error = technology_error(table.path());
    EXPECT_TRUE(holds(error, table.place() + "3: coefficients.mac_area_um_p: no such entry; did "
                                             "you mean mac_area_um2_p?"));
}

TEST(CostFiles, AMissingCoefficientIsNamed) {
    const EditedTable table("technology/nangate45.yaml", "  mac_leak_nw_1: {value: -1153,",
                            "  #mac_leak_nw_1: {value: -1153,");
    EXPECT_TRUE(holds(technology_error(table.path()), "coefficients.mac_leak_nw_1: is missing"));
}

TEST(CostFiles, ADuplicateIsAnError) {
    const EditedTable table("technology/nangate45.yaml", "  mac_leak_nw_1:", "  mac_leak_nw_p:");
    EXPECT_TRUE(holds(technology_error(table.path()),
                      table.place() + "3: coefficients.mac_leak_nw_p: stands twice"));
}

TEST(CostFiles, AnEntryInProfileAndSharedPartIsAnError) {
    const EditedTable table("technology/nangate45.yaml", "      fp32_add_pj:",
                            "      sram_write_ratio: {value: 1.1, unit: \"1\", source: elsewhere}\n"
                            "      fp32_add_pj:");
    EXPECT_TRUE(holds(technology_error(table.path()), "stands in `coefficients` too"));
}

TEST(CostFiles, WrongUnitsSignsAndNumbersAreNamedWithTheirPlace) {
    const EditedTable unit("technology/nangate45.yaml", "{value: 1.1, unit: V,",
                           "{value: 1.1, unit: mV,");
    EXPECT_TRUE(holds(technology_error(unit.path()), unit.place()));
    EXPECT_TRUE(holds(technology_error(unit.path()), "must be V"));
    const EditedTable sign("technology/nangate45.yaml", "{value: 4.522, unit: um2",
                           "{value: -4.522, unit: um2");
    EXPECT_TRUE(holds(technology_error(sign.path()), "must be greater than 0"));
    const EditedTable number("technology/nangate45.yaml", "{value: 1.1, unit: V,",
                             "{value: plenty, unit: V,");
    EXPECT_TRUE(holds(technology_error(number.path()), "must be a finite number"));
    const EditedTable bounds("technology/nangate45.yaml", "min: 0.05\n", "min: 0.25\n");
    EXPECT_TRUE(holds(technology_error(bounds.path()),
                      "coefficients.sram_phi.min: must not be greater than value"));
    const EditedTable share("technology/nangate45.yaml", "max: 0.30", "max: 1.30");
    EXPECT_TRUE(holds(technology_error(share.path()), "is a share"));
}

TEST(CostFiles, AWidthTableNeedsEveryWidth) {
    const EditedTable table("technology/nangate45.yaml", "13: 1369, ", "");
    EXPECT_TRUE(holds(technology_error(table.path()),
                      "width_tables.unpack_energy_fj_per_value.values.13: is missing"));
}

TEST(CostFiles, FittedCoefficientsNameRowsThatAreThere) {
    const auto asap7 = load_technology("asap7", "default");
    EXPECT_EQ(asap7.mac_area_um2_mn.rows, "mac_*_wrap");
    EXPECT_GT(asap7.measured->rows.at("mac_6x6_p16_wrap").at("area_um2"), 0);
    EXPECT_EQ(asap7.measured->provenance.at("liberty_sha256").size(), 64u);
    const EditedTable row("technology/nangate45.yaml", "profiles:\n",
                          "provenance: {}\nmeasurements:\n  mac_1: {area_um2: small}\nprofiles:\n");
    EXPECT_TRUE(holds(technology_error(row.path()),
                      "measurements.mac_1.area_um2: must be a finite number"));
}

TEST(CostFiles, TextThatIsNoYamlIsNamedWithItsPlace) {
    const EditedTable table("dram/ddr4_3200.yaml", "timing:", "timing: [");
    EXPECT_TRUE(holds(dram_error(table.path()), "not valid YAML"));
    EXPECT_TRUE(holds(dram_error(table.path()), table.path() + ":"));
}

TEST(CostFiles, DramErrorsNameTheirPlace) {
    const EditedTable unknown("dram/lpddr5_6400.yaml", "  ccd_l:", "  ccd_m:");
    EXPECT_TRUE(holds(dram_error(unknown.path()),
                      unknown.place() + "3: timing.ccd_m: no such entry; did you mean ccd_"));
    const EditedTable refresh("dram/lpddr5_6400.yaml", "{value: 280,", "{value: 28000,");
    EXPECT_TRUE(holds(dram_error(refresh.path()), "timing.rfc: must be less than refi"));
    const EditedTable part("dram/lpddr5_6400.yaml", "{value: 256, unit: bit",
                           "{value: 250, unit: bit");
    EXPECT_TRUE(holds(dram_error(part.path()), "organization.atom_bits: must be whole bytes"));
    const EditedTable negative("dram/lpddr5_6400.yaml", "{value: 5.5,", "{value: -5.5,");
    EXPECT_TRUE(holds(dram_error(negative.path()), "energy.read: must not be negative"));
}

}  // namespace
}  // namespace axesim::sim
