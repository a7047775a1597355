// SPDX-License-Identifier: Apache-2.0
#include "common/error.h"

#include <gtest/gtest.h>

namespace axesim {
namespace {

TEST(Error, LocationLeavesOutWhatIsNotKnown) {
    EXPECT_EQ((Location{"a.yaml", 3, 7}.str()), "a.yaml:3:7");
    EXPECT_EQ((Location{"a.yaml", 3, 0}.str()), "a.yaml:3");
    EXPECT_EQ((Location{"a.yaml", 0, 0}.str()), "a.yaml");
}

TEST(Error, NearestNameFindsSlipsAndIgnoresStrangers) {
    const std::vector<std::string> names{"inner_bits", "outer_bits", "tile_size"};
    EXPECT_EQ(nearest_name("iner_bits", names), "inner_bits");
    EXPECT_EQ(nearest_name("tilesize", names), "tile_size");
    EXPECT_EQ(nearest_name("dataflow", names), "");
    EXPECT_EQ(did_you_mean("outter_bits", names), "; did you mean outer_bits?");
}

}  // namespace
}  // namespace axesim
