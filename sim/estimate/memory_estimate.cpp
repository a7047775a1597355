// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/memory_estimate.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "reports/format.h"
#include "sim/evaluate.h"

namespace axesim::sim {

namespace {

constexpr double kFloat = sizeof(float), kDouble = sizeof(double), kCode = sizeof(std::int16_t);
/// Tiles that the accelerator and the array keep unpacked, elements at the most (accelerator.cpp,
/// prepared_tiles.h).
constexpr double kMostTileElements = 1 << 26;

/// Activations of `rows` tokens while the feed-forward part of a block runs, which is the widest:
/// the residual stream, its norm, and gate and up, or one of these in `copies` forms in front of
/// down_proj.
double activation_bytes(double rows, const workloads::LlamaShape& shape, double copies) {
    const auto hidden = static_cast<double>(shape.hidden), ffn = static_cast<double>(shape.ffn);
    const auto heads = static_cast<double>(shape.heads * shape.head_size);
    const auto kept = static_cast<double>(2 * shape.kv_heads * shape.head_size);
    const double attention = hidden + 3 * heads + 2 * kept;
    const double feed_forward = 2 * hidden + 2 * ffn;
    const double down = hidden + copies * ffn;
    return rows * kFloat * std::max({attention, feed_forward, down});
}

bool is_lm_head(const workloads::LinearId& id) { return id.kind == workloads::LinearKind::lm_head; }

double elements_of(const QuantizedLayer& layer) {
    return static_cast<double>(layer.channels) * static_cast<double>(layer.depth);
}

double largest_matrix(const QuantizedModel& sizes, bool with_lm_head) {
    double elements = 0;
    for (const auto& [id, layer] : sizes.layers) {
        if (with_lm_head || !is_lm_head(id)) elements = std::max(elements, elements_of(layer));
    }
    return elements;
}

/// Integer weights of blocks first .. last; lm_head is the block behind the last of the model's.
double code_bytes(const QuantizedModel& sizes, Index first, Index last) {
    double elements = 0;
    for (const auto& [id, layer] : sizes.layers) {
        if (id.block >= first && id.block <= last) elements += elements_of(layer);
    }
    return elements * kCode;
}

/// A layer in single precision, a part of its channels in double, and its codes.
double matrix_bytes(Index channels, Index depth) {
    const auto columns = static_cast<double>(depth);
    return columns * (static_cast<double>(channels) * (kFloat + kCode) +
                      static_cast<double>(std::min(channels, kChannelsAtOnce)) * kDouble);
}

/// Blocks, then lm_head, whose matrix is large while of the calibration only one state is left.
StageMemory quantization(const Config& config, const workloads::LlamaShape& shape,
                         const QuantizedModel& sizes, const WorkPlan& plan, bool codes_on_disk,
                         bool lm_head) {
    StageMemory stage{.name = lm_head ? "quantization of lm_head" : "quantization", .parts = {}};
    double matrix = 0;
    for (const auto& [id, layer] : sizes.layers) {
        if (is_lm_head(id) != lm_head) continue;
        matrix = std::max(matrix, matrix_bytes(layer.channels, layer.depth));
    }
    const Index block = lm_head ? shape.lm_head().block : shape.blocks - 1;
    stage.parts.emplace_back("integer weights",
                             code_bytes(sizes, codes_on_disk ? block : 0, block));
    const auto depth = static_cast<double>(lm_head ? shape.hidden : shape.deepest_input());
    const double moments = plan.quantization.moment_macs > 0 ? 3 * depth * depth * kDouble : 0;
    stage.parts.emplace_back("a layer and its moments", std::max(matrix, moments));
    // Codes, what they stand for, and copies of the inputs; rotated ones too.
    const double rows = plan.quantization.calibration_rows;
    const bool rotates = config.quantizer.equalization == quant::Equalization::rotation;
    stage.parts.emplace_back("calibration", lm_head
                                                ? 5 * rows * depth * kFloat
                                                : activation_bytes(rows, shape, rotates ? 5 : 4));
    return stage;
}

StageMemory simulation(const Config& config, const workloads::LlamaShape& shape,
                       const QuantizedModel& sizes, const WorkPlan& plan, bool codes_on_disk) {
    StageMemory stage{.name = "simulation", .parts = {}};
    const PhasesConfig& phases = config.workload.phases;
    const EvaluationConfig& text = config.workload.evaluation;
    const bool evaluates = plan.scored_logits > 0;
    const Index window = evaluates ? std::min(text.context, text.tokens) : 0;
    const auto rows =
        static_cast<double>(std::max<Index>(window, phases.batch * phases.prefill_tokens));
    const auto vocabulary = static_cast<double>(shape.vocabulary);
    const auto hidden = static_cast<double>(shape.hidden);
    if (plan.has_values) {
        // From disk they come layer by layer, to the simulated DRAM.
        stage.parts.emplace_back("integer weights",
                                 codes_on_disk ? largest_matrix(sizes, true) * kCode
                                               : code_bytes(sizes, 0, shape.lm_head().block));
        stage.parts.emplace_back("contents of the simulated DRAM",
                                 static_cast<double>(simulated_dram_bytes(sizes, shape, config)));
        // As they come from memory, and as the kernels want them.
        const double tiles = std::min(largest_matrix(sizes, true), kMostTileElements);
        stage.parts.emplace_back("unpacked tiles", 2 * tiles * kCode);
        stage.parts.emplace_back("activations", activation_bytes(rows, shape, 5));
        const double logit_rows = std::max<double>(
            static_cast<double>(std::min(window, kLogitRows)), static_cast<double>(phases.batch));
        // Values beside the words that they are read from, or beside those of the float model.
        stage.parts.emplace_back("logits", logit_rows * vocabulary * kFloat * 2);
    }
    if (evaluates) {
        stage.parts.emplace_back(
            "float model's view of the text",
            static_cast<double>(text.tokens) * hidden * kFloat +
                vocabulary * hidden * kFloat * (config.lm_head.bits == kFloatBits ? 2 : 1));
    }
    return stage;
}

/// The float model on all of the evaluation text at once.
StageMemory float_reference(const Config& config, const workloads::LlamaShape& shape,
                            const QuantizedModel& sizes, bool codes_on_disk) {
    StageMemory stage{.name = "float reference", .parts = {}};
    stage.parts.emplace_back("integer weights",
                             codes_on_disk ? 0 : code_bytes(sizes, 0, shape.lm_head().block));
    stage.parts.emplace_back("contents of the simulated DRAM",
                             static_cast<double>(simulated_dram_bytes(sizes, shape, config)));
    stage.parts.emplace_back(
        "activations",
        activation_bytes(static_cast<double>(config.workload.evaluation.tokens), shape, 2));
    stage.parts.emplace_back("a layer", largest_matrix(sizes, false) * kFloat);
    return stage;
}

}  // namespace

double StageMemory::bytes() const {
    double sum = 0;
    for (const auto& part : parts) sum += part.second;
    return sum;
}

double peak_bytes(const std::vector<StageMemory>& stages) {
    double peak = 0;
    for (const StageMemory& stage : stages) peak = std::max(peak, stage.bytes());
    return peak;
}

std::vector<StageMemory> estimate_memory(const Config& config, const workloads::LlamaShape& shape,
                                         const QuantizedModel& sizes, const WorkPlan& plan,
                                         bool codes_on_disk, double process_bytes) {
    std::vector<StageMemory> stages;
    if (plan.has_values) {
        stages.push_back(quantization(config, shape, sizes, plan, codes_on_disk, false));
        if (sizes.layers.contains(shape.lm_head())) {
            stages.push_back(quantization(config, shape, sizes, plan, codes_on_disk, true));
        }
    }
    if (plan.float_macs > 0) stages.push_back(float_reference(config, shape, sizes, codes_on_disk));
    stages.push_back(simulation(config, shape, sizes, plan, codes_on_disk));
    for (StageMemory& stage : stages) {
        stage.parts.emplace_back("program, tokenizer and texts", process_bytes);
    }
    return stages;
}

std::string memory_text(double bytes) {
    return reports::grouped(static_cast<std::uint64_t>(std::llround(mib_of(bytes)))) + " MiB";
}

double resident_bytes() {
    // Linux: sizes in pages, the whole, then what is resident.
    std::ifstream file("/proc/self/statm");
    double size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace axesim::sim
