// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>
#include <string>

namespace axesim::models {

/// Runs each test on one instruction set after the other. Suites are instantiated with
/// every_target() and target_name.
class OnEveryTarget : public testing::TestWithParam<std::int64_t> {
protected:
    void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
    void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

inline auto every_target() { return testing::ValuesIn(hwy::SupportedAndGeneratedTargets()); }

inline std::string target_name(const testing::TestParamInfo<std::int64_t>& info) {
    return hwy::TargetName(info.param);
}

}  // namespace axesim::models
