// SPDX-License-Identifier: Apache-2.0
#include "sim/shared_work.h"

#include <algorithm>
#include <array>

#include "common/error.h"
#include "common/files.h"
#include "sim/config/schema.h"
#include "sim/sealed_tensors.h"
#include "sim/version.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kHidden = "hidden";
constexpr const char* kRecords = "evaluation";  // a text of JSON

/// Keys and sections that change time, energy and area, but no value. hardware.array.rows is not
/// one of them: which scores above attention's diagonal are computed (query_block), and so what the
/// accumulators see, follows from it.
constexpr std::array kValuesIgnore = {
    "name",
    "hardware.clock_mhz",
    "hardware.dataflow",
    "hardware.array.columns",
    "hardware.array.pipeline_depth",
    "hardware.mapping",
    "hardware.buffers",
    "hardware.vector_unit",
    "hardware.memory_interface",
    "hardware.clusters",
    "hardware.cluster_split",
    "hardware.interconnect",
    "hardware.dram",
    "hardware.dram_channels",
    "hardware.dram_address_mapping",
    "hardware.dram_page_policy",
    "hardware.dram_scheduling",
    "hardware.technology",
    "hardware.cost_profile",
    "energy",
    "workload.phases",
};

/// Keys that name a file whose contents count instead.
constexpr std::array kPaths = {"workload.model", "workload.evaluation.text",
                               "quantizer.calibration.text"};

void erase_path(Json& tree, const std::string& path) {
    const std::string section = parent_of(path);
    Json* parent = &tree;
    if (!section.empty()) {
        std::string pointer = "/" + section;
        std::ranges::replace(pointer, '.', '/');
        const Json::json_pointer at(pointer);
        if (!tree.contains(at)) return;
        parent = &tree.at(at);
    }
    parent->erase(leaf_of(path));
}

std::string digest(const Json& json) { return sha256_hex(bytes_of(json.dump())); }

Json range_json(const IntegerRange& range) { return {range.min, range.max}; }
IntegerRange range_from(const Json& json) {
    return {json.at(0).get<std::int64_t>(), json.at(1).get<std::int64_t>()};
}

Json record_json(const LayerRecord& record) {
    const models::AccumulatorObservation& seen = record.observed;
    Json first;
    if (const auto& place = seen.first_overflow) {
        first = {place->token, place->channel, place->k, static_cast<int>(place->stage)};
    }
    return {{"shape", {record.shape.m, record.shape.n, record.shape.k}},
            {"inner_events", seen.inner_events},
            {"outer_events", seen.outer_events},
            {"first", first},
            {"inner_seen", range_json(seen.inner_seen)},
            {"outer_seen", range_json(seen.outer_seen)},
            {"error_sum", record.error_sum},
            {"reference_sum", record.reference_sum},
            {"compared_values", record.compared_values}};
}

LayerRecord record_from(const Json& json) {
    LayerRecord record;
    const Json& shape = json.at("shape");
    record.shape = {shape.at(0).get<Index>(), shape.at(1).get<Index>(), shape.at(2).get<Index>()};
    models::AccumulatorObservation& seen = record.observed;
    seen.inner_events = json.at("inner_events");
    seen.outer_events = json.at("outer_events");
    if (const Json& first = json.at("first"); !first.is_null()) {
        seen.first_overflow = models::OverflowPlace{
            .token = first.at(0).get<std::int64_t>(),
            .channel = first.at(1).get<std::int64_t>(),
            .k = first.at(2).get<std::int64_t>(),
            .stage = static_cast<models::AccumulatorStage>(first.at(3).get<int>())};
    }
    seen.inner_seen = range_from(json.at("inner_seen"));
    seen.outer_seen = range_from(json.at("outer_seen"));
    record.error_sum = json.at("error_sum");
    record.reference_sum = json.at("reference_sum");
    record.compared_values = json.at("compared_values");
    return record;
}

Json proof_json(const LayerProof& proof) {
    const quant::Certificate& c = proof.certificate;
    Json violation;
    if (const auto& v = c.violation) violation = {v->channel, v->tile, range_json(v->range)};
    return {{"certified", c.certified},
            {"inner", range_json(c.inner)},
            {"outer", range_json(c.outer)},
            {"largest_tile_l1", c.largest_tile_l1},
            {"bits", {c.inner_bits, c.outer_bits}},
            {"violation", violation},
            {"fallback", proof.fallback}};
}

LayerProof proof_from(const Json& json) {
    LayerProof proof;
    quant::Certificate& c = proof.certificate;
    c.certified = json.at("certified");
    c.inner = range_from(json.at("inner"));
    c.outer = range_from(json.at("outer"));
    c.largest_tile_l1 = json.at("largest_tile_l1");
    c.inner_bits = json.at("bits").at(0);
    c.outer_bits = json.at("bits").at(1);
    if (const Json& v = json.at("violation"); !v.is_null()) {
        c.violation = {v.at(0).get<std::int64_t>(), v.at(1).get<std::int64_t>(),
                       range_from(v.at(2))};
    }
    proof.fallback = json.at("fallback");
    return proof;
}

Json evaluation_json(const Evaluation& evaluation) {
    const reports::Accuracy& a = evaluation.accuracy;
    Json layers = Json::array();
    for (const auto& [id, record] : evaluation.layers) {
        layers.push_back({id.block, static_cast<int>(id.operation), record_json(record)});
    }
    Json proofs = Json::array();
    for (const auto& [id, proof] : evaluation.proofs) {
        proofs.push_back({id.block, static_cast<int>(id.kind), proof_json(proof)});
    }
    return {{"perplexity_float", a.perplexity_float},
            {"perplexity_quantized", a.perplexity_quantized},
            {"kl_divergence", a.kl_divergence},
            {"top1_agreement", a.top1_agreement},
            {"tokens", a.tokens},
            {"layers", layers},
            {"proofs", proofs}};
}

/// Throws Json::exception when something is missing or of another kind.
Evaluation evaluation_from(const Json& json) {
    Evaluation evaluation;
    evaluation.accuracy = {.perplexity_float = json.at("perplexity_float"),
                           .perplexity_quantized = json.at("perplexity_quantized"),
                           .kl_divergence = json.at("kl_divergence"),
                           .top1_agreement = json.at("top1_agreement"),
                           .tokens = json.at("tokens")};
    for (const Json& layer : json.at("layers")) {
        const OperationId id(layer.at(0).get<int>(),
                             static_cast<Operation>(layer.at(1).get<int>()));
        evaluation.layers[id] = record_from(layer.at(2));
    }
    for (const Json& layer : json.at("proofs")) {
        const workloads::LinearId id{layer.at(0).get<int>(),
                                     static_cast<workloads::LinearKind>(layer.at(1).get<int>())};
        evaluation.proofs[id] = proof_from(layer.at(2));
    }
    return evaluation;
}

}  // namespace

Json values_config(const Json& resolved) {
    Json relevant = resolved;
    for (const char* path : kValuesIgnore) erase_path(relevant, path);
    return relevant;
}

Json arithmetic_key(const Config& config, const std::string& model_sha256,
                    const std::string& calibration_text_sha256, const workloads::Text& evaluation) {
    Json relevant = values_config(config.resolved);
    for (const char* path : kPaths) erase_path(relevant, path);
    return {{"version", version()},
            {"model_sha256", model_sha256},
            {"calibration_text_sha256", calibration_text_sha256},
            {"evaluation_tokens_sha256", sha256_hex(bytes_of(evaluation.tokens))},
            {"config", relevant}};
}

SharedWork::SharedWork(fs::path folder, const Json& arithmetic) : folder_(std::move(folder)) {
    if (folder_.empty()) return;
    // Another build of the same version may round differently.
    Json key = arithmetic;
    key["program_sha256"] = program_sha256();
    evaluation_sha256_ = digest(key);
    // Of the config the float model knows only which tokens it sees.
    key["config"] = key["config"]["workload"]["evaluation"];
    key.erase("calibration_text_sha256");
    float_sha256_ = digest(key);
}

void SharedWork::make_folders(const fs::path& folder) {
    for (const char* kind : {"float", "evaluation"}) require_writable_directory(folder / kind);
}

CheckpointPlace SharedWork::checkpoints(const fs::path& folder) {
    return {folder / "quantized", true};
}

std::optional<Matrix<float>> SharedWork::float_hidden(Index rows, Index columns) {
    if (folder_.empty()) return std::nullopt;
    const auto file = open_sealed(folder_ / "float" / float_sha256_, float_sha256_);
    if (!file) return std::nullopt;
    try {
        Matrix<float> hidden = matrix_from<float>(*file, kHidden, "F32", rows, columns);
        reused_.emplace_back("float_reference");
        return hidden;
    } catch (const UserError&) {
        return std::nullopt;
    }
}

void SharedWork::store_float_hidden(const Matrix<float>& hidden) const {
    if (folder_.empty()) return;
    write_sealed(folder_ / "float" / float_sha256_,
                 {{kHidden, {"F32", {hidden.rows(), hidden.cols()}, bytes_of(hidden)}}}, {},
                 float_sha256_);
}

std::optional<Evaluation> SharedWork::evaluation() {
    if (folder_.empty()) return std::nullopt;
    const auto file = open_sealed(folder_ / "evaluation" / evaluation_sha256_, evaluation_sha256_);
    if (!file) return std::nullopt;
    try {
        Evaluation evaluation = evaluation_from(Json::parse(file->metadata().at(kRecords)));
        reused_.emplace_back("evaluation");
        return evaluation;
    } catch (const std::exception&) {
        return std::nullopt;  // as if it were not there
    }
}

void SharedWork::store(const Evaluation& evaluation) const {
    if (folder_.empty()) return;
    write_sealed(folder_ / "evaluation" / evaluation_sha256_, {},
                 {{kRecords, evaluation_json(evaluation).dump()}}, evaluation_sha256_);
}

}  // namespace axesim::sim
