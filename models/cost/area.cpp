// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "models/compute/array_dataflow.h"
#include "models/cost/cells.h"
#include "models/cost/costs.h"
#include "models/cost/design_view.h"
#include "models/cost/sram.h"

namespace axesim::models {

double scaling_unit_um2(const HardwareConfig& hardware, const Technology& t) {
    const double adder = adder_area_um2(kScalingBits, t);
    const double zero_point =
        corrects_zero_point(hardware) ? t.int32_multiply_area_um2.value + adder : 0;
    return t.fp32_mac_area_um2.value + adder + zero_point;
}

double outer_accumulators_um2(const HardwareConfig& hardware, int outer_bits, const Technology& t) {
    const ElementCost element = element_area_um2(element_design(hardware, outer_bits), t);
    return static_cast<double>(outer_accumulators(hardware)) * element.outer_accumulator +
           static_cast<double>(outer_registers(hardware)) * outer_bits * t.flip_flop_area_um2.value;
}

double memory_interface_um2(const HardwareConfig& hardware, const Technology& t) {
    double area_um2 = 0;
    for (const Stream stream : kBufferStreams) {
        const int container = container_bits(hardware, stream);
        const int lanes = (hardware.memory_interface.bus_bits + container - 1) / container;
        area_um2 += lanes * t.unpack_area_um2_per_lane.at(container);
    }
    return area_um2;
}

double interconnect_um2(const HardwareConfig& hardware, const Technology& t) {
    if (hardware.clusters == 1) return 0;
    const InterconnectConfig& interconnect = hardware.interconnect;
    return 2.0 * interconnect.latency_cycles * interconnect.bits_per_cycle *
           t.flip_flop_area_um2.value;
}

double interconnect_mm(const HardwareConfig& hardware, int outer_bits, const Technology& t) {
    constexpr double kMeanOfSide = 0.75;
    return kMeanOfSide * std::sqrt(area(hardware, outer_bits, t).total());
}

PartAreas area(const HardwareConfig& hardware, int outer_bits, const Technology& t) {
    constexpr double kUm2PerMm2 = 1e6;
    const ElementCost element = element_area_um2(element_design(hardware, outer_bits), t);
    // Cells to mm2 of block.
    const double once = 1 / t.utilization.value / kUm2PerMm2;
    const double placed = hardware.clusters * once;
    const double elements = element_count(hardware) * placed;
    PartAreas parts;
    parts.interconnect = interconnect_um2(hardware, t) * once;
    parts.multiplier = elements * element.multiplier;
    parts.inner_accumulator = elements * element.inner_accumulator;
    parts.outer_accumulator = outer_accumulators_um2(hardware, outer_bits, t) * placed;
    parts.memory_interface = memory_interface_um2(hardware, t) * placed;
    parts.vector_unit = hardware.vector_lanes() * scaling_unit_um2(hardware, t) * placed;
    for (const Stream stream : kBufferStreams) {
        parts.sram +=
            hardware.clusters * sram_area_um2(buffer_kib(hardware, stream), t) / kUm2PerMm2;
    }
    return parts;
}

}  // namespace axesim::models
