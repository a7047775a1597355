// SPDX-License-Identifier: Apache-2.0
// `axesim explain`: the schema as text for people.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/error.h"
#include "sim/config/explain_costs.h"
#include "sim/config/schema.h"
#include "sim/config/wrap_text.h"

namespace axesim::sim {

namespace {

/// Where the keys of a section are written in a file: "accumulator: {inner_bits: 16}".
std::string example_of(const Key& key) {
    const std::string value = key.example.empty() ? scalar_text(key.default_value) : key.example;
    std::string text = leaf_of(key.path) + ": " + value;
    for (std::string section = parent_of(key.path); !section.empty();
         section = parent_of(section)) {
        text = leaf_of(section) + ": {" + text + "}";
    }
    return text;
}

std::string allowed_words(const Key& key) {
    std::string text;
    for (const Word& word : key.words) {
        text += fmt::format("              {}: {}\n", word.text, word.meaning);
    }
    return text;
}

std::string explain_key(const Key& key) {
    std::string text = key.path + "\n" + wrapped(key.meaning, "    ", kLineLength);
    if (!key.unit.empty()) text += "    unit      " + key.unit + "\n";
    text += "    default   " +
            (key.required() ? std::string("none; it must be given") : key.default_text()) + "\n";
    text += "    allowed   " + key.allowed() + "\n" + allowed_words(key);
    if (key.per_layer) text += "    layers    may differ, see overrides\n";
    if (!key.also_called.empty()) {
        text += fmt::format("    also      {}\n", fmt::join(key.also_called, ", "));
    }
    return text + "    example   " + example_of(key) + "\n";
}

std::string first_sentence(const std::string& text) {
    const std::size_t end = std::min(text.find(". "), text.find("; "));
    return end == std::string::npos ? text : text.substr(0, end) + ".";
}

/// One line, or a few, for each key directly in a section.
std::string list_keys(const std::string& section) {
    std::string text;
    if (section == kOverridesSection) {
        return wrapped(fmt::format("Keys that may differ: {}.", fmt::join(per_layer_keys(), ", ")),
                       "  ", kLineLength);
    }
    for (const Key& key : schema()) {
        if (parent_of(key.path) != section) continue;
        const std::string columns =
            fmt::format("  {:<26} {:<18} ", leaf_of(key.path), key.default_text());
        const std::string indent(columns.size(), ' ');
        text += columns +
                wrapped(first_sentence(key.meaning), indent, kLineLength).substr(indent.size());
    }
    return text;
}

std::string explain_section(const std::string& section) {
    std::string text;
    if (const Section* entry = find_section(section)) {
        text = section + "\n" + wrapped(entry->meaning, "    ", kLineLength) + "\n";
    }
    text += list_keys(section);
    for (const Section& entry : sections()) {
        if (!section.empty() && !entry.path.starts_with(section + ".")) continue;
        text += "\n" + wrapped(entry.path + ": " + entry.meaning, "", kLineLength) +
                list_keys(entry.path);
    }
    return text + "\n  columns: key, default, meaning; `axesim explain KEY` tells more about one\n";
}

/// A path, or a last name or symbol that only one key has; nullptr otherwise.
const Key* key_meant_by(const std::string& name) {
    if (const Key* key = find_key(name)) return key;
    const Key* found = nullptr;
    for (const Key& key : schema()) {
        const bool matches = leaf_of(key.path) == name ||
                             std::ranges::find(key.also_called, name) != key.also_called.end();
        if (matches && found) return nullptr;
        if (matches) found = &key;
    }
    return found;
}

std::string escaped_for_table(std::string text) {
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
        text.replace(at, 1, "\\|");
    }
    return text;
}

std::string markdown_table() {
    std::string text = "| key | meaning | unit | default | allowed |\n|---|---|---|---|---|\n";
    for (const Key& key : schema()) {
        text += fmt::format(
            "| `{}` | {} | {} | {} | {} |\n", key.path, escaped_for_table(key.meaning), key.unit,
            escaped_for_table(key.default_text()), escaped_for_table(key.allowed()));
    }
    return text + fmt::format(
                      "| `{}` | {} |  | none | entries {{layers: PATTERN, KEY: value, ...}} of {} "
                      "|\n",
                      kOverridesSection, find_section(kOverridesSection)->meaning,
                      fmt::join(per_layer_keys(), ", "));
}

[[noreturn]] void fail_unknown(const std::string& name) {
    std::vector<std::string> same_leaf;
    for (const Key& key : schema()) {
        if (leaf_of(key.path) == name) same_leaf.push_back(key.path);
    }
    if (same_leaf.size() > 1) {
        throw UserError(fmt::format("explain: {} is the name of several keys (allowed: {})", name,
                                    fmt::join(same_leaf, " | ")));
    }
    const std::string cost = did_you_mean(name, cost_names());
    throw UserError(fmt::format("explain: {} is neither a key, a section nor a cost{}", name,
                                cost.empty() ? did_you_mean_key(name) : cost));
}

}  // namespace

std::string explain(const std::string& key) {
    if (key == "--all-markdown") return markdown_table();
    if (key.empty() || find_section(key)) return explain_section(key);
    if (const Key* found = key_meant_by(key)) return explain_key(*found);
    const std::string cost = explain_cost(key);
    if (!cost.empty()) return cost;
    fail_unknown(key);
}

}  // namespace axesim::sim
