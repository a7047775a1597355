// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/objectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/error.h"
#include "reports/format.h"

namespace axesim::sim {

namespace {

using Json = nlohmann::ordered_json;

/// Parts of the reference's accuracy that one may be ready to lose.
constexpr std::array kLosses = {0.01, 0.02, 0.05};

/// Nothing for null, as which numbers that are not finite are written.
std::optional<double> number_at(const Json& result, const std::string& pointer) {
    const Json& value = result.at(Json::json_pointer(pointer));
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text_of(const Objective& objective, double value) {
    if (objective.unit.empty()) return fmt::format("{:.2f}", value);
    if (objective.unit == "mm2") return fmt::format("{:#.4g} mm2", value);
    return reports::with_prefix(value, objective.unit);
}

}  // namespace

const std::vector<Objective>& all_objectives() {
    static const std::vector<Objective> objectives{
        {kPerplexity, "/accuracy/perplexity_quantized", "", "", "perplexity"},
        {"prefill_energy", "/energy/total_j", "", "J", "energy of the prefill"},
        {"decode_energy", "/energy/decode/per_token_j", "", "J", "energy a decoded token"},
        {"area", "/area/total_mm2", "", "mm2", "area"},
        {"prefill_latency", "/timing/prefill/seconds", "", "s", "time of the prefill"},
        {"decode_latency", "/timing/decode/seconds", "/timing/decode/tokens", "s",
         "time a decoded token"}};
    return objectives;
}

std::vector<Objective> objectives_named(const std::vector<std::string>& names) {
    std::vector<Objective> objectives;
    for (const std::string& name : names) {
        objectives.push_back(*std::ranges::find(all_objectives(), name, &Objective::name));
    }
    return objectives;
}

std::optional<Objectives> values_of(const std::vector<Objective>& objectives, const Json& result) {
    Objectives values;
    for (const Objective& objective : objectives) {
        if (result.at(Json::json_pointer(objective.pointer).parent_pointer()).is_null()) {
            throw UserError(
                fmt::format("objectives: {} is not measured in {}; see workload in its "
                            "config",
                            objective.name, result.at("name").get<std::string>()));
        }
        const auto value = number_at(result, objective.pointer);
        const auto per = objective.per.empty() ? 1.0 : number_at(result, objective.per);
        if (!value || !per) return std::nullopt;
        values.push_back(*value / *per);
    }
    return values;
}

std::string describe_front(const std::vector<Objective>& objectives,
                           std::vector<NamedDesign> front) {
    std::ranges::stable_sort(front, {}, &NamedDesign::values);
    constexpr int kWidth = 17;
    std::string text;
    for (const Objective& objective : objectives) {
        text += fmt::format("{:>{}}", objective.name, kWidth);
    }
    text += "   design\n";
    for (const NamedDesign& design : front) {
        for (std::size_t i = 0; i < objectives.size(); ++i) {
            text += fmt::format("{:>{}}", text_of(objectives[i], design.values[i]), kWidth);
        }
        text += "   " + design.name + "\n";
    }
    return text;
}

std::string describe_cheapest(const std::vector<Objective>& objectives,
                              const std::vector<NamedDesign>& designs,
                              const NamedDesign& reference) {
    const auto index_of = [&](const auto& wanted) {
        return static_cast<std::size_t>(std::ranges::find_if(objectives, wanted) -
                                        objectives.begin());
    };
    const std::size_t accuracy =
        index_of([](const Objective& objective) { return objective.name == kPerplexity; });
    const std::size_t cost =
        index_of([](const Objective& objective) { return objective.name != kPerplexity; });
    std::string text = fmt::format(
        "{} has perplexity {:.2f} at {} of {}.\n", reference.name, reference.values[accuracy],
        text_of(objectives[cost], reference.values[cost]), objectives[cost].meaning);
    for (const double loss : kLosses) {
        const double most = reference.values[accuracy] / (1 - loss);
        const NamedDesign* best = nullptr;
        for (const NamedDesign& design : designs) {
            if (design.values[accuracy] > most) continue;
            const auto rank = [&](const NamedDesign& each) {
                return std::pair(each.values[cost], each.values);
            };
            if (!best || rank(design) < rank(*best)) best = &design;
        }
        const std::string within = fmt::format(
            "within {:.0f} % of its accuracy (perplexity up to {:.2f})", 100 * loss, most);
        text += best ? fmt::format(
                           "The cheapest design {} is {}: perplexity {:.2f}, {} ({:+.0f} "
                           "%).\n",
                           within, best->name, best->values[accuracy],
                           text_of(objectives[cost], best->values[cost]),
                           100 * (best->values[cost] / reference.values[cost] - 1))
                     : fmt::format("No design {} was found.\n", within);
    }
    return text;
}

}  // namespace axesim::sim
