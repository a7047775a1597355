// SPDX-License-Identifier: Apache-2.0
#include "models/roofline.h"

#include <gtest/gtest.h>

namespace axesim::models {
namespace {

HardwareConfig small_design() {
    HardwareConfig config;
    config.clock_mhz = 500;
    config.array = {.rows = 4, .columns = 8};
    config.accumulator.lanes = 2;
    config.vector_unit.lanes = 3;
    config.memory_interface.bus_bits = 64;
    config.dram.channels = 2;
    config.dram.atom_bits = 256;
    config.dram.t_burst_ps = 4000;
    return config;
}

Counts some_counts() {
    Counts counts;
    counts.compute.macs = 6400;
    counts.compute.vector_steps = 30;
    counts.weights_buffer = {.reads = 70, .writes = 5};
    counts.outputs_buffer = {.reads = 40, .writes = 60};
    counts.traffic[0].transferred_bits = 640;
    counts.traffic[3].transferred_bits = 64;
    counts.dram.read_bits = 2560;
    counts.dram.written_bits = 256;
    return counts;
}

TEST(Roofline, IsWorkOverPeakRates) {
    const PeakRates peak = peak_rates(small_design());
    EXPECT_EQ(peak.macs, 64);
    EXPECT_EQ(peak.vector_steps, 3);
    EXPECT_EQ(peak.buffer_words, 1);
    EXPECT_EQ(peak.interface_bits, 64);
    EXPECT_NEAR(peak.dram_bits, 256, 1e-9);  // 2 channels x 256 bits in 4 ns = 2 cycles
    const Roofline roofs = roofline(some_counts(), small_design());
    EXPECT_EQ(roofs.compute, 100);
    EXPECT_EQ(roofs.vector_unit, 10);
    EXPECT_EQ(roofs.buffer, 70);
    EXPECT_EQ(roofs.memory_interface, 11);
    EXPECT_NEAR(roofs.dram, 11, 1e-9);
    EXPECT_EQ(roofs.cycles(), 100);
    EXPECT_EQ(roofs.bound_by(), Roof::compute);
}

TEST(Roofline, OnePortBothReadsAndWrites) {
    HardwareConfig config = small_design();
    config.buffers.ports = 1;
    EXPECT_EQ(roofline(some_counts(), config).buffer, 100);
    EXPECT_EQ(roofline(some_counts(), config).bound_by(), Roof::compute);  // the first of equals
    config.buffers.banks = 4;
    EXPECT_EQ(roofline(some_counts(), config).buffer, 25);
    config.array.rows = 64;
    EXPECT_EQ(roofline(some_counts(), config).bound_by(), Roof::buffer);
}

}  // namespace
}  // namespace axesim::models
