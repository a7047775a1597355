// SPDX-License-Identifier: Apache-2.0
#include "models/cost/events.h"

#include "models/cost/cells.h"
#include "models/cost/design_view.h"
#include "models/cost/sram.h"

namespace axesim::models {

namespace {

constexpr double kFemto = 1e-15, kPico = 1e-12, kNano = 1e-9, kMilli = 1e-3;

/// "asap7 / 7nm_calibrated, mac_energy_fj_mn: ...": the name is what `axesim explain` takes.
std::string logic(const Technology& t, const Coefficient& coefficient) {
    std::string name;
    for (const CoefficientField& field : coefficient_fields()) {
        if (&(t.*field.member) == &coefficient) name = std::string(", ") + field.name;
    }
    return t.name + " / " + t.profile + name + ": " + coefficient.source;
}

/// Elements that were packed or unpacked. A raw 64-bit accumulator counts as several results: what
/// plain registers cost goes with their bits.
double elements(const Counts& c, const HardwareConfig& h, Stream stream) {
    return static_cast<double>(c.traffic[static_cast<std::size_t>(stream)].payload_bits) /
           element_bits(h, stream);
}

/// Of what scales inner values before their outer accumulator; a multiplier's fit is named already.
std::string tile_scaler_source(WeightGroups groups, const Technology& t) {
    return groups == WeightGroups::power_of_two ? "; " + t.mux_energy_fj.source : "";
}

void add_compute(std::vector<CostEvent>& events, const Design& used, const Technology& t) {
    const double scale = t.kappa.value * t.layout_energy.value * kFemto;
    const ElementDesign design = element_design(used.hardware, used.outer_bits);
    const ElementCost cost = element_energy_fj(design, t);
    std::string fit = logic(t, design.lanes == 1 ? t.mac_energy_fj_mn : t.dot_energy_fj_lmn);
    if (design.weights_stay) fit += "; " + t.mac_held_energy_fj_mn.source;
    events.push_back({{"multiplier.product", cost.multiplier * scale, "J", fit},
                      &PartEnergies::multiplier,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.multiplies);
                      }});
    events.push_back({{"inner_accumulator.step", cost.inner_accumulator * scale, "J", fit},
                      &PartEnergies::inner_accumulator,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.inner_steps);
                      }});
    events.push_back({{"outer_accumulator.add", cost.outer_accumulator * scale, "J",
                       logic(t, t.add_energy_fj_p) + "; " + t.flip_flop_clock_fj.source +
                           tile_scaler_source(design.groups, t)},
                      &PartEnergies::outer_accumulator,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.outer_adds);
                      }});
}

/// `toggles` beyond, or short of, the `nominal` ones.
double beyond(std::uint64_t toggles, std::uint64_t nominal) {
    return static_cast<double>(toggles) - static_cast<double>(nominal);
}

/// What the operands' values change of the energies of products and steps, where they were watched.
void add_activity(std::vector<CostEvent>& events, const Technology& t) {
    if (!t.knows_activity()) return;
    const double scale = t.kappa.value * t.layout_energy.value * kFemto;
    events.push_back(
        {{"multiplier.toggle_beyond_nominal", t.partial_product_toggle_fj.value * scale, "J",
          logic(t, t.partial_product_toggle_fj)},
         &PartEnergies::multiplier,
         [](const Counts& c, const HardwareConfig&, double) {
             const ActivityCounts& a = c.compute.activity;
             return beyond(a.partial_product_toggles, a.nominal_partial_product_toggles);
         }});
    events.push_back(
        {{"inner_accumulator.toggle_beyond_nominal", t.accumulator_toggle_fj.value * scale, "J",
          logic(t, t.accumulator_toggle_fj)},
         &PartEnergies::inner_accumulator,
         [](const Counts& c, const HardwareConfig&, double) {
             const ActivityCounts& a = c.compute.activity;
             return beyond(a.accumulator_toggles, a.nominal_accumulator_toggles);
         }});
}

/// What happens in an array whose weights stay, and nowhere else.
void add_held_weights(std::vector<CostEvent>& events, const Design& used, const Technology& t) {
    if (used.hardware.dataflow == Dataflow::output_stationary) return;
    const double scale = t.kappa.value * t.layout_energy.value * kFemto;
    const std::string registers =
        logic(t, t.flip_flop_clock_fj) + "; " + t.flip_flop_toggle_fj.source;
    events.push_back({{"multiplier.weight_shift",
                       register_energy_fj(used.hardware.weight_bits, t) * scale, "J", registers},
                      &PartEnergies::multiplier,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.weight_shifts);
                      }});
    events.push_back({{"outer_accumulator.shift", register_energy_fj(used.outer_bits, t) * scale,
                       "J", registers},
                      &PartEnergies::outer_accumulator,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.outer_shifts);
                      }});
}

void add_vector_unit(std::vector<CostEvent>& events, const HardwareConfig& hardware,
                     const Technology& t) {
    const double add =
        adder_energy_fj(kScalingBits, t) * t.kappa.value * t.layout_energy.value * kFemto;
    const double multiply = t.fp32_multiply_pj.value * kPico;
    const double zero_point =
        corrects_zero_point(hardware) ? t.int32_multiply_pj.value * kPico + add : 0;
    events.push_back({{"vector_unit.scaled_output", multiply + zero_point, "J",
                       logic(t, t.fp32_multiply_pj) + "; int32 multiply and add of a zero point"},
                      &PartEnergies::vector_unit,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.scaled_outputs);
                      }});
    events.push_back(
        {{"vector_unit.bias_add", t.fp32_add_pj.value * kPico, "J", logic(t, t.fp32_add_pj)},
         &PartEnergies::vector_unit,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.compute.bias_adds);
         }});
    events.push_back({{"vector_unit.quantized_value", multiply + add, "J",
                       logic(t, t.fp32_multiply_pj) + "; comparison as a 32-bit adder"},
                      &PartEnergies::vector_unit,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.quantized_values);
                      }});
    events.push_back(
        {{"vector_unit.rotation_add", t.fp32_add_pj.value * kPico, "J", logic(t, t.fp32_add_pj)},
         &PartEnergies::vector_unit,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.compute.rotation_adds);
         }});
    events.push_back(
        {{"vector_unit.add", t.fp32_add_pj.value * kPico, "J", logic(t, t.fp32_add_pj)},
         &PartEnergies::vector_unit,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.compute.vector_adds);
         }});
    events.push_back({{"vector_unit.multiply", multiply, "J", logic(t, t.fp32_multiply_pj)},
                      &PartEnergies::vector_unit,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.compute.vector_multiplies);
                      }});
}

template <Stream stream>
void add_interface(std::vector<CostEvent>& events, const std::string& name,
                   const HardwareConfig& used, const Technology& t) {
    const double value_fj = t.unpack_energy_fj_per_value.at(container_bits(used, stream));
    events.push_back(
        {{"memory_interface." + name + "_value",
          value_fj * t.kappa.value * t.layout_energy.value * kFemto, "J",
          t.name + " / " + t.profile +
              ", unpack_energy_fj_per_value: " + t.unpack_energy_fj_per_value.source},
         &PartEnergies::memory_interface,
         [](const Counts& c, const HardwareConfig& h, double) { return elements(c, h, stream); }});
}

template <Stream stream, BufferCounts Counts::*buffer>
void add_stream(std::vector<CostEvent>& events, const std::string& name, const Design& built,
                const HardwareConfig& used, const Technology& t) {
    const double kib = bank_kib(built.hardware, stream);
    const int word = buffer_widths(built.hardware, built.outer_bits, stream).word_bits;
    const std::string sram = logic(t, t.sram_a_pj);
    events.push_back({{"sram." + name + "_read", sram_read_pj(kib, word, t) * kPico, "J", sram},
                      &PartEnergies::sram,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>((c.*buffer).reads);
                      }});
    events.push_back({{"sram." + name + "_write", sram_write_pj(kib, word, t) * kPico, "J", sram},
                      &PartEnergies::sram,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>((c.*buffer).writes);
                      }});
    add_interface<stream>(events, name, used, t);
}

void add_dram(std::vector<CostEvent>& events, const DramConfig& dram) {
    const std::string source = "DRAM table " + dram.name;
    events.push_back({{"dram.activate", dram.activate_pj * kPico, "J", source},
                      &PartEnergies::dram,
                      [](const Counts& c, const HardwareConfig&, double) {
                          return static_cast<double>(c.dram.activates);
                      }});
    events.push_back(
        {{"dram.read", (dram.read_pj_per_bit + dram.phy_pj_per_bit) * kPico, "J/bit", source},
         &PartEnergies::dram,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.dram.read_bits);
         }});
    events.push_back(
        {{"dram.write", (dram.write_pj_per_bit + dram.phy_pj_per_bit) * kPico, "J/bit", source},
         &PartEnergies::dram,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.dram.written_bits);
         }});
    events.push_back(
        {{"dram.background_and_refresh",
          (dram.static_mw + dram.refresh_mw) * dram.channels * kMilli, "W", source},
         &PartEnergies::dram,
         [](const Counts&, const HardwareConfig&, double seconds) { return seconds; }});
}

/// Random data: a bit that crosses toggles half of the registers and of the wires.
void add_interconnect(std::vector<CostEvent>& events, const Design& built, const Technology& t) {
    const HardwareConfig& hardware = built.hardware;
    if (hardware.clusters == 1) return;
    const double registers_fj = hardware.interconnect.latency_cycles * register_energy_fj(1, t);
    const double wires_fj =
        interconnect_mm(hardware, built.outer_bits, t) * t.wire_fj_per_bit_mm.value;
    events.push_back(
        {{"interconnect.bit",
          (registers_fj * t.kappa.value * t.layout_energy.value + wires_fj) * kFemto, "J/bit",
          logic(t, t.wire_fj_per_bit_mm) + "; times 3/4 of the side of a square of all clusters; " +
              t.flip_flop_clock_fj.source + "; " + t.flip_flop_toggle_fj.source},
         &PartEnergies::interconnect,
         [](const Counts& c, const HardwareConfig&, double) {
             return static_cast<double>(c.interconnect.read_bits + c.interconnect.written_bits);
         }});
}

void add_leakage(std::vector<CostEvent>& events, const Design& built, const Technology& t) {
    const HardwareConfig& hardware = built.hardware;
    const auto time = [](const Counts&, const HardwareConfig&, double seconds) { return seconds; };
    const ElementDesign design = element_design(hardware, built.outer_bits);
    const double shared_um2 =
        design.weights_stay ? outer_accumulators_um2(hardware, built.outer_bits, t) : 0;
    const double other_um2 = memory_interface_um2(hardware, t) +
                             hardware.vector_lanes() * scaling_unit_um2(hardware, t) + shared_um2;
    const double logic_nw = element_count(hardware) * element_leak_nw(design, t) +
                            t.logic_leak_nw_per_um2.value * other_um2;
    const double between_nw = t.logic_leak_nw_per_um2.value * interconnect_um2(hardware, t);
    double sram_mw = 0;
    for (const Stream stream : kBufferStreams) {
        sram_mw += sram_leak_mw(buffer_kib(hardware, stream), t);
    }
    events.push_back({{"leakage.logic", (hardware.clusters * logic_nw + between_nw) * kNano, "W",
                       logic(t, t.mac_leak_nw_mn)},
                      &PartEnergies::leakage,
                      time});
    events.push_back({{"leakage.sram", hardware.clusters * sram_mw * kMilli, "W",
                       logic(t, t.sram_leak_mw_per_mib)},
                      &PartEnergies::leakage,
                      time});
}

}  // namespace

std::vector<CostEvent> cost_events(const Design& built, const Design& used,
                                   const Technology& technology) {
    std::vector<CostEvent> events;
    add_dram(events, built.hardware.dram);
    add_interconnect(events, built, technology);
    add_stream<Stream::weights, &Counts::weights_buffer>(events, "weights", built, used.hardware,
                                                         technology);
    add_stream<Stream::activations, &Counts::activations_buffer>(events, "activations", built,
                                                                 used.hardware, technology);
    add_stream<Stream::outputs, &Counts::outputs_buffer>(events, "outputs", built, used.hardware,
                                                         technology);
    add_interface<Stream::kv_cache>(events, "kv_cache", used.hardware, technology);
    add_compute(events, used, technology);
    add_activity(events, technology);
    add_held_weights(events, used, technology);
    add_vector_unit(events, built.hardware, technology);
    add_leakage(events, built, technology);
    return events;
}

}  // namespace axesim::models
