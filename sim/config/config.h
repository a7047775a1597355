// SPDX-License-Identifier: Apache-2.0
// One design point, read from YAML and checked. Every key, its meaning, unit, default and allowed
// values stand once, in schema.cpp; reading, checking, `axesim explain` and the resolved config
// that is written beside a result all come from there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/error.h"
#include "models/cost/costs.h"
#include "models/hardware_config.h"
#include "quant/quantizer_config.h"

namespace axesim::sim {

/// Bits of what is computed in float on the host, and counted as nothing.
inline constexpr int kFloatBits = -1;

/// How the products of attention are computed.
struct AttentionConfig {
    int bits = 0;           ///< of queries and probabilities, or kFloatBits; 0: activation_bits
    int kv_cache_bits = 0;  ///< of keys and values; 0: weight_bits
    std::int64_t tile_size = 0;  ///< 0: the longest that is certified
    bool rotation = true;        ///< of queries and keys, before they become codes
};

/// How the matrix that makes logits is computed.
struct LmHeadConfig {
    int bits = 0;  ///< of its weights, or kFloatBits; 0: weight_bits
};

struct PhasesConfig {
    std::int64_t prefill_tokens = 512;
    std::int64_t decode_tokens = 8;
    std::int64_t batch = 1;
};

struct EvaluationConfig {
    std::string text = "default";  ///< "default", a UTF-8 text file, or a .npy of token ids
    std::int64_t tokens = 2048;    ///< 0: no evaluation, accuracy is "not measured"
    std::int64_t context = 512;    ///< window length; each window is scored alone
    std::int64_t first_token = 0;
};

struct WorkloadConfig {
    std::string model = "smollm2-135m";
    bool timing_only = false;  ///< no values: no overflow, no accuracy
    PhasesConfig phases;
    EvaluationConfig evaluation;
};

/// The operands whose toggles cost energy.
enum class Activity { nominal, measured };

struct EnergyConfig {
    Activity activity = Activity::nominal;

    bool is_measured() const { return activity == Activity::measured; }
};

/// Keys that have other values in some layers.
struct Override {
    /// A key that may differ from layer to layer (Key::per_layer), and its value there.
    struct Entry {
        std::string key;  ///< dotted path
        nlohmann::ordered_json value;
        Location where;
    };
    std::string layers;  ///< pattern over the Hugging Face names of layers (matches_pattern)
    Location where;      ///< of the pattern
    std::vector<Entry> entries;
};

/// What may differ from layer to layer.
struct LayerConfig {
    models::LayerFormat format;
    quant::QuantizerConfig quantizer;
};

struct Config {
    std::string name;
    std::uint64_t seed = 0;
    models::HardwareConfig hardware;  ///< number_format, accumulator, hardware
    quant::QuantizerConfig quantizer;
    AttentionConfig attention;
    LmHeadConfig lm_head;
    EnergyConfig energy;
    WorkloadConfig workload;
    std::string technology = "asap7";      ///< hardware.technology
    std::string cost_profile = "default";  ///< hardware.cost_profile
    std::string dram = "lpddr5_6400";      ///< hardware.dram
    models::Technology technology_table;
    std::vector<Override> overrides;
    /// The place of a key that was given; of its nearest section otherwise.
    std::function<Location(const std::string& key)> where;

    /// Every key with its value, nested as in YAML, in schema order; then the overrides, if any.
    nlohmann::ordered_json resolved;
};

/// Reads, overrides and checks. `overrides` are "key.path=value" (from --set). Throws UserError as
/// "FILE:LINE:COL: key.path: what is wrong (what is allowed); did you mean ...?"; where the trouble
/// is in an override, FILE is "--set".
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// Runs `program`; a KeyError that leaves it becomes a UserError with the key's place.
template <class Program>
auto at_places_of(const Config& config, Program&& program) {
    try {
        return program();
    } catch (const KeyError& error) {
        throw UserError(config.where(error.key()), error.what());
    }
}

/// The config of one layer: that of the design, with the entries of every override whose pattern
/// matches the layer's Hugging Face name. Of several entries for one key the last counts.
LayerConfig layer_config(const Config& config, const std::string& layer);

/// Whether the whole name fits a pattern, in which * stands for any characters (dots included, or
/// none) and ? for any one.
bool matches_pattern(const std::string& name, const std::string& pattern);

/// The resolved config as YAML text that load_config accepts and that gives the same config.
std::string resolved_yaml(const Config& config);

/// What `axesim explain KEY` prints: for a key its meaning, unit, default, allowed values; for a
/// section or "" the keys below it; for a cost name (as in unit_costs) its value and source.
/// Throws UserError with the nearest key for an unknown one.
std::string explain(const std::string& key);

}  // namespace axesim::sim
