// SPDX-License-Identifier: Apache-2.0
// libsystemc owns main() and calls this; ctest runs every test in a process of its own, so each
// has a fresh simulation kernel.
#include <gtest/gtest.h>

#include <systemc>

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

/// SystemC tells AddressSanitizer of its switches to the stacks of processes, but not of the last
/// one back. The search for leaks at exit would then read a stack that is gone, and crash. Does
/// nothing without the sanitizer.
void return_to_main_stack() {
#if defined(__SANITIZE_ADDRESS__)
    pthread_attr_t attributes;
    void* bottom = nullptr;
    std::size_t size = 0;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &bottom, &size);
    pthread_attr_destroy(&attributes);
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, bottom, size);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

}  // namespace

int sc_main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const int status = RUN_ALL_TESTS();
    return_to_main_stack();
    return status;
}
