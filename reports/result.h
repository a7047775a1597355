// SPDX-License-Identifier: Apache-2.0
// Everything a run found out, as typed values. The writers in this folder turn it into
// result.json, tables and files; they compute nothing but ratios of what stands here.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/integer_format.h"
#include "models/compute/gemm.h"
#include "models/cost/costs.h"
#include "models/counts.h"
#include "models/roofline.h"

namespace axesim::reports {

struct Provenance {
    std::string version, model_sha256, text_sha256, calibration_text_sha256;
    /// Of all that accuracy and overflow depend on: equal for designs that share these figures.
    std::string arithmetic_sha256;
    std::uint64_t seed = 0;
};

struct Accuracy {
    double perplexity_float = 0;
    double perplexity_quantized = 0;
    double kl_divergence = 0;   ///< nats per token, float distribution against quantized
    double top1_agreement = 0;  ///< share of tokens with the same most likely next token
    std::int64_t tokens = 0;    ///< predicted tokens
};

/// One stage's bits: what is there, what the certificate proves, what was seen.
struct StageHeadroom {
    int bits = 0;
    IntegerRange proven;  ///< extremes that any activations can cause (certificate)
    IntegerRange seen;    ///< extremes of the evaluation run
};

struct Overflow {
    bool certified = false;
    std::uint64_t inner_events = 0, outer_events = 0;
    StageHeadroom inner, outer;
    std::string first_layer;  ///< layer of the first event, "" when none
    std::optional<models::OverflowPlace> first_place;
};

/// One phase as simulated.
struct Phase {
    std::string name;         ///< "prefill" or "decode"
    std::int64_t tokens = 0;  ///< tokens of one sequence: prompt length, or decode steps
    std::int64_t batch = 1;   ///< sequences
    double seconds = 0;
    models::Counts counts;                          ///< of the whole phase
    models::PartEnergies energy;                    ///< joules
    std::optional<double> activity_factor;          ///< models::activity_factor; absent: nominal
    std::optional<models::CostRange> energy_range;  ///< joules, total (models::energy_range)
};

/// Bits that a layer's inner accumulator needs by three bounds: from the widths alone, from the
/// largest L1 norm of a tile, and exactly.
struct InnerBitsNeeded {
    int data_type = 0, l1 = 0, exact = 0;
};

/// A linear layer, a product of attention, or (without a depth) what the vector unit does.
struct LayerResult {
    std::string name;                       ///< Hugging Face name
    std::string kind;                       ///< q_proj, softmax, ...
    std::int64_t count = 1;                 ///< operations that this one was simulated for
    std::int64_t m = 0, n = 0, k = 0;       ///< rows of the prefill, outputs, depth
    std::uint64_t macs = 0;                 ///< prefill, one; less than m n k: causal attention
    models::CycleCounts cycles;             ///< prefill, one
    models::Roofline roofline;              ///< prefill, one
    std::uint64_t dram_bits = 0;            ///< prefill, one; read and written, whole atoms
    double energy_j = 0;                    ///< prefill, one
    std::optional<double> activity_factor;  ///< the same of the prefill; absent: no product, too
    bool has_values = true;                 ///< else bounds and overflows are not known
    std::optional<double> rmse, sqnr_db;    ///< output against the float layer on the same input
    std::uint64_t overflow_events = 0;
    IntegerRange proven_inner, proven_outer, seen_inner, seen_outer;
    InnerBitsNeeded inner_bits_needed;
    int weight_bits = 0, activation_bits = 0, inner_bits = 0, outer_bits = 0;
    bool certified = false;
    std::string fallback;  ///< why the quantizer fell back, or ""
    std::string mapping;   ///< tiles and loop order of the prefill

    /// Else bits, bounds and overflows mean nothing.
    bool is_product() const { return k > 0; }
};

struct Host {
    double wall_seconds = 0;
    double peak_rss_mib = 0;
    double simulated_macs_per_second = 0;
    double simulate_processor_seconds = 0;  ///< of all threads, of the stage `simulate`
    std::vector<std::pair<std::string, double>> stage_seconds;
    std::vector<std::pair<std::string, double>> quantize_seconds;  ///< parts of that stage
    std::vector<std::string> reused;  ///< what an earlier run with the same arithmetic had stored
};

struct Result {
    std::string name;  ///< of the config
    std::string model_name;
    nlohmann::ordered_json config;  ///< resolved
    models::HardwareConfig hardware;
    std::string quantizer;  ///< as in "OPTQ + AXE"
    std::string technology, profile, profile_source;
    Provenance provenance;
    std::optional<Accuracy> accuracy;   ///< absent: not measured
    std::string accuracy_not_measured;  ///< why accuracy is absent, or ""
    int outer_bits = 0;                 ///< of the hardware's outer accumulators
    std::optional<Overflow> overflow;   ///< absent: values were not simulated
    Phase prefill;
    std::optional<Phase> decode;  ///< absent when decode_tokens is 0
    models::PartAreas area;
    std::optional<models::CostRange> area_range;  ///< mm2, total (models::area_range)
    std::vector<models::UnitCost> unit_costs;     ///< what the energies were computed with
    std::vector<LayerResult> layers;
    std::vector<std::string> not_counted;  ///< what this version does not simulate
    Host host;
};

}  // namespace axesim::reports
