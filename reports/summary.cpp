// SPDX-License-Identifier: Apache-2.0
#include "reports/summary.h"

#include <fmt/format.h>

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
    if (const auto perplexity = both(result, baseline, "/accuracy/perplexity_quantized")) {
        changes.push_back("perplexity " + with_sign(perplexity->first - perplexity->second, 2));
    }
    if (changes.empty()) changes.emplace_back("nothing in common");
    changes.front() = baseline.value("name", std::string("the other")) + ": " + changes.front();
    return changes;
}

}  // namespace axesim::reports
