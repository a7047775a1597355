// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/error.h"

namespace axesim::workloads {

/// `action` must throw a UserError whose message holds all the `parts` and is one line.
template <class Action>
void expect_user_error(Action&& action, const std::vector<std::string>& parts) {
    try {
        action();
        ADD_FAILURE() << "no error";
    } catch (const UserError& error) {
        const std::string message = error.what();
        for (const std::string& part : parts) {
            EXPECT_NE(message.find(part), std::string::npos) << message << " lacks " << part;
        }
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

}  // namespace axesim::workloads
