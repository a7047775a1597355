// SPDX-License-Identifier: Apache-2.0
#include "reports/summary.h"

#include <fmt/format.h>

#include <cmath>

#include "reports/format.h"

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;
using namespace nlohmann::literals;

/// The number at a JSON pointer, if both files have one there.
std::optional<std::pair<double, double>> both(const Json& result, const Json& baseline,
                                              const char* pointer) {
    const Json::json_pointer at(pointer);
    for (const Json* json : {&result, &baseline}) {
        if (!json->contains(at) || !json->at(at).is_number()) return std::nullopt;
    }
    return std::pair{result.at(at).get<double>(), baseline.at(at).get<double>()};
}

void add_change(std::vector<std::string>& changes, const char* name,
                const std::optional<std::pair<double, double>>& values) {
    if (!values || values->second == 0) return;
    changes.push_back(
        fmt::format("{} {:+.0f} %", name, 100 * (values->first / values->second - 1)));
}

/// Joules of a part of a phase ("/energy" or "/energy/decode"), for each of its tokens.
double per_token_j(const Json& result, const std::string& phase, const std::string& part) {
    const Json& energy = result.at(Json::json_pointer(phase));
    return energy.at("by_part").at(part).get<double>() * energy.at("per_token_j").get<double>() /
           energy.at("total_j").get<double>();
}

/// What another layout in memory costs at the interface, where elements are packed and unpacked,
/// and what it saves in DRAM, as in "a token: interface +1.2 uJ, DRAM -0.3 mJ".
void add_layout_change(std::vector<std::string>& changes, const Json& result,
                       const Json& baseline) {
    const auto layout = "/config/hardware/memory_interface/layout"_json_pointer;
    if (!result.contains(layout) || !baseline.contains(layout)) return;
    if (result.at(layout) == baseline.at(layout)) return;
    for (const std::string phase : {"/energy/decode", "/energy"}) {
        if (!both(result, baseline, (phase + "/per_token_j").c_str())) continue;
        const auto change = [&](const std::string& part) {
            const double joules =
                per_token_j(result, phase, part) - per_token_j(baseline, phase, part);
            return (joules < 0 ? "-" : "+") + with_prefix(std::abs(joules), "J");
        };
        changes.push_back("a token: interface " + change("memory_interface") + ", DRAM " +
                          change("dram"));
        return;
    }
}

}  // namespace

std::string summary_line(const Json& result) {
    const auto number = [&](const char* pointer) {
        return result.at(Json::json_pointer(pointer)).get<double>();
    };
    std::string line = result.at("name").get<std::string>() + ": ";
    if (!result.at("accuracy").is_null()) {
        line += fmt::format("perplexity {:.2f} -> {:.2f}, ", number("/accuracy/perplexity_float"),
                            number("/accuracy/perplexity_quantized"));
    }
    if (const Json& overflow = result.at("overflow"); !overflow.is_null()) {
        const double events = number("/overflow/inner_events") + number("/overflow/outer_events");
        line += fmt::format("{} overflow events{}, ", grouped(static_cast<std::uint64_t>(events)),
                            overflow.at("certified").get<bool>() ? " (certified)" : "");
    }
    line += "prefill " + with_prefix(number("/timing/prefill/seconds"), "s");
    if (!result.at("/timing/decode"_json_pointer).is_null()) {
        line += fmt::format(", decode {} tokens/s, {} a token",
                            short_count(number("/timing/decode/tokens_per_second")),
                            with_prefix(number("/energy/decode/per_token_j"), "J"));
    } else {
        line += ", " + with_prefix(number("/energy/total_j"), "J");
    }
    return line + fmt::format(", {:#.3g} mm2", number("/area/total_mm2"));
}

std::vector<std::string> changes_against(const Json& result, const Json& baseline) {
    std::vector<std::string> changes;
    const auto decode_energy = both(result, baseline, "/energy/decode/per_token_j");
    add_change(changes, "energy",
               decode_energy ? decode_energy : both(result, baseline, "/energy/per_token_j"));
    add_change(changes, "area", both(result, baseline, "/area/total_mm2"));
    add_change(changes, "prefill", both(result, baseline, "/timing/prefill/tokens_per_second"));
    add_change(changes, "decode", both(result, baseline, "/timing/decode/tokens_per_second"));
    add_layout_change(changes, result, baseline);
    if (const auto perplexity = both(result, baseline, "/accuracy/perplexity_quantized")) {
        changes.push_back("perplexity " + with_sign(perplexity->first - perplexity->second, 2));
    }
    if (changes.empty()) changes.emplace_back("nothing in common");
    changes.front() = baseline.value("name", std::string("the other")) + ": " + changes.front();
    return changes;
}

}  // namespace axesim::reports
