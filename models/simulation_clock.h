// SPDX-License-Identifier: Apache-2.0
// The accelerator's clock. Cycles, as integers, are the truth; SystemC's time only orders events.
// Everything inside the accelerator happens on a clock edge, so both always agree.
#pragma once

#include <cmath>
#include <cstdint>
#include <systemc>

namespace axesim::models {

/// SystemC counts time in whole femtoseconds here, so that a period such as 1/1.05 GHz is right to
/// one in a million. Call before the first sc_time is made (SystemC rejects it afterwards).
inline void set_simulation_resolution() { sc_core::sc_set_time_resolution(1, sc_core::SC_FS); }

class SimulationClock {
public:
    explicit SimulationClock(double clock_mhz)
        : period_fs_(static_cast<std::uint64_t>(std::llround(1e9 / clock_mhz))),
          edges_per_fs_(1.0 / static_cast<double>(period_fs_)) {}

    /// The edge that SystemC's time stands at, or the next one.
    std::uint64_t now() const { return cycle_at(sc_core::sc_time_stamp()); }
    sc_core::sc_time time_of(std::uint64_t cycles) const {
        return sc_core::sc_time::from_value(cycles * period_fs_);
    }
    /// Cycles that a time takes, a begun one as a whole one. Also of SystemC's longest time.
    std::uint64_t cycles_in(const sc_core::sc_time& time) const {
        return time.value() == 0 ? 0 : (time.value() - 1) / period_fs_ + 1;
    }
    /// Suspends the calling process for whole cycles.
    void wait_cycles(std::uint64_t cycles) const {
        if (cycles > 0) sc_core::wait(time_of(cycles));
    }
    /// Suspends the calling process until that edge (or not at all when it is past).
    void wait_until(std::uint64_t cycle) const {
        const std::uint64_t current = now();
        if (cycle > current) wait_cycles(cycle - current);
    }
    std::int64_t picoseconds(std::uint64_t cycle) const {
        return static_cast<std::int64_t>(cycle * period_fs_ / 1000);
    }
    /// The first edge at or after a time.
    std::uint64_t cycle_at(std::int64_t picoseconds) const {
        return edge_at(static_cast<std::uint64_t>(picoseconds) * 1000);
    }
    std::uint64_t cycle_at(const sc_core::sc_time& time) const { return edge_at(time.value()); }

private:
    /// ceil(time / period). The product of doubles is close, and much faster than a division: this
    /// is asked several times a batch of bursts.
    std::uint64_t edge_at(std::uint64_t time_fs) const {
        auto edge = static_cast<std::uint64_t>(static_cast<double>(time_fs) * edges_per_fs_);
        while (edge * period_fs_ < time_fs) ++edge;
        while (edge > 0 && (edge - 1) * period_fs_ >= time_fs) --edge;
        return edge;
    }

    std::uint64_t period_fs_;
    double edges_per_fs_;
};

}  // namespace axesim::models
