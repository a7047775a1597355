// SPDX-License-Identifier: Apache-2.0
// Every key of a config, once: path, meaning, unit, default, allowed values and the field of Config
// that it sets. Reading, checking, explaining and the resolved config are all driven by this list.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/config/config.h"

namespace axesim::sim {

/// A scalar of a config: bool, std::int64_t, double or std::string; null: not given.
using Value = nlohmann::ordered_json;

enum class KeyType { boolean, integer, real, text, word };

/// A word that a key may take, with the number (or enumerator) that it stands for.
struct Word {
    std::string text;
    std::int64_t number = 0;
    std::string meaning;
};

/// One key. Numbers lie in [least, most]; a key of type integer may have words beside numbers.
struct Key {
    std::string path;  ///< dotted, as in "accumulator.inner_bits"
    KeyType type = KeyType::text;
    std::string meaning;       ///< one or two sentences
    std::string unit;          ///< "" when it has none
    Value default_value;       ///< null: required, unless default_note says otherwise
    std::string default_note;  ///< a default that is not a constant ("the file's name")
    double least = 0;
    double most = 0;                    ///< kNoLimit: "at least ..."
    std::vector<std::int64_t> numbers;  ///< integers: only these, when not empty
    std::vector<Word> words;
    std::string text_note;                 ///< text: what it may be
    std::string example;                   ///< a value to show where there is no default
    std::vector<std::string> also_called;  ///< symbols and names by which other tools know it
    bool per_layer = false;                ///< may stand in an entry of `overrides`
    std::function<void(Config&, const Value&)> assign;  ///< words already turned into numbers

    bool required() const { return default_value.is_null() && default_note.empty(); }
    /// "2..16", "auto or 2..63", "wrap | saturate | trap", ...
    std::string allowed() const;
    /// "an integer", "text", ...
    std::string type_name() const;
    /// The default as a user would write it; "required" when there is none.
    std::string default_text() const;
    std::vector<std::string> word_texts() const;
};

/// The section that is a list: entries of a pattern (kLayersKey) and keys that are per_layer.
inline const std::string kOverridesSection = "overrides";
inline const std::string kLayersKey = "layers";

/// Paths of the keys that are per_layer, in schema order.
std::vector<std::string> per_layer_keys();
/// The key `layers` of an entry: a text. It is no key of the schema, because it sets no field.
const Key& layers_key();

/// A key of some layers, where one line must name it (--set, sweeps): "overrides[PATTERN].KEY" is
/// an entry behind those that the config file has.
struct LayerKey {
    std::string layers;  ///< the pattern
    std::string key;
};
/// Nothing when `path` has another form. Whether the key exists is not looked at.
std::optional<LayerKey> layer_key(const std::string& path);

/// Numbers from here on are not worth naming as a limit.
constexpr double kNoLimit = 1e15;

/// A map of keys. Sections nest by their dotted paths.
struct Section {
    std::string path;
    std::string meaning;
};

/// In the order in which a resolved config shows them.
const std::vector<Key>& schema();
const std::vector<Section>& sections();

/// nullptr when there is none.
const Key* find_key(const std::string& path);
const Section* find_section(const std::string& path);

/// Last names of the keys and sections directly below a section ("" is the whole config).
std::vector<std::string> children(const std::string& section);

/// "a.b" from "a" and "b"; "b" when the section is "".
std::string join_path(const std::string& section, const std::string& name);
/// The part after the last dot, and the part before it ("" when there is no dot).
std::string leaf_of(const std::string& path);
std::string parent_of(const std::string& path);

/// Sets the field of `config` that belongs to `key`. `value` has passed the checks of the key.
void assign(const Key& key, const Value& value, Config& config);

/// A scalar as one would write it in YAML, quoted where plain text would read as something else.
std::string scalar_text(const Value& value);

/// "; did you mean a.b.c?" for a key that does not exist: a key of that name in another section,
/// the nearest name in this section, another tool's name for a key, or the nearest path.
std::string did_you_mean_key(const std::string& unknown_path);

}  // namespace axesim::sim
