// SPDX-License-Identifier: Apache-2.0
#include "sim/estimate/work_plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "common/rounding.h"
#include "sim/calibration_text.h"
#include "sim/config/attention_formats.h"
#include "sim/layer_configs.h"
#include "sim/model_memory.h"

namespace axesim::sim {

using workloads::LinearId;
using workloads::LlamaShape;

namespace {

double bytes_of_elements(double elements, int bits, const models::HardwareConfig& hardware) {
    const models::MemoryInterfaceConfig& memory = hardware.memory_interface;
    const models::PackingFormat format{memory.layout, bits, memory.word_bits};
    constexpr std::int64_t kMany = 1 << 16;  // stream_bits() grows linearly but for whole words
    return elements * static_cast<double>(format.stream_bits(kMany)) / kMany / 8;
}

/// Equal sequences that take their new positions at once, `times` times.
struct Pass {
    double times = 1;
    Index sequences = 1, length = 1;
    double past = 0;        ///< positions before the new ones, in the mean
    double logit_rows = 0;  ///< of each pass
};

/// Counts the operations of one part.
class PartPlanner {
public:
    PartPlanner(const Config& config, const LlamaShape& shape, const QuantizedModel& sizes,
                const models::HardwareConfig& hardware)
        : shape_(shape),
          sizes_(sizes),
          hardware_(hardware),
          attention_(attention_formats(config)) {}

    PlannedPart plan(const std::string& name, const Pass& pass) {
        part_ = {.name = name,
                 .tokens = pass.times * static_cast<double>(pass.sequences * pass.length),
                 .gemms = {}};
        for (const auto& [id, layer] : sizes_.layers) linear(id, layer, pass);
        if (attention_) attention(pass);
        vector_passes(pass);
        return part_;
    }

private:
    void linear(const LinearId& id, const QuantizedLayer& layer, const Pass& pass) {
        const bool lm_head = id.kind == workloads::LinearKind::lm_head;
        const Index rows =
            lm_head ? static_cast<Index>(pass.logit_rows) : pass.sequences * pass.length;
        if (rows == 0) return;
        const models::LayerFormat& format = layer.format;
        const models::GemmShape shape{rows, layer.channels, layer.depth};
        // Most blocks are alike: one search for a mapping serves all.
        const auto key = std::tuple(shape.m, shape.n, shape.k, format);
        auto known = known_.find(key);
        if (known == known_.end()) {
            known = known_
                        .emplace(key, plan_gemm(shape, format.weight_bits, format.activations.bits,
                                                format.accumulator, hardware_))
                        .first;
        }
        add(known->second, pass.times);
    }

    void attention(const Pass& pass) {
        const Index group = shape_.heads / shape_.kv_heads;
        const Index block = std::min(query_block(shape_, hardware_), pass.length);
        const double pieces = static_cast<double>(divide_up(pass.length, block));
        const auto visible = static_cast<Index>(
            std::lround(pass.past + static_cast<double>(pass.length + block) / 2));
        const double times = pass.times * pieces *
                             static_cast<double>(shape_.blocks * pass.sequences * shape_.kv_heads);
        const AttentionFormats& formats = *attention_;
        add(plan_gemm({block * group, visible, shape_.head_size}, formats.kept.bits,
                      formats.scores.activations.bits, formats.scores.accumulator, hardware_),
            times);
        add(plan_gemm({block * group, shape_.head_size, visible}, formats.kept.bits,
                      formats.values.activations.bits, formats.values.accumulator, hardware_, true),
            times);
        // Softmax reads the scores and writes probabilities.
        values(times * static_cast<double>(block * group * visible), 1, 0,
               formats.values.activations.bits);
    }

    /// Embedding, norms, RoPE, the gate, residual sums, and quantization in front of each layer.
    void vector_passes(const Pass& pass) {
        const double rows = pass.times * static_cast<double>(pass.sequences * pass.length);
        const double block_rows = rows * static_cast<double>(shape_.blocks);
        const auto hidden = static_cast<double>(shape_.hidden);
        const double heads = static_cast<double>(shape_.heads * shape_.head_size);
        const int bits = hardware_.activations.bits;
        values(rows * hidden, 1, 1, 0);
        values(2 * block_rows * hidden, 1, 0, bits);
        if (attention_) {
            const auto kept = static_cast<double>(2 * shape_.kv_heads * shape_.head_size);
            values(block_rows * (heads + kept), 1, 0, bits);
        }
        values(block_rows * heads, 1, 0, bits);
        values(block_rows * static_cast<double>(shape_.ffn), 2, 0, bits);
        values(2 * block_rows * hidden, 2, 1, 0);
        values(pass.times * pass.logit_rows * hidden, 1, 0, bits);
    }

    /// `reads` and `writes` values in the output format for each, and codes of `code_bits`.
    void values(double count, int reads, int writes, int code_bits) {
        part_.vector_values += count;
        part_.vector_dram_bytes +=
            count * (reads + writes) * models::output_bits(hardware_.output_format) / 8;
        if (code_bits > 0) {
            part_.vector_dram_bytes += bytes_of_elements(count, code_bits, hardware_);
        }
    }

    void add(PlannedGemm gemm, double times) {
        gemm.times = times;
        const auto same = std::ranges::find_if(part_.gemms, [&](const PlannedGemm& other) {
            return other.shape == gemm.shape && other.dram_bytes == gemm.dram_bytes;
        });
        if (same != part_.gemms.end()) {
            same->times += times;
        } else {
            part_.gemms.push_back(gemm);
        }
    }

    const LlamaShape& shape_;
    const QuantizedModel& sizes_;
    const models::HardwareConfig& hardware_;
    const std::optional<AttentionFormats> attention_;
    PlannedPart part_;
    std::map<std::tuple<Index, Index, Index, models::LayerFormat>, PlannedGemm> known_;
};

/// Multiply-adds of one float token through all blocks, attention over `positions` earlier ones.
double float_token_macs(const LlamaShape& shape, double positions) {
    double macs = 0;
    for (const workloads::LinearKind kind : workloads::kLinearKinds) {
        macs += static_cast<double>(shape.linear_outputs(kind)) *
                static_cast<double>(shape.linear_inputs(kind));
    }
    macs += 2 * positions * static_cast<double>(shape.heads * shape.head_size);
    return macs * static_cast<double>(shape.blocks);
}

double block_weights(const LlamaShape& shape) {
    return float_token_macs(shape, 0);  // one multiply-add each
}

PlannedQuantization plan_quantization(const Config& config, const LlamaShape& shape,
                                      const WorkDone& done) {
    PlannedQuantization plan;
    const LayerConfigs layers = layer_configs(config, shape);
    const bool calibrates = looks_at_text(layers);
    const double streams = runs_float_stream(layers) ? 2 : 1;
    const quant::CalibrationConfig& text = config.quantizer.calibration;
    const double rows = static_cast<double>(text.sequences * text.length);
    for (const auto& [id, layer] : layers) {
        if (id.block < done.quantized_blocks) continue;
        const auto channels = static_cast<double>(shape.linear_outputs(id.kind));
        const auto depth = static_cast<double>(shape.linear_inputs(id.kind));
        plan.layers += 1;
        plan.weights_read += channels * depth * streams;
        const quant::QuantizerConfig& quantizer = layer.quantizer;
        const bool squares = works_on_moments(quantizer);
        plan.rounding_macs += channels * depth * (squares ? depth : 1);
        if (!squares || workloads::first_with_same_input(id) != id) continue;
        plan.moment_macs += rows * depth * depth * (compares_inputs(layer) ? 2 : 1);
        plan.factor_macs += depth * depth * depth;
    }
    if (plan.layers == 0) return plan;
    const auto length = static_cast<double>(text.length);
    const double left = std::max<double>(0, static_cast<double>(shape.blocks) -
                                                static_cast<double>(done.quantized_blocks)) /
                        static_cast<double>(shape.blocks);
    if (calibrates) {
        plan.calibration_rows = rows * streams;
        plan.forward_macs = plan.calibration_rows * float_token_macs(shape, length / 2) * left;
    }
    if (config.quantizer.equalization == quant::Equalization::smoothquant) {
        plan.calibration_rows = std::max(plan.calibration_rows, rows);
        plan.forward_macs += rows * float_token_macs(shape, length / 2);
        plan.weights_read += block_weights(shape);
        // Six rounded copies of every matrix on 256 samples (equalization.cpp).
        if (config.quantizer.smoothquant_search) {
            plan.forward_macs += 12.0 * 256.0 * block_weights(shape);
        }
    }
    return plan;
}

}  // namespace

double PlannedGemm::macs() const {
    return static_cast<double>(shape.m) * static_cast<double>(shape.n) *
           static_cast<double>(shape.k);
}

double PlannedPart::gemm_count() const {
    double sum = 0;
    for (const PlannedGemm& gemm : gemms) sum += gemm.times;
    return sum;
}

double PlannedPart::macs() const {
    double sum = 0;
    for (const PlannedGemm& gemm : gemms) sum += gemm.times * gemm.macs();
    return sum;
}

double PlannedPart::tiles() const {
    double sum = 0;
    for (const PlannedGemm& gemm : gemms) sum += gemm.times * gemm.tiles;
    return sum;
}

double PlannedPart::dram_bytes() const {
    double sum = vector_dram_bytes;
    for (const PlannedGemm& gemm : gemms) sum += gemm.times * gemm.dram_bytes;
    return sum;
}

PlannedGemm plan_gemm(const models::GemmShape& shape, int weight_bits, int activation_bits,
                      const AccumulatorFormat& accumulator, const models::HardwareConfig& hardware,
                      bool depth_first) {
    const int output_bits = models::output_bits(hardware.output_format);
    const models::Mapping mapping = models::choose_mapping(
        shape, {weight_bits, activation_bits, output_bits},
        {hardware.weight_bits, hardware.activations.bits, output_bits},
        models::hardware_for_mapping(hardware, accumulator, shape.n, depth_first));
    const models::Fetches fetches = mapping.fetches(shape);
    PlannedGemm gemm{.shape = shape};
    const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n),
               k = static_cast<double>(shape.k);
    gemm.dram_bytes =
        bytes_of_elements(n * k, weight_bits, hardware) * static_cast<double>(fetches.weights) +
        bytes_of_elements(m * k, activation_bits, hardware) *
            static_cast<double>(fetches.activations) +
        m * n * output_bits / 8;
    gemm.tiles = static_cast<double>(divide_up(shape.m, mapping.m_tile)) *
                 static_cast<double>(divide_up(shape.n, mapping.n_tile)) *
                 static_cast<double>(divide_up(shape.k, mapping.k_chunk));
    return gemm;
}

WorkPlan plan_work(const Config& config, const LlamaShape& shape, const QuantizedModel& sizes,
                   const WorkDone& done) {
    const WorkloadConfig& workload = config.workload;
    const EvaluationConfig& text = workload.evaluation;
    const PhasesConfig& phases = workload.phases;
    const models::HardwareConfig hardware = built_hardware(config, sizes);
    WorkPlan plan;
    plan.has_values = !workload.timing_only && done.needs_integers;
    plan.blocks = shape.blocks;
    plan.repeats = shape.repeats;
    if (plan.has_values) plan.quantization = plan_quantization(config, shape, done);

    PartPlanner planner(config, shape, sizes, hardware);
    const Index batch = phases.batch;
    plan.parts.push_back(planner.plan("prefill", {.times = 1,
                                                  .sequences = batch,
                                                  .length = phases.prefill_tokens,
                                                  .past = 0,
                                                  .logit_rows = static_cast<double>(batch)}));
    if (phases.decode_tokens > 0) {
        const double mean_past = static_cast<double>(phases.prefill_tokens) +
                                 static_cast<double>(phases.decode_tokens - 1) / 2;
        plan.parts.push_back(
            planner.plan("decode", {.times = static_cast<double>(phases.decode_tokens),
                                    .sequences = batch,
                                    .length = 1,
                                    .past = mean_past,
                                    .logit_rows = static_cast<double>(batch)}));
    }
    if (text.tokens == 0 || done.has_evaluation) return plan;
    const Index length = std::min<Index>(text.context, text.tokens);
    const double windows = static_cast<double>(text.tokens) / static_cast<double>(length);
    plan.parts.push_back(planner.plan("evaluation", {.times = windows,
                                                     .sequences = 1,
                                                     .length = length,
                                                     .past = 0,
                                                     .logit_rows = static_cast<double>(length)}));
    const auto tokens = static_cast<double>(text.tokens);
    const auto vocabulary = static_cast<double>(shape.vocabulary);
    const double logit_macs = tokens * vocabulary * static_cast<double>(shape.hidden);
    if (!done.has_float_hidden) {
        plan.float_macs += tokens * float_token_macs(shape, static_cast<double>(length) / 2);
        plan.float_weights_read += block_weights(shape);
    }
    // Logits of the float model, of the host where lm_head is float, and one window of all layers
    // that is compared with their float weights.
    plan.float_macs += logit_macs * (config.lm_head.bits == kFloatBits ? 2 : 1);
    plan.float_macs += static_cast<double>(length) * float_token_macs(shape, 0);
    plan.float_weights_read +=
        block_weights(shape) + vocabulary * static_cast<double>(shape.hidden);
    plan.scored_logits = tokens * vocabulary;
    return plan;
}

}  // namespace axesim::sim
