// SPDX-License-Identifier: Apache-2.0
// What the tests of the RTL share: a Verilated model with a clock, codes on its ports.
#pragma once

#include <verilated.h>

#include <concepts>
#include <cstdint>
#include <span>

namespace axesim::rtl {

/// Bits of the narrowest operands in the sweeps.
inline constexpr int kLeastWidth = 2;

/// A Verilated module with the ports `clock` and `reset`. A cycle is: set inputs, settle(), look at
/// outputs, tick().
template <class Module>
class Clocked {
public:
    Clocked() {
        module_.reset = 1;
        settle();
        tick();
        module_.reset = 0;
    }
    ~Clocked() { module_.final(); }
    Clocked(const Clocked&) = delete;
    Clocked& operator=(const Clocked&) = delete;

    Module* operator->() { return &module_; }

    void settle() {
        module_.clock = 0;
        module_.eval();
    }
    void tick() {
        module_.clock = 1;
        module_.eval();
    }

private:
    VerilatedContext context_;
    Module module_{&context_};
};

/// Puts the low `bits` of each code into a port, the first in the low bits.
template <std::unsigned_integral Port>
void put_codes(Port& port, std::span<const std::int64_t> codes, int bits) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const std::uint64_t code =
            static_cast<std::uint64_t>(codes[i]) & ((std::uint64_t{1} << bits) - 1);
        word |= code << (static_cast<int>(i) * bits);
    }
    port = static_cast<Port>(word);
}

template <std::size_t Words>
void put_codes(VlWide<Words>& port, std::span<const std::int64_t> codes, int bits) {
    for (std::size_t i = 0; i < Words; ++i) port[i] = 0;
    std::size_t at = 0;
    for (const std::int64_t code : codes) {
        for (int bit = 0; bit < bits; ++bit, ++at) {
            port[at / 32] |= static_cast<std::uint32_t>(code >> bit & 1) << (at % 32);
        }
    }
}

}  // namespace axesim::rtl
