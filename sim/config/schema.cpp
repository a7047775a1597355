// SPDX-License-Identifier: Apache-2.0
#include "sim/config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sim/config/schema_builders.h"

namespace axesim::sim {

namespace {

std::vector<Key> all_keys() {
    std::vector<Key> keys;
    for (auto* part : {general_keys, arithmetic_keys, attention_keys, lm_head_keys, quantizer_keys,
                       hardware_keys, energy_keys, workload_keys}) {
        for (Key& key : part()) keys.push_back(std::move(key));
    }
    return keys;
}

std::string number_text(double number) { return fmt::format("{}", number); }

std::string range_text(const Key& key) {
    if (!key.numbers.empty()) return fmt::format("{}", fmt::join(key.numbers, " | "));
    const std::string least = number_text(key.least);
    return key.most >= kNoLimit ? "at least " + least : least + ".." + number_text(key.most);
}

}  // namespace

std::string Key::allowed() const {
    switch (type) {
        case KeyType::boolean:
            return "true | false";
        case KeyType::text:
            return text_note;
        case KeyType::word:
            return fmt::format("{}", fmt::join(word_texts(), " | "));
        case KeyType::integer:
        case KeyType::real:
            break;
    }
    if (words.empty()) return range_text(*this);
    return fmt::format("{} or {}", fmt::join(word_texts(), " | "), range_text(*this));
}

std::string Key::type_name() const {
    switch (type) {
        case KeyType::boolean:
            return "true or false";
        case KeyType::integer:
            return "an integer";
        case KeyType::real:
            return "a number";
        case KeyType::text:
            return "text";
        case KeyType::word:
            break;
    }
    return "a word";
}

std::string Key::default_text() const {
    if (!default_note.empty()) return default_note;
    if (required()) return "required";
    if (type == KeyType::real) return number_text(default_value.get<double>());
    return default_value.is_string() ? default_value.get<std::string>()
                                     : scalar_text(default_value);
}

std::vector<std::string> Key::word_texts() const {
    std::vector<std::string> texts;
    for (const Word& word : words) texts.push_back(word.text);
    return texts;
}

const std::vector<Key>& schema() {
    static const std::vector<Key> keys = all_keys();
    return keys;
}

const std::vector<Section>& sections() {
    static const std::vector<Section> list{
        {"number_format", "The integers that are multiplied, and what is written back."},
        {"accumulator",
         "How products are summed: an inner accumulator of few bits per tile of products, and an "
         "outer one that sums the tiles."},
        {"attention",
         "The products of attention, queries with keys and probabilities with values, on the same "
         "array, and the cache of keys and values."},
        {"lm_head", "The matrix behind the last block, which makes logits."},
        {"quantizer", "How real weights and activations become integers."},
        {"quantizer.activations", "Activations to codes, at run time and in calibration alike."},
        {"quantizer.calibration", "The text on which quantization errors are weighed."},
        {"hardware", "The accelerator: array, buffers, memory interface, DRAM and what they cost."},
        {"hardware.array", "The array of multiply-accumulate units."},
        {"hardware.buffers", "SRAM between the memory interface and the array."},
        {"hardware.mapping", "How GEMMs are cut into tiles for the buffers."},
        {"hardware.vector_unit", "The unit for everything that is no matrix product."},
        {"hardware.memory_interface", "How integers of irregular width cross the bus."},
        {"hardware.interconnect",
         "What several clusters share on their way to the DRAM. Used with hardware.clusters of 2 "
         "or more only."},
        {"energy", "What the energy of multiply-accumulates depends on."},
        {"workload", "The model that is run, what is timed and what is scored."},
        {"workload.phases", "The run that is timed: a prompt, then tokens one by one."},
        {"workload.evaluation", "The text on which accuracy is measured."},
        {kOverridesSection,
         "Layers that differ: a list of entries, each with a pattern `layers` over the Hugging "
         "Face "
         "names of layers (* is any run of characters, ? any one) and the keys that have other "
         "values there, dotted or nested. Of several entries for one layer and key the last one "
         "counts. Layers that share an input (q, k, v; gate, up) need the same activation_bits. "
         "The hardware is built for the widest layer, which sets area, leakage and the buffers' "
         "words. A narrower layer has its own widths in DRAM and on the bus, pays its own widths "
         "in multipliers and accumulators, whose upper bits rest, and wraps, saturates and is "
         "certified at its own inner_bits; the array takes the same cycles. Products of bare "
         "matrices (gemm, quantize --weights) have no layer name and take no overrides."},
    };
    return list;
}

const Key* find_key(const std::string& path) {
    const auto at = std::ranges::find(schema(), path, &Key::path);
    return at == schema().end() ? nullptr : &*at;
}

const Section* find_section(const std::string& path) {
    const auto at = std::ranges::find(sections(), path, &Section::path);
    return at == sections().end() ? nullptr : &*at;
}

std::vector<std::string> per_layer_keys() {
    std::vector<std::string> paths;
    for (const Key& key : schema()) {
        if (key.per_layer) paths.push_back(key.path);
    }
    return paths;
}

const Key& layers_key() {
    static const Key key = [] {
        Key made;
        made.path = join_path(kOverridesSection, kLayersKey);
        made.type = KeyType::text;
        made.text_note = "a pattern such as \"model.layers.*.mlp.down_proj\"";
        return made;
    }();
    return key;
}

std::string join_path(const std::string& section, const std::string& name) {
    return section.empty() ? name : section + "." + name;
}

std::optional<LayerKey> layer_key(const std::string& path) {
    const std::string begin = kOverridesSection + "[", end = "].";
    const std::size_t close = path.rfind(end);
    if (!path.starts_with(begin) || close == std::string::npos) return std::nullopt;
    return LayerKey{path.substr(begin.size(), close - begin.size()),
                    path.substr(close + end.size())};
}

std::string leaf_of(const std::string& path) { return path.substr(path.rfind('.') + 1); }

std::string parent_of(const std::string& path) {
    const std::size_t dot = path.rfind('.');
    return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::vector<std::string> children(const std::string& section) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& path) {
        if (!path.empty() && parent_of(path) == section) names.push_back(leaf_of(path));
    };
    for (const Key& key : schema()) add(key.path);
    for (const Section& entry : sections()) add(entry.path);
    return names;
}

void assign(const Key& key, const Value& value, Config& config) {
    const auto word = std::ranges::find_if(
        key.words, [&](const Word& w) { return value.is_string() && value == Value(w.text); });
    key.assign(config, word == key.words.end() ? value : Value(word->number));
}

}  // namespace axesim::sim
