// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/time_estimate.h"

#include <fmt/format.h>

namespace axesim::sim {

namespace {

StageTime hardware_time(const PlannedPart& part, const MachineRates& rates) {
    return {part.name, part.gemm_count() * rates.gemm + part.dram_bytes() * rates.dram_byte,
            part.macs() * rates.mac + part.vector_values * rates.vector_value};
}

}  // namespace

std::vector<StageTime> stage_times(const WorkPlan& plan, const MachineRates& rates,
                                   double load_seconds) {
    const PlannedQuantization& quantization = plan.quantization;
    std::vector<StageTime> times{{"load", load_seconds, 0}};
    times.push_back({"quantize", 0,
                     quantization.forward_macs * rates.float_mac +
                         quantization.weights_read * rates.weight +
                         quantization.moment_macs * rates.moment_mac +
                         quantization.factor_macs * rates.factor_mac +
                         quantization.rounding_macs * rates.rounding_mac});
    for (const PlannedPart& part : plan.parts) times.push_back(hardware_time(part, rates));
    times.push_back({"float reference", 0,
                     plan.float_macs * rates.float_mac + plan.float_weights_read * rates.weight +
                         plan.scored_logits * rates.logit});
    return times;
}

double total_seconds(const std::vector<StageTime>& stages, double factor) {
    double seconds = 0;
    for (const StageTime& stage : stages) seconds += stage.alone + stage.shared / factor;
    return seconds;
}

std::string duration_text(double seconds) {
    if (seconds < 10) return fmt::format("{:.{}f} s", seconds, seconds < 1 ? 2 : 1);
    if (seconds < 120) return fmt::format("{:.0f} s", seconds);
    if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace axesim::sim
