// SPDX-License-Identifier: Apache-2.0
// libsystemc owns main() and calls this; ctest runs every test in a process of its own, so each
// has a fresh simulation kernel.
#include <gtest/gtest.h>

#include <systemc>

int sc_main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
