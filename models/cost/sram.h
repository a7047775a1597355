// SPDX-License-Identifier: Apache-2.0
// Energy, area and leakage of one SRAM bank. Energy and area are affine in the word width, also
// where it is no power of two: compiled macros of 8, 16, 48 and 64 bits (IHP SG13G2) are.
#pragma once

#include <cstdint>

#include "models/cost/technology.h"

namespace axesim::models {

/// Picojoules of one access of `word_bits` in a bank of `kib` KiB:
/// (a + b sqrt(KiB)) (phi + (1 - phi) W / 64), a write times sram_write_ratio.
double sram_read_pj(double kib, int word_bits, const Technology& technology);
double sram_write_pj(double kib, int word_bits, const Technology& technology);

double sram_area_um2(std::int64_t kib, const Technology& technology);
double sram_leak_mw(std::int64_t kib, const Technology& technology);

}  // namespace axesim::models
