// SPDX-License-Identifier: Apache-2.0
#include "reports/json_report.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/files.h"
#include "reports/figures.h"

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

/// Bounds around a total, the keys named with its unit.
Json range_json(const std::optional<models::CostRange>& range, const std::string& unit) {
    if (!range) return nullptr;
    return {{"min_" + unit, range->min}, {"max_" + unit, range->max}};
}

Json parts_json(const NamedParts& parts) {
    Json json = Json::object();
    for (const auto& [name, value] : parts) json[name] = value;
    return json;
}

Json provenance_json(const Result& result) {
    const Provenance& p = result.provenance;
    return {{"version", p.version},
            {"model", result.model_name},
            {"model_sha256", p.model_sha256},
            {"text_sha256", p.text_sha256},
            {"calibration_text_sha256", p.calibration_text_sha256},
            {"arithmetic_sha256", p.arithmetic_sha256},
            {"quantizer", result.quantizer},
            {"seed", p.seed}};
}

Json accuracy_json(const std::optional<Accuracy>& accuracy) {
    if (!accuracy) return nullptr;
    return {{"perplexity_float", accuracy->perplexity_float},
            {"perplexity_quantized", accuracy->perplexity_quantized},
            {"retained", or_null(retained(*accuracy))},
            {"kl_divergence", accuracy->kl_divergence},
            {"top1_agreement", accuracy->top1_agreement},
            {"tokens", accuracy->tokens},
            {"values_from", "simulated_hardware"}};
}

Json extremes_json(const IntegerRange& range) {
    return {{"min", range.min}, {"max", range.max}, {"bits", used_bits(range)}};
}

Json stage_json(const StageHeadroom& stage) {
    return {{"bits", stage.bits},
            {"proven", extremes_json(stage.proven)},
            {"seen", seen_anything(stage) ? extremes_json(stage.seen) : Json()}};
}

Json overflow_json(const std::optional<Overflow>& simulated) {
    if (!simulated) return nullptr;
    const Overflow& overflow = *simulated;
    Json first;
    if (overflow.first_place) {
        const bool inner = overflow.first_place->stage == models::AccumulatorStage::inner;
        first = {{"layer", overflow.first_layer},
                 {"token", overflow.first_place->token},
                 {"channel", overflow.first_place->channel},
                 {"k", overflow.first_place->k},
                 {"stage", inner ? "inner" : "outer"}};
    }
    return {{"inner_events", overflow.inner_events},
            {"outer_events", overflow.outer_events},
            {"certified", overflow.certified},
            {"headroom_bits",
             {{"inner", or_null(headroom_bits(overflow.inner))},
              {"outer", or_null(headroom_bits(overflow.outer))}}},
            {"inner", stage_json(overflow.inner)},
            {"outer", stage_json(overflow.outer)},
            {"first", first}};
}

Json stalls_json(const models::CycleCounts& cycles) {
    return {{"dram", cycles.stall_dram},
            {"buffer", cycles.stall_buffer},
            {"vector_unit", cycles.stall_vector},
            {"fill_drain", cycles.fill_drain},
            {"clusters", cycles.stall_clusters}};
}

/// `bits`: moved by the DRAM.
Json roofline_json(const models::Roofline& roofs, std::uint64_t macs, std::uint64_t bits,
                   std::uint64_t cycles) {
    return {{"compute_cycles", roofs.compute},
            {"vector_unit_cycles", roofs.vector_unit},
            {"buffer_cycles", roofs.buffer},
            {"memory_interface_cycles", roofs.memory_interface},
            {"interconnect_cycles", roofs.interconnect},
            {"dram_cycles", roofs.dram},
            {"macs_per_dram_byte", or_null(macs_per_dram_byte(macs, bits))},
            {"bound_by", roof_name(roofs.bound_by())},
            {"share_of_roof", or_null(share_of_roof(roofs, cycles))}};
}

Json peak_json(const models::HardwareConfig& hardware) {
    const models::PeakRates peak = models::peak_rates(hardware);
    return {{"clock_hz", hardware.clock_mhz * 1e6},
            {"macs_per_cycle", peak.macs},
            {"vector_steps_per_cycle", peak.vector_steps},
            {"buffer_words_per_cycle", peak.buffer_words},
            {"memory_interface_bits_per_cycle", peak.interface_bits},
            {"interconnect_bits_per_cycle",
             hardware.clusters > 1 ? Json(peak.interconnect_bits) : Json()},
            {"dram_bits_per_cycle", peak.dram_bits}};
}

Json timing_json(const Phase& phase, const models::HardwareConfig& hardware) {
    return {{"tokens", phase.tokens},
            {"batch", phase.batch},
            {"cycles", phase.counts.cycles.cycles},
            {"seconds", phase.seconds},
            {"tokens_per_second", or_null(tokens_per_second(phase))},
            {"macs", phase.counts.compute.macs},
            {"utilization",
             or_null(utilization(phase.counts.compute.macs, phase.counts.cycles.cycles, hardware))},
            {"busy_cycles", phase.counts.cycles.busy},
            {"stall_cycles", stalls_json(phase.counts.cycles)},
            {"roofline",
             roofline_json(models::roofline(phase.counts, hardware), phase.counts.compute.macs,
                           dram_bits(phase.counts.dram), phase.counts.cycles.cycles)}};
}

Json decode_timing_json(const std::optional<Phase>& decode,
                        const models::HardwareConfig& hardware) {
    if (!decode) return nullptr;
    Json json = {
        {"cycles_per_token",
         or_null(ratio(static_cast<double>(decode->counts.cycles.cycles), total_tokens(*decode)))}};
    json.update(timing_json(*decode, hardware));
    return json;
}

Json traffic_json(const models::TrafficCounts& traffic) {
    return {{"payload_bits", traffic.payload_bits},
            {"metadata_bits", traffic.metadata_bits},
            {"padding_bits", traffic.padding_bits},
            {"burst_tail_bits", traffic.burst_tail_bits},
            {"transferred_bits", traffic.transferred_bits},
            {"bursts", traffic.bursts}};
}

Json memory_json(const Phase& phase) {
    const models::Counts& counts = phase.counts;
    Json json = traffic_json(counts.total_traffic());
    json["bus_efficiency"] = or_null(bus_efficiency(phase));
    json["row_hits"] = counts.dram.row_hits;
    json["row_misses"] = counts.dram.row_misses;
    json["row_hit_rate"] = or_null(row_hit_rate(phase));
    json["activates"] = counts.dram.activates;
    json["refreshes"] = counts.dram.refreshes;
    json["dram_read_bits"] = counts.dram.read_bits;
    json["dram_written_bits"] = counts.dram.written_bits;
    json["interconnect_read_bits"] = counts.interconnect.read_bits;
    json["interconnect_written_bits"] = counts.interconnect.written_bits;
    const auto bytes = [&](models::Stream stream) {
        return counts.dram_bits[static_cast<std::size_t>(stream)] / 8;
    };
    const std::uint64_t kv_cache = bytes(models::Stream::kv_cache);
    json["dram_bytes"] = {{"weights", bytes(models::Stream::weights)},
                          {"activations", bytes(models::Stream::activations)},
                          {"kv_cache", kv_cache > 0 ? Json(kv_cache) : Json()},
                          {"outputs", bytes(models::Stream::outputs)}};
    json["by_stream"] = {{"weights", traffic_json(counts.traffic[0])},
                         {"activations", traffic_json(counts.traffic[1])},
                         {"outputs", traffic_json(counts.traffic[2])},
                         {"kv_cache", traffic_json(counts.traffic[3])}};
    return json;
}

Json energy_json(const Phase& phase) {
    const double total = phase.energy.total();
    return {{"total_j", total},
            {"per_token_j", or_null(ratio(total, total_tokens(phase)))},
            {"by_part", parts_json(energy_parts(phase.energy))},
            {"activity_factor", or_null(phase.activity_factor)},
            {"range", range_json(phase.energy_range, "j")}};
}

/// The figures of the prefill with those of the decode phase in a sub-object.
Json with_decode(Json prefill, const std::optional<Phase>& decode, Json (*figures)(const Phase&)) {
    prefill["decode"] = decode ? figures(*decode) : Json();
    return prefill;
}

Json area_json(const Result& result) {
    return {{"total_mm2", result.area.total()},
            {"by_part", parts_json(area_parts(result.area))},
            {"range", range_json(result.area_range, "mm2")}};
}

Json costs_json(const Result& result) {
    Json units = Json::array();
    for (const models::UnitCost& cost : result.unit_costs) {
        units.push_back({{"name", cost.name},
                         {"value", cost.value},
                         {"unit", cost.unit},
                         {"source", cost.source}});
    }
    return {{"technology", result.technology},
            {"profile", result.profile},
            {"profile_source", result.profile_source},
            {"unit_costs", units}};
}

Json sums_json(const IntegerRange& inner, const IntegerRange& outer) {
    return {{"inner_min", inner.min},
            {"inner_max", inner.max},
            {"outer_min", outer.min},
            {"outer_max", outer.max}};
}

Json layer_headroom_json(const LayerResult& l) {
    return {{"inner", or_null(headroom_bits({l.inner_bits, l.proven_inner, l.seen_inner}))},
            {"outer", or_null(headroom_bits({l.outer_bits, l.proven_outer, l.seen_outer}))}};
}

Json layer_json(const LayerResult& layer, const models::HardwareConfig& hardware) {
    Json json = {
        {"name", layer.name},
        {"kind", layer.kind},
        {"count", layer.count},
        {"m", layer.m},
        {"n", layer.n},
        {"k", layer.k},
        {"macs", layer.macs},
        {"cycles", layer.cycles.cycles},
        {"busy_cycles", layer.cycles.busy},
        {"stall_cycles", stalls_json(layer.cycles)},
        {"utilization", or_null(utilization(layer.macs, layer.cycles.cycles, hardware))},
        {"busy_utilization", or_null(utilization(layer.macs, layer.cycles.busy, hardware))},
        {"roofline",
         roofline_json(layer.roofline, layer.macs, layer.dram_bits, layer.cycles.cycles)},
        {"energy_j", layer.energy_j},
        {"activity_factor", or_null(layer.activity_factor)},
        {"rmse", or_null(layer.rmse)},
        {"sqnr_db", or_null(layer.sqnr_db)},
        {"overflow_events", layer.has_values ? Json(layer.overflow_events) : Json()}};
    Json product = {{"certified", layer.certified},
                    {"weight_bits", layer.weight_bits},
                    {"activation_bits", layer.activation_bits},
                    {"inner_bits", layer.inner_bits},
                    {"outer_bits", layer.outer_bits},
                    {"bound", sums_json(layer.proven_inner, layer.proven_outer)},
                    {"inner_bits_needed",
                     {{"data_type", layer.inner_bits_needed.data_type},
                      {"l1", layer.inner_bits_needed.l1},
                      {"exact", layer.inner_bits_needed.exact}}},
                    {"observed", sums_json(layer.seen_inner, layer.seen_outer)},
                    {"headroom_bits", layer_headroom_json(layer)},
                    {"mapping", layer.mapping}};
    for (auto& [name, value] : product.items()) {
        json[name] = layer.is_product() ? value : Json();
    }
    if (!layer.has_values) {
        for (const char* name :
             {"certified", "bound", "inner_bits_needed", "observed", "headroom_bits"}) {
            json[name] = nullptr;
        }
    }
    json["fallback"] = text_or_null(layer.fallback);
    return json;
}

Json seconds_json(const std::vector<std::pair<std::string, double>>& parts) {
    Json json = Json::object();
    for (const auto& [name, seconds] : parts) json[name] = seconds;
    return json;
}

Json host_json(const Host& host) {
    return {{"wall_seconds", host.wall_seconds},
            {"peak_rss_mib", host.peak_rss_mib},
            {"simulated_macs_per_second", host.simulated_macs_per_second},
            {"simulate_processor_seconds", host.simulate_processor_seconds},
            {"stage_seconds", seconds_json(host.stage_seconds)},
            {"quantize_seconds", seconds_json(host.quantize_seconds)},
            {"reused", host.reused}};
}

}  // namespace

Json gemm_json(const Result& result) {
    return {{"overflow", overflow_json(result.overflow)},
            {"timing",
             {{"prefill", timing_json(result.prefill, result.hardware)},
              {"decode", decode_timing_json(result.decode, result.hardware)}}},
            {"memory", with_decode(memory_json(result.prefill), result.decode, memory_json)},
            {"energy", with_decode(energy_json(result.prefill), result.decode, energy_json)},
            {"area", area_json(result)}};
}

Json to_json(const Result& result) {
    Json json = {{"schema", kResultSchema},
                 {"name", result.name},
                 {"config", result.config},
                 {"provenance", provenance_json(result)},
                 {"accuracy", accuracy_json(result.accuracy)},
                 {"accuracy_not_measured", text_or_null(result.accuracy_not_measured)}};
    json.update(gemm_json(result));
    json["peak"] = peak_json(result.hardware);
    json["costs"] = costs_json(result);
    json["layers"] = Json::array();
    for (const LayerResult& layer : result.layers) {
        json["layers"].push_back(layer_json(layer, result.hardware));
    }
    json["not_counted"] = result.not_counted;
    json["host"] = host_json(result.host);
    return json;
}

Json read_json(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / "result.json";
    Json result = Json::parse(read_text_file(path), nullptr, false);
    // Compared as JSON: a schema need not be text.
    if (!result.is_object() || result.value("schema", Json()) != kResultSchema) {
        throw UserError(
            fmt::format("{}: is no result of axesim (wanted: a result.json of schema "
                        "{}, as axesim --out DIR writes it)",
                        path.string(), kResultSchema));
    }
    return result;
}

void write_json(const std::filesystem::path& path, const Result& result) {
    // A model's path may hold bytes that are no UTF-8; they must not cost the whole report.
    const std::string text =
        to_json(result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
    write_file_atomically(path, [&](std::ostream& out) { out << text << "\n"; });
}

}  // namespace axesim::reports
