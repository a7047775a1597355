// SPDX-License-Identifier: Apache-2.0
#include "reports/sweep_table.h"

#include <array>

#include "reports/format.h"

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;

/// As in result.schema.json.
constexpr std::array kFigures = {
    TableFigure{"perplexity_float", "/accuracy/perplexity_float"},
    TableFigure{"perplexity_quantized", "/accuracy/perplexity_quantized"},
    TableFigure{"accuracy_retained", "/accuracy/retained"},
    TableFigure{"kl_divergence_nats", "/accuracy/kl_divergence"},
    TableFigure{"top1_agreement", "/accuracy/top1_agreement"},
    TableFigure{"certified", "/overflow/certified"},
    TableFigure{"inner_overflow_events", "/overflow/inner_events"},
    TableFigure{"outer_overflow_events", "/overflow/outer_events"},
    TableFigure{"inner_headroom_bits", "/overflow/headroom_bits/inner"},
    TableFigure{"outer_headroom_bits", "/overflow/headroom_bits/outer"},
    TableFigure{"prefill_cycles", "/timing/prefill/cycles"},
    TableFigure{"prefill_seconds", "/timing/prefill/seconds"},
    TableFigure{"prefill_tokens_per_second", "/timing/prefill/tokens_per_second"},
    TableFigure{"prefill_utilization", "/timing/prefill/utilization"},
    TableFigure{"decode_cycles_per_token", "/timing/decode/cycles_per_token"},
    TableFigure{"decode_tokens_per_second", "/timing/decode/tokens_per_second"},
    TableFigure{"decode_utilization", "/timing/decode/utilization"},
    TableFigure{"prefill_bus_efficiency", "/memory/bus_efficiency"},
    TableFigure{"prefill_row_hit_rate", "/memory/row_hit_rate"},
    TableFigure{"decode_bus_efficiency", "/memory/decode/bus_efficiency"},
    TableFigure{"decode_row_hit_rate", "/memory/decode/row_hit_rate"},
    TableFigure{"prefill_energy_joules", "/energy/total_j"},
    TableFigure{"prefill_energy_joules_per_token", "/energy/per_token_j"},
    TableFigure{"decode_energy_joules_per_token", "/energy/decode/per_token_j"},
    TableFigure{"area_mm2", "/area/total_mm2"},
    TableFigure{"model_sha256", "/provenance/model_sha256"},
    TableFigure{"arithmetic_sha256", "/provenance/arithmetic_sha256"},
};

std::string cell(const Json& result, const char* pointer) {
    const Json::json_pointer at(pointer);
    if (!result.is_object() || !result.contains(at) || result.at(at).is_null()) return "";
    const Json& value = result.at(at);
    return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
}

}  // namespace

std::span<const TableFigure> sweep_figures() { return kFigures; }

std::string sweep_header(const std::vector<std::string>& keys) {
    std::string line = "point";
    for (const std::string& key : keys) line += "," + csv_field(key);
    for (const TableFigure& figure : kFigures) line += std::string(",") + figure.name;
    return line + ",error\n";
}

std::string sweep_line(const std::string& point, const std::vector<std::string>& values,
                       const Json& result, const std::string& error) {
    std::string line = csv_field(point);
    for (const std::string& value : values) line += "," + csv_field(value);
    for (const TableFigure& figure : kFigures) line += "," + cell(result, figure.pointer);
    return line + "," + csv_field(error) + "\n";
}

}  // namespace axesim::reports
