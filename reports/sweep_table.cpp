// SPDX-License-Identifier: Apache-2.0
#include "reports/sweep_table.h"

#include <array>

#include "reports/format.h"

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;

struct Column {
    const char* name;
    const char* pointer;  ///< in result.json
};

/// As in result.schema.json.
constexpr std::array kFigures = {
    Column{"perplexity_float", "/accuracy/perplexity_float"},
    Column{"perplexity_quantized", "/accuracy/perplexity_quantized"},
    Column{"accuracy_retained", "/accuracy/retained"},
    Column{"kl_divergence_nats", "/accuracy/kl_divergence"},
    Column{"top1_agreement", "/accuracy/top1_agreement"},
    Column{"certified", "/overflow/certified"},
    Column{"inner_overflow_events", "/overflow/inner_events"},
    Column{"outer_overflow_events", "/overflow/outer_events"},
    Column{"inner_headroom_bits", "/overflow/headroom_bits/inner"},
    Column{"outer_headroom_bits", "/overflow/headroom_bits/outer"},
    Column{"prefill_cycles", "/timing/prefill/cycles"},
    Column{"prefill_seconds", "/timing/prefill/seconds"},
    Column{"prefill_tokens_per_second", "/timing/prefill/tokens_per_second"},
    Column{"prefill_utilization", "/timing/prefill/utilization"},
    Column{"decode_cycles_per_token", "/timing/decode/cycles_per_token"},
    Column{"decode_tokens_per_second", "/timing/decode/tokens_per_second"},
    Column{"decode_utilization", "/timing/decode/utilization"},
    Column{"prefill_bus_efficiency", "/memory/bus_efficiency"},
    Column{"prefill_row_hit_rate", "/memory/row_hit_rate"},
    Column{"decode_bus_efficiency", "/memory/decode/bus_efficiency"},
    Column{"decode_row_hit_rate", "/memory/decode/row_hit_rate"},
    Column{"prefill_energy_joules", "/energy/total_j"},
    Column{"prefill_energy_joules_per_token", "/energy/per_token_j"},
    Column{"decode_energy_joules_per_token", "/energy/decode/per_token_j"},
    Column{"area_mm2", "/area/total_mm2"},
    Column{"model_sha256", "/provenance/model_sha256"},
    Column{"arithmetic_sha256", "/provenance/arithmetic_sha256"},
};

std::string cell(const Json& result, const char* pointer) {
    const Json::json_pointer at(pointer);
    if (!result.is_object() || !result.contains(at) || result.at(at).is_null()) return "";
    const Json& value = result.at(at);
    return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
}

}  // namespace

std::string sweep_header(const std::vector<std::string>& keys) {
    std::string line = "point";
    for (const std::string& key : keys) line += "," + csv_field(key);
    for (const Column& figure : kFigures) line += std::string(",") + figure.name;
    return line + ",error\n";
}

std::string sweep_line(const std::string& point, const std::vector<std::string>& values,
                       const Json& result, const std::string& error) {
    std::string line = csv_field(point);
    for (const std::string& value : values) line += "," + csv_field(value);
    for (const Column& figure : kFigures) line += "," + cell(result, figure.pointer);
    return line + "," + csv_field(error) + "\n";
}

}  // namespace axesim::reports
