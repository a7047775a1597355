// SPDX-License-Identifier: Apache-2.0
// DRAM address mappings against an odometer that counts their digits up.
#include "models/memory/dram_address.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "common/error.h"

namespace axesim::models {
namespace {

DramConfig device(const std::string& mapping) {
    DramConfig config;
    config.channels = 3;
    config.bank_groups = 2;
    config.banks_per_group = 5;
    config.atom_bits = 256;
    config.page_bytes = 4 * 32;  // 4 columns
    config.policy.address_mapping = mapping;
    return config;
}

TEST(DramAddress, PlacesEqualThoseOfAnOdometer) {
    for (const char* mapping :
         {"rorabacobgch", "rochrababgco", "rorabgbachco", "rarocobachbg", "rocobgrabach"}) {
        const DramAddressMap map(device(mapping));
        std::map<std::string, int> sizes{{"ra", 1}, {"ch", 3}, {"bg", 2}, {"ba", 5}, {"co", 4}};
        sizes["ro"] = 1000;
        std::map<std::string, int> digits;
        std::vector<std::int64_t> next(3);  // atoms of each channel so far
        for (std::int64_t atom = 0; atom < 3 * 2 * 5 * 4 * 3; ++atom) {
            for (int c = 0; c < 3; ++c) {
                ASSERT_EQ(map.atoms_of_channel(atom, c), next[static_cast<std::size_t>(c)])
                    << mapping << " " << atom;
            }
            const DramPlace place = map.place(next[static_cast<std::size_t>(digits["ch"])]++);
            ASSERT_EQ(place.bank_group, digits["bg"]) << mapping << " " << atom;
            ASSERT_EQ(place.bank, digits["ba"]) << mapping << " " << atom;
            ASSERT_EQ(place.column, digits["co"]) << mapping << " " << atom;
            ASSERT_EQ(place.row, digits["ro"]) << mapping << " " << atom;
            for (std::string rest = mapping; !rest.empty(); rest.resize(rest.size() - 2)) {
                const std::string lowest = rest.substr(rest.size() - 2);
                if (++digits[lowest] < sizes[lowest]) break;
                digits[lowest] = 0;
            }
        }
    }
}

TEST(DramAddress, AdvancingGivesTheNextPlace) {
    for (const char* mapping : {"rorabacobgch", "rochrababgco", "rorachcobgba"}) {
        const DramAddressMap map(device(mapping));
        DramPlace place = map.place(0);
        for (std::int64_t atom = 1; atom < 200; ++atom) {
            map.advance(place);
            ASSERT_EQ(place, map.place(atom)) << mapping << " " << atom;
        }
    }
}

TEST(DramAddress, BanksInTurnAreThoseBelowTheColumn) {
    EXPECT_EQ(DramAddressMap(device("rochrababgco")).banks_in_turn(), 1);
    EXPECT_EQ(DramAddressMap(device("rorabacobgch")).banks_in_turn(), 2);
    EXPECT_EQ(DramAddressMap(device("rorachcobgba")).banks_in_turn(), 10);
    EXPECT_EQ(DramAddressMap(device("rorabacobgch")).atoms_of_open_rows(), 8);
}

TEST(DramAddress, AWrongMappingIsRefusedWithWhatIsAllowed) {
    const auto holds = [](const std::string& mapping, const char* part) {
        return DramAddressMap::why_wrong(mapping).find(part) != std::string::npos;
    };
    EXPECT_EQ(DramAddressMap::why_wrong("rorabacobgch"), "");
    EXPECT_EQ(DramAddressMap::why_wrong("rarochbabgco"), "");
    EXPECT_TRUE(holds("rorabacobg", "must have 12 letters"));
    EXPECT_TRUE(holds("rorabacobgbg", "has no part ch"));
    EXPECT_TRUE(holds("rorabacobgcx", "has no part ch"));
    EXPECT_TRUE(holds("chrobabgraco", "must begin with the rows"));
    EXPECT_TRUE(holds("chrobabgraco", "rochrababgco"));
    EXPECT_THROW(DramAddressMap(device("nonsense")), RunError);
}

}  // namespace
}  // namespace axesim::models
