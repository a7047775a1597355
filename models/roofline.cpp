// SPDX-License-Identifier: Apache-2.0
#include "models/roofline.h"

#include <algorithm>
#include <array>

namespace axesim::models {

namespace {

std::array<double, 6> cycles_of(const Roofline& roofs) {
    return {roofs.compute,          roofs.vector_unit,  roofs.buffer,
            roofs.memory_interface, roofs.interconnect, roofs.dram};
}

}  // namespace

PeakRates peak_rates(const HardwareConfig& hardware) {
    const ArrayConfig& array = hardware.array;
    const double clusters = hardware.clusters;
    return {.macs = clusters * array.rows * array.columns * hardware.accumulator.lanes,
            .vector_steps = clusters * hardware.vector_lanes(),
            .buffer_words = clusters * hardware.buffers.banks,
            .interface_bits = clusters * hardware.memory_interface.bus_bits,
            .interconnect_bits = static_cast<double>(hardware.interconnect.bits_per_cycle),
            .dram_bits = hardware.dram.peak_bits_per_second() / (hardware.clock_mhz * 1e6)};
}

double Roofline::cycles() const { return std::ranges::max(cycles_of(*this)); }

Roof Roofline::bound_by() const {
    const auto cycles = cycles_of(*this);
    return static_cast<Roof>(std::ranges::max_element(cycles) - cycles.begin());
}

Roofline roofline(const Counts& counts, const HardwareConfig& hardware) {
    const PeakRates peak = peak_rates(hardware);
    std::uint64_t words = 0;
    for (const BufferCounts& buffer :
         {counts.weights_buffer, counts.activations_buffer, counts.outputs_buffer}) {
        words = std::max(words, hardware.buffers.port_words(buffer.reads, buffer.writes));
    }
    const auto at = [](std::uint64_t work, double rate) {
        return static_cast<double>(work) / rate;
    };
    return {.compute = at(counts.compute.macs, peak.macs),
            .vector_unit = at(counts.compute.vector_steps, peak.vector_steps),
            .buffer = at(words, peak.buffer_words),
            .memory_interface = at(counts.total_traffic().transferred_bits, peak.interface_bits),
            .interconnect =
                at(std::max(counts.interconnect.read_bits, counts.interconnect.written_bits),
                   peak.interconnect_bits),
            .dram = at(counts.dram.read_bits + counts.dram.written_bits, peak.dram_bits)};
}

}  // namespace axesim::models
