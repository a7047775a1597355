// SPDX-License-Identifier: Apache-2.0
#include "sim/model.h"

#include <algorithm>
#include <array>
#include <optional>

#include "quant/feedback.h"
#include "sim/bit_width.h"
#include "sim/config/table_file.h"

namespace axesim::sim {

namespace {

constexpr const char* kFolder = "llama";  // in configs

/// The file of a shape, if that is what the name or path means.
std::optional<std::filesystem::path> find_shape(const std::string& name_or_path) {
    if (std::filesystem::path(name_or_path).extension() == ".yaml") return name_or_path;
    const std::vector<std::string> names = shape_names();
    for (const std::string& name : {name_or_path, "llama-" + name_or_path}) {
        if (std::ranges::find(names, name) != names.end()) return table_path(kFolder, name);
    }
    return std::nullopt;
}

bool read_flag(const TableSection& shape, const std::string& key) {
    const TableSection entry = shape.section(key);
    entry.require_only({"value", "source"});
    entry.text("source");
    const std::string value = entry.text("value");
    if (value != "true" && value != "false") entry.fail("value", "must be true or false");
    return value == "true";
}

void check_heads(const TableSection& section, const workloads::LlamaShape& shape) {
    if (shape.heads % shape.kv_heads != 0) {
        section.fail("kv_heads", "must divide heads: query heads share key and value heads");
    }
    if (shape.head_size % 2 != 0) {
        section.fail("head_size", "must be even: rotary embedding turns pairs");
    }
}

/// Keys of overrides that choose a way to learn from calibration text.
constexpr std::array kLearning = {"quantizer.algorithm", "quantizer.step_search",
                                  "quantizer.refine_sweeps", "quantizer.bias_correction"};

/// Rounds without a look at any activations.
void only_round(Config& config) {
    using quant::Algorithm;
    quant::QuantizerConfig& quantizer = config.quantizer;
    if (quant::has_feedback(quantizer.algorithm)) quantizer.algorithm = Algorithm::naive_round;
    quantizer.step_search = false;
    quantizer.refine_sweeps = 0;
    quantizer.bias_correction = false;
    // Folded into the weights: no work of the hardware is lost.
    if (quantizer.equalization == quant::Equalization::smoothquant) {
        quantizer.equalization = quant::Equalization::none;
    }
    for (Override& given : config.overrides) {
        std::erase_if(given.entries, [](const Override::Entry& entry) {
            return std::ranges::find(kLearning, entry.key) != kLearning.end();
        });
    }
}

}  // namespace

workloads::LlamaShape load_shape(const std::filesystem::path& file) {
    constexpr double kMost = 1 << 24;  // of any size, as in a config.json
    const TableSection top = read_table_file(file);
    top.require_only({"name", "shape"});
    const TableSection section = top.section("shape");
    workloads::LlamaShape shape;
    shape.name = top.text("name");
    const std::vector<std::pair<std::string, Index workloads::LlamaShape::*>> sizes{
        {"blocks", &workloads::LlamaShape::blocks},
        {"hidden", &workloads::LlamaShape::hidden},
        {"ffn", &workloads::LlamaShape::ffn},
        {"heads", &workloads::LlamaShape::heads},
        {"kv_heads", &workloads::LlamaShape::kv_heads},
        {"head_size", &workloads::LlamaShape::head_size},
        {"vocabulary", &workloads::LlamaShape::vocabulary},
        {"context", &workloads::LlamaShape::context}};
    std::vector<std::string> entries{"rope_base", "rms_epsilon", "tied_embeddings"};
    for (const auto& [name, member] : sizes) entries.push_back(name);
    section.require_only(entries);
    for (const auto& [name, member] : sizes) shape.*member = section.whole(name, "1", kMost);
    shape.rope_base = section.coefficient("rope_base", "1", true).value;
    shape.rms_epsilon = section.coefficient("rms_epsilon", "1", true).value;
    shape.tied_embeddings = read_flag(section, "tied_embeddings");
    check_heads(section, shape);
    return shape;
}

std::vector<std::string> shape_names() { return table_names(kFolder); }

workloads::LoadedModel load_model_of(const Config& config) {
    const std::string& wanted = config.workload.model;
    if (const auto file = find_shape(wanted)) {
        return workloads::synthetic_model(load_shape(*file), config.seed, *file);
    }
    return workloads::load_model(workloads::find_model(wanted, shape_names()));
}

void settle_config(Config& config, const workloads::LoadedModel& model) {
    if (model.synthetic) {
        only_round(config);
        config.workload.evaluation.tokens = 0;
    }
    if (config.workload.timing_only) {
        config.workload.evaluation.tokens = 0;
        // Folded into the weights: nothing that takes time.
        if (config.quantizer.equalization == quant::Equalization::smoothquant) {
            config.quantizer.equalization = quant::Equalization::none;
        }
    }
    resolve_bit_width(config, model.weights->shape().deepest_input());
}

workloads::LoadedModel open_model(Config& config) {
    workloads::LoadedModel model = load_model_of(config);
    settle_config(config, model);
    return model;
}

}  // namespace axesim::sim
