// SPDX-License-Identifier: Apache-2.0
#include "models/cost/sram.h"

#include <cmath>

namespace axesim::models {

double sram_read_pj(double kib, int word_bits, const Technology& t) {
    const double access_64 = t.sram_a_pj.value + t.sram_b_pj.value * std::sqrt(kib);
    return access_64 * (t.sram_phi.value + (1 - t.sram_phi.value) * word_bits / 64.0);
}

double sram_write_pj(double kib, int word_bits, const Technology& t) {
    return t.sram_write_ratio.value * sram_read_pj(kib, word_bits, t);
}

double sram_area_um2(std::int64_t kib, const Technology& t) {
    return static_cast<double>(kib) * 1024 * 8 * t.sram_area_um2_per_bit.value;
}

double sram_leak_mw(std::int64_t kib, const Technology& t) {
    return static_cast<double>(kib) / 1024 * t.sram_leak_mw_per_mib.value;
}

}  // namespace axesim::models
