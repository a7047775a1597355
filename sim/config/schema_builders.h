// SPDX-License-Identifier: Apache-2.0
// How schema_*.cpp write a key down. `field` is a callable (Config&) -> pointer to the field.
#pragma once

#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "sim/config/schema.h"

namespace axesim::sim {

struct Limits {
    double least = 0;
    double most = kNoLimit;
};

template <class Enum>
Word choice(std::string text, Enum value, std::string meaning) {
    return {std::move(text), static_cast<std::int64_t>(value), std::move(meaning)};
}

inline Key new_key(std::string path, KeyType type, Value default_value, std::string unit,
                   std::string meaning) {
    Key key;
    key.path = std::move(path);
    key.type = type;
    key.default_value = std::move(default_value);
    key.unit = std::move(unit);
    key.meaning = std::move(meaning);
    return key;
}

/// Sets an integer or enumeration field from an integer.
template <class Field>
auto assign_number(Field field) {
    return [field](Config& config, const Value& value) {
        auto& target = *field(config);
        target = static_cast<std::remove_reference_t<decltype(target)>>(value.get<std::int64_t>());
    };
}

template <class Field>
Key integer_key(std::string path, Limits limits, Value default_value, std::string unit,
                std::string meaning, Field field, std::vector<Word> words = {}) {
    using Target = std::remove_pointer_t<decltype(field(std::declval<Config&>()))>;
    if (limits.most < kNoLimit &&
        limits.most > static_cast<double>(std::numeric_limits<Target>::max())) {
        throw std::logic_error(path + ": the field cannot hold the key's largest value");
    }
    Key key = new_key(std::move(path), KeyType::integer, std::move(default_value), std::move(unit),
                      std::move(meaning));
    key.least = limits.least;
    key.most = limits.most;
    key.words = std::move(words);
    key.assign = assign_number(field);
    return key;
}

/// An integer that the user must choose; `example` is shown where there is no default.
template <class Field>
Key required_key(std::string path, Limits limits, std::string example, std::string unit,
                 std::string meaning, Field field, std::vector<Word> words = {}) {
    Key key = integer_key(std::move(path), limits, nullptr, std::move(unit), std::move(meaning),
                          field, std::move(words));
    key.example = std::move(example);
    return key;
}

/// An integer that takes only the listed values.
template <class Field>
Key listed_key(std::string path, std::vector<std::int64_t> numbers, Value default_value,
               std::string unit, std::string meaning, Field field) {
    Key key = new_key(std::move(path), KeyType::integer, std::move(default_value), std::move(unit),
                      std::move(meaning));
    key.numbers = std::move(numbers);
    key.assign = assign_number(field);
    return key;
}

template <class Field>
Key real_key(std::string path, Limits limits, double default_value, std::string unit,
             std::string meaning, Field field) {
    Key key =
        new_key(std::move(path), KeyType::real, default_value, std::move(unit), std::move(meaning));
    key.least = limits.least;
    key.most = limits.most;
    key.assign = [field](Config& config, const Value& value) {
        *field(config) = value.get<double>();
    };
    return key;
}

template <class Field>
Key boolean_key(std::string path, bool default_value, std::string meaning, Field field) {
    Key key = new_key(std::move(path), KeyType::boolean, default_value, "", std::move(meaning));
    key.assign = [field](Config& config, const Value& value) {
        *field(config) = value.get<bool>();
    };
    return key;
}

template <class Field>
Key text_key(std::string path, Value default_value, std::string text_note, std::string meaning,
             Field field) {
    Key key =
        new_key(std::move(path), KeyType::text, std::move(default_value), "", std::move(meaning));
    key.text_note = std::move(text_note);
    key.assign = [field](Config& config, const Value& value) {
        *field(config) = value.get<std::string>();
    };
    return key;
}

/// One word of a list.
template <class Field>
Key word_key(std::string path, const char* default_value, std::string meaning, Field field,
             std::vector<Word> words) {
    Key key = new_key(std::move(path), KeyType::word, default_value, "", std::move(meaning));
    key.words = std::move(words);
    key.assign = assign_number(field);
    return key;
}

inline Key also_called(Key key, std::vector<std::string> names) {
    key.also_called = std::move(names);
    return key;
}

/// The key may have another value in some layers.
inline Key per_layer(Key key) {
    key.per_layer = true;
    return key;
}

// The parts of the schema, in order; schema() joins them.
std::vector<Key> general_keys();
std::vector<Key> arithmetic_keys();
std::vector<Key> attention_keys();
std::vector<Key> lm_head_keys();
std::vector<Key> quantizer_keys();
std::vector<Key> hardware_keys();
std::vector<Key> energy_keys();
std::vector<Key> workload_keys();

}  // namespace axesim::sim
