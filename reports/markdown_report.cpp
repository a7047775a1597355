// SPDX-License-Identifier: Apache-2.0
#include "reports/markdown_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "reports/format.h"
#include "reports/summary.h"

namespace axesim::reports {

using Json = nlohmann::ordered_json;

namespace {

struct Column {
    const char* name;
    const char* pointer;  ///< in result.json
    std::function<std::string(double)> show;
};

const std::vector<Column>& columns() {
    const auto prefixed = [](const char* unit) {
        return [unit](double value) { return with_prefix(value, unit); };
    };
    static const std::vector<Column> all{
        {"perplexity", "/accuracy/perplexity_quantized",
         [](double value) { return fmt::format("{:.2f}", value); }},
        {"accuracy kept", "/accuracy/retained",
         [](double share) { return fmt::format("{:.1f} %", 100 * share); }},
        {"prefill", "/timing/prefill/seconds", prefixed("s")},
        {"decode, tokens/s", "/timing/decode/tokens_per_second", short_count},
        {"prefill energy", "/energy/total_j", prefixed("J")},
        {"decode energy a token", "/energy/decode/per_token_j", prefixed("J")},
        {"area, mm2", "/area/total_mm2", [](double mm2) { return fmt::format("{:#.3g}", mm2); }},
    };
    return all;
}

std::string overflow(const Json& result) {
    const Json& overflow = result.at("overflow");
    if (overflow.is_null()) return "-";
    const auto events = overflow.at("inner_events").get<std::uint64_t>() +
                        overflow.at("outer_events").get<std::uint64_t>();
    return (overflow.at("certified").get<bool>() ? "none, certified" : grouped(events) + " events");
}

std::string cell(const Json& result, const Column& column) {
    const Json::json_pointer at(column.pointer);
    if (!result.contains(at) || !result.at(at).is_number()) return "-";
    return column.show(result.at(at).get<double>());
}

std::string line(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (std::string cell : cells) {
        for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) {
            cell.insert(at, "\\");
        }
        text += " " + cell + " |";
    }
    return text + "\n";
}

}  // namespace

std::string markdown_report(const SavedResults& results) {
    const std::vector<std::string> keys = varying_keys(results.designs);
    std::vector<std::string> names{"design"};
    names.insert(names.end(), keys.begin(), keys.end());
    for (const Column& column : columns()) names.emplace_back(column.name);
    names.emplace_back("overflow");
    std::string text = line(names) + line(std::vector<std::string>(names.size(), "---"));
    for (const SavedDesign& design : results.designs) {
        std::vector<std::string> cells{design.label};
        for (const std::string& key : keys) {
            cells.push_back(config_value(design.result.at("config"), key));
        }
        for (const Column& column : columns()) cells.push_back(cell(design.result, column));
        cells.push_back(overflow(design.result));
        text += line(cells);
    }
    if (results.designs.size() > 1) text += "\n";
    for (std::size_t i = 1; i < results.designs.size(); ++i) {
        const SavedDesign& design = results.designs[i];
        text += fmt::format(
            "- {} against {}\n", design.label,
            fmt::join(changes_against(design.result, results.designs.front().result), ", "));
    }
    if (!results.missing.empty()) {
        text += fmt::format("\nWithout a result: {}\n", fmt::join(results.missing, ", "));
    }
    return text;
}

}  // namespace axesim::reports
