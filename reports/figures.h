// SPDX-License-Identifier: Apache-2.0
// The ratios that reports show, each defined once for all writers.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "reports/result.h"

namespace axesim::reports {

/// numerator / denominator, or nothing when the denominator is 0.
std::optional<double> ratio(double numerator, double denominator);

/// Tokens that a phase processes over all sequences.
double total_tokens(const Phase& phase);
std::optional<double> tokens_per_second(const Phase& phase);
/// Share of all multipliers' cycles that form a useful product.
std::optional<double> utilization(std::uint64_t macs, std::uint64_t cycles,
                                  const models::HardwareConfig& hardware);
/// Payload over transferred bits of the memory interface.
std::optional<double> bus_efficiency(const Phase& phase);
std::optional<double> row_hit_rate(const Phase& phase);
/// Bits read from and written to DRAM, whole atoms.
std::uint64_t dram_bits(const models::DramCounts& dram);
/// Multiply-accumulates for each byte that the DRAM moved: the intensity of a roofline.
std::optional<double> macs_per_dram_byte(std::uint64_t macs, std::uint64_t dram_bits);
/// Cycles of the highest roof over those that were needed, 1: as fast as the bound allows.
std::optional<double> share_of_roof(const models::Roofline& roofline, std::uint64_t cycles);
/// "compute", "vector_unit", "buffer", "memory_interface", "dram".
const char* roof_name(models::Roof roof);
/// Perplexity of the float model over that of the quantized one.
std::optional<double> retained(const Accuracy& accuracy);

/// Bits between what the certificate proves possible and what was seen; nothing when nothing was.
std::optional<double> headroom_bits(const StageHeadroom& stage);
bool seen_anything(const StageHeadroom& stage);

/// Joules by part, in the order of the data path, named as in result.json.
using NamedParts = std::vector<std::pair<std::string, double>>;
NamedParts energy_parts(const models::PartEnergies& energy);
/// Square millimetres by part.
NamedParts area_parts(const models::PartAreas& area);

/// Whole percentages of the parts that sum to 100 (largest remainders); all 0 when the sum is 0.
std::vector<int> whole_percentages(const NamedParts& parts);

/// Where the cycles went: busy, dram, fill_drain, buffer, vector_unit.
NamedParts cycle_parts(const models::CycleCounts& cycles);

}  // namespace axesim::reports
