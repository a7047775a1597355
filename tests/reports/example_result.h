// SPDX-License-Identifier: Apache-2.0
// A result made by hand, small enough to check every figure of a report on paper.
#pragma once

#include "reports/result.h"

namespace axesim::reports {

inline models::HardwareConfig example_hardware() {
    models::HardwareConfig hardware;
    hardware.weight_bits = 6;
    hardware.activations.bits = 6;
    hardware.accumulator = {.inner_bits = 16,
                            .tile_size = 64,
                            .outer_bits = 0,
                            .overflow = OverflowMode::saturate,
                            .lanes = 1};
    hardware.dram.name = "LPDDR5-6400";
    return hardware;
}

inline Phase example_prefill() {
    Phase phase;
    phase.name = "prefill";
    phase.tokens = 512;
    phase.batch = 1;
    phase.seconds = 61.2e-3;
    models::Counts& c = phase.counts;
    c.cycles = {.cycles = 61'200'000,
                .busy = 48'960'000,
                .fill_drain = 3'672'000,
                .stall_dram = 6'732'000,
                .stall_buffer = 1'224'000,
                .stall_vector = 612'000};
    c.compute.macs = 50'000'000'000;
    c.traffic[0] = {.payload_bits = 900,
                    .metadata_bits = 40,
                    .padding_bits = 0,
                    .burst_tail_bits = 60,
                    .transferred_bits = 1000,
                    .bursts = 2};
    c.traffic[1] = {.payload_bits = 80,
                    .metadata_bits = 10,
                    .padding_bits = 0,
                    .burst_tail_bits = 10,
                    .transferred_bits = 100,
                    .bursts = 1};
    c.dram_bits = {2048, 512, 256};
    c.dram = {.row_hits = 97,
              .row_misses = 3,
              .activates = 3,
              .refreshes = 1,
              .read_bits = 2560,
              .written_bits = 256};
    phase.energy = {.dram = 6.96e-3,
                    .memory_interface = 0.196e-3,
                    .sram = 1.176e-3,
                    .multiplier = 0.784e-3,
                    .inner_accumulator = 0.392e-3,
                    .outer_accumulator = 0.098e-3,
                    .vector_unit = 0.19e-3,
                    .leakage = 0.004e-3};
    phase.energy_range = models::CostRange{7.1e-3, 9.8e-3, 12.9e-3};
    return phase;
}

inline Phase example_decode() {
    Phase phase = example_prefill();
    phase.name = "decode";
    phase.tokens = 8;
    phase.seconds = 64.8e-3;
    phase.counts.cycles = {.cycles = 64'800'000,
                           .busy = 3'240'000,
                           .fill_drain = 648'000,
                           .stall_dram = 60'912'000,
                           .stall_buffer = 0};
    phase.counts.compute.macs = 800'000'000;
    phase.energy = {.dram = 4.0e-3, .sram = 0.8e-3, .leakage = 0.08e-3};
    phase.energy_range = models::CostRange{3.6e-3, 4.88e-3, 6.4e-3};
    return phase;
}

inline LayerResult example_layer(const std::string& name, double energy_j) {
    LayerResult layer;
    layer.name = name;
    layer.kind = "q_proj";
    layer.m = 512;
    layer.n = 576;
    layer.k = 576;
    layer.cycles = {.cycles = 12345,
                    .busy = 10000,
                    .fill_drain = 1000,
                    .stall_dram = 900,
                    .stall_buffer = 345,
                    .stall_vector = 100};
    layer.macs = 8'192'000;
    layer.roofline = {
        .compute = 8000, .vector_unit = 18, .buffer = 400, .memory_interface = 2000, .dram = 9876};
    layer.dram_bits = 32'000;
    layer.energy_j = energy_j;
    layer.rmse = 0.125;
    layer.certified = true;
    layer.weight_bits = 6;
    layer.activation_bits = 6;
    layer.inner_bits = 16;
    layer.outer_bits = 20;
    layer.proven_inner = {-30000, 32767};
    layer.proven_outer = {-300000, 300001};
    layer.seen_inner = {-5000, 5001};
    layer.seen_outer = {-20000, 20001};
    layer.mapping = "32 x 32, \"n\" then m";
    return layer;
}

inline Result example_result() {
    Result r;
    r.name = "int6_acc16";
    r.model_name = "SmolLM2-135M";
    r.config = {{"name", "int6_acc16"}, {"number_format", {{"weight_bits", 6}}}};
    r.hardware = example_hardware();
    r.quantizer = "OPTQ + AXE";
    r.technology = "asap7";
    r.profile = "7nm_calibrated";
    r.profile_source = "kappa 0.51: scaled to published 7 nm operation energies";
    r.provenance = {"0.1.0", "aa", "bb", "cc", "dd", 7};
    r.accuracy = Accuracy{27.85, 30.10, 0.07, 0.931, 2044};
    r.outer_bits = 20;
    r.overflow.emplace();
    r.overflow->certified = true;
    r.overflow->inner = {16, {-32768, 32700}, {-4000, 5000}};
    r.overflow->outer = {20, {-300000, 300001}, {-20000, 16383}};
    r.prefill = example_prefill();
    r.decode = example_decode();
    r.area = {.memory_interface = 0.01,
              .sram = 1.48,
              .multiplier = 0.4,
              .inner_accumulator = 0.25,
              .outer_accumulator = 0.1,
              .vector_unit = 0.07};
    r.area_range = models::CostRange{1.9, 2.31, 3.0};
    r.unit_costs = {{"dram.read", 7e-12, "J/bit", "DRAM table LPDDR5-6400"}};
    for (int i = 0; i < 7; ++i) {
        r.layers.push_back(example_layer("model.layers." + std::to_string(i) + ".q_proj",
                                         (i == 3 ? 4 : 1) * 1e-3));
    }
    r.not_counted = {"attention products", "softmax", "norms", "KV cache"};
    r.host = {
        12.5,          350.0, 4e9, 1.5, {{"quantize", 5.0}, {"simulate", 7.0}}, {{"rounding", 4.0}},
        {"evaluation"}};
    return r;
}

}  // namespace axesim::reports
