// SPDX-License-Identifier: Apache-2.0
#include "reports/summary.h"

#include <fmt/format.h>

#include "reports/figures.h"
#include "reports/format.h"

namespace axesim::reports {

namespace {

using Json = nlohmann::ordered_json;

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

std::string summary_line(const Result& result) {
    std::string line = result.name + ": ";
    if (result.accuracy) {
        line += fmt::format("perplexity {:.2f} -> {:.2f}, ", result.accuracy->perplexity_float,
                            result.accuracy->perplexity_quantized);
    }
    if (result.overflow) {
        line += fmt::format("{} overflow events{}, ",
                            grouped(result.overflow->inner_events + result.overflow->outer_events),
                            result.overflow->certified ? " (certified)" : "");
    }
    line += "prefill " + with_prefix(result.prefill.seconds, "s");
    if (result.decode) {
        const double tokens = total_tokens(*result.decode);
        line += fmt::format(", decode {} tokens/s, {} a token",
                            short_count(tokens_per_second(*result.decode).value_or(0)),
                            with_prefix(result.decode->energy.total() / tokens, "J"));
    } else {
        line += ", " + with_prefix(result.prefill.energy.total(), "J");
    }
    return line + fmt::format(", {:#.3g} mm2", result.area.total());
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
