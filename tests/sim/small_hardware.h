// SPDX-License-Identifier: Apache-2.0
// Hardware small enough that tiny operands need several tiles.
#pragma once

#include "models/hardware_config.h"

namespace axesim::sim {

/// A DRAM of round numbers.
inline models::DramConfig plain_dram() {
    models::DramConfig dram;
    dram.atom_bits = 256;
    dram.t_burst_ps = 2500;
    dram.t_cl_ps = 20000;
    dram.t_cwl_ps = 11000;
    dram.t_rcd_read_ps = dram.t_rcd_write_ps = 18000;
    dram.t_rp_ps = 19000;
    dram.t_ras_ps = 42000;
    dram.t_ccd_s_ps = 2500;
    dram.t_ccd_l_ps = 5000;
    dram.t_refi_ps = 3'900'000;
    dram.t_rfc_ps = 210'000;
    return dram;
}

inline models::HardwareConfig small_hardware() {
    models::HardwareConfig config;
    config.weight_bits = 6;
    config.activations.bits = 5;
    config.accumulator = {.inner_bits = 12, .tile_size = 16, .overflow = OverflowMode::wrap};
    config.array = {4, 8};
    config.buffers = {2, 2, 2, true};
    config.memory_interface = {models::Layout::packed, 64, 64, 4, 2};
    config.dram = plain_dram();
    return config;
}

}  // namespace axesim::sim
