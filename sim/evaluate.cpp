// SPDX-License-Identifier: Apache-2.0
#include "sim/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "common/error.h"
#include "common/stopwatch.h"
#include "sim/config/attention_formats.h"
#include "sim/hardware_linear.h"
#include "sim/model_memory.h"
#include "sim/operation_trace.h"
#include "sim/platform.h"
#include "workloads/scoring.h"

namespace axesim::sim {

namespace {

using Windows = std::vector<std::vector<workloads::TokenId>>;

Windows evaluation_windows(const workloads::Text& text, const EvaluationConfig& evaluation) {
    if (evaluation.tokens == 0) return {};
    const std::int64_t length = std::min(evaluation.context, evaluation.tokens);
    if (evaluation.tokens % length != 0) {
        throw UserError(
            fmt::format("workload.evaluation.tokens: {} is not a whole number of windows of "
                        "workload.evaluation.context = {} tokens",
                        evaluation.tokens, evaluation.context));
    }
    return workloads::cut_windows(text, evaluation.first_token, evaluation.tokens / length, length);
}

/// `batch` sequences of `length` tokens for the phases. Time and nominal energy do not depend on
/// the tokens' values, so a short text may serve again from its start.
Windows phase_sequences(const workloads::Text& text, const Config& config, std::int64_t length) {
    Windows sequences(static_cast<std::size_t>(config.workload.phases.batch));
    std::size_t next = static_cast<std::size_t>(config.workload.evaluation.first_token);
    for (auto& sequence : sequences) {
        for (std::int64_t i = 0; i < length; ++i) {
            sequence.push_back(text.tokens[next++ % text.tokens.size()]);
        }
    }
    return sequences;
}

/// Windows of the evaluation run one by one, the sequences of the phases together.
MemoryNeeds memory_needs(const Config& config) {
    const PhasesConfig& phases = config.workload.phases;
    const EvaluationConfig& evaluation = config.workload.evaluation;
    const Index window = std::min(evaluation.context, evaluation.tokens);
    MemoryNeeds needs;
    needs.sequences = phases.batch;
    needs.tokens = std::max<Index>(window, phases.batch * phases.prefill_tokens);
    needs.longest_new = std::max<Index>(window, phases.prefill_tokens);
    needs.longest = phases.prefill_tokens + phases.decode_tokens;
    needs.longest_first = std::max<Index>(window, needs.longest);
    if (config.lm_head.bits != kFloatBits) {
        needs.logits = std::max<Index>(std::min<Index>(window, kLogitRows), phases.batch);
    }
    return needs;
}

PlatformSize platform_size(const QuantizedModel& quantized, const workloads::LlamaShape& shape,
                           const Config& config, const models::HardwareConfig& hardware) {
    PlatformSize size;
    size.has_values = quantized.has_integers;
    size.measures_activity = config.energy.is_measured();
    const MemoryNeeds needs = memory_needs(config);
    size.max_tokens = needs.tokens;
    size.max_depth = shape.deepest_input();
    size.other_bytes = ModelMemory::bytes(shape, needs, attention_formats(config), hardware);
    for (const auto& [id, layer] : quantized.layers) {
        size.weight_bytes += Platform::weight_bytes(layer.channels, layer.depth, layer.format,
                                                    hardware, layer.has_bias);
    }
    return size;
}

/// The parts of a workload, as the host program runs them.
class Host {
public:
    Host(const workloads::LoadedModel& model, const QuantizedModel& quantized,
         const workloads::Text& text, const Config& config, Progress& progress, Platform& platform,
         SharedWork& shared, const std::optional<Evaluation>& known, OperationTrace* trace)
        : model_(model),
          quantized_(quantized),
          text_(text),
          config_(config),
          progress_(progress),
          platform_(platform),
          shared_(shared),
          known_(known),
          trace_(trace),
          float_forward_(*model.weights),
          forward_(*quantized.equalized.weights),
          linear_(platform, quantized, config, memory_needs(config)) {}

    void run(const Windows& windows, WorkloadRun& result) {
        const Stopwatch stopwatch;
        const ProcessorStopwatch processor;
        run_phases(result);
        result.hardware_seconds = stopwatch.seconds();
        result.hardware_processor_seconds = processor.seconds();
        if (windows.empty()) {
            result.evaluation = result.prefill.layers;
        } else if (known_) {
            result.accuracy = known_->accuracy;
            result.evaluation = known_->layers;
            for (auto& [id, record] : result.evaluation) {
                record.format = result.prefill.layers.at(id).format;
            }
        } else {
            evaluate(windows, result);
            shared_.store({*result.accuracy, result.evaluation, quantized_.proofs()});
        }
        result.all = platform_.counts();
    }

private:
    void evaluate(const Windows& windows, WorkloadRun& result) {
        Stopwatch stopwatch;
        const Matrix<float> expected = float_hidden(windows);
        result.float_seconds = stopwatch.seconds();

        const auto length = static_cast<Index>(windows.front().size());
        ProcessorStopwatch processor;
        workloads::ComparedScore score;
        progress_.start("evaluate on the simulated hardware", windows.size());
        for (std::size_t w = 0; w < windows.size(); ++w) {
            stopwatch.restart();
            processor.restart();
            // Comparing every layer with float costs as much as the hardware; one window tells.
            linear_.record(result.evaluation, w == 0);
            const workloads::Activations stream = forward_.residual_stream({windows[w]}, linear_);
            const Matrix<float>& residual = stream.values();
            for (Index first = 0; first + 1 < length; first += kLogitRows) {
                const Index rows = std::min(kLogitRows, length - first);
                linear_.start(1, first, rows);
                const workloads::Activations found =
                    forward_.logits(Matrix<float>(residual.middleRows(first, rows)), linear_);
                const Matrix<float>& logits = found.values();
                result.hardware_seconds += stopwatch.seconds();
                result.hardware_processor_seconds += processor.seconds();
                stopwatch.restart();
                const Matrix<float> reference = float_forward_.logits(
                    expected.middleRows(static_cast<Index>(w) * length + first, rows));
                result.float_seconds += stopwatch.seconds();
                score.add(
                    reference, logits,
                    std::span(windows[w])
                        .subspan(static_cast<std::size_t>(first) + 1,
                                 static_cast<std::size_t>(std::min(rows, length - first - 1))));
                stopwatch.restart();
                processor.restart();
            }
            progress_.advance(1, fmt::format("window {} of {}", w + 1, windows.size()));
        }
        progress_.finish();

        const auto tokens = static_cast<double>(score.other.tokens);
        result.accuracy =
            reports::Accuracy{.perplexity_float = score.reference.perplexity(),
                              .perplexity_quantized = score.other.perplexity(),
                              .kl_divergence = score.kl_sum / tokens,
                              .top1_agreement = static_cast<double>(score.same_argmax) / tokens,
                              .tokens = score.other.tokens};
    }

    /// What the float model makes of the windows.
    Matrix<float> float_hidden(const Windows& windows) {
        const auto rows = static_cast<Index>(windows.size() * windows.front().size());
        if (auto known = shared_.float_hidden(rows, model_.weights->shape().hidden)) {
            return std::move(*known);
        }
        workloads::FloatLinear float_linear(*model_.weights);
        Matrix<float> hidden = float_forward_.hidden_states(windows, float_linear);
        shared_.store_float_hidden(hidden);
        return hidden;
    }

    void run_phases(WorkloadRun& result) {
        const PhasesConfig& phases = config_.workload.phases;
        const Windows sequences =
            phase_sequences(text_, config_, phases.prefill_tokens + phases.decode_tokens);
        workloads::KvCache cache(model_.weights->shape(), phases.batch);
        progress_.start("time prefill and decode",
                        static_cast<std::uint64_t>(1 + phases.decode_tokens));
        result.prefill = {phases.prefill_tokens, phases.batch, {}};
        if (trace_ != nullptr) trace_->begin_part("prefill");
        linear_.record(result.prefill.layers, false, trace_);
        next_tokens(columns(sequences, 0, phases.prefill_tokens), cache);
        progress_.advance(1, "prefill");

        if (phases.decode_tokens > 0) {
            PhaseRun& decode = result.decode.emplace();
            decode = {phases.decode_tokens, phases.batch, {}};
            if (trace_ != nullptr) trace_->begin_part("decode");
            for (std::int64_t step = 0; step < phases.decode_tokens; ++step) {
                linear_.record(decode.layers, false, step == 0 ? trace_ : nullptr);
                next_tokens(columns(sequences, phases.prefill_tokens + step, 1), cache);
                progress_.advance(1, "decode");
            }
        }
        progress_.finish();
    }

    /// What a server does to choose the next token of every sequence: of their new positions only
    /// the last needs logits.
    void next_tokens(const Windows& sequences, workloads::KvCache& cache) {
        const auto length = static_cast<Index>(sequences.front().size());
        const workloads::Activations last =
            last_of_each(forward_.residual_stream(sequences, linear_, &cache), length);
        linear_.start(last.rows(), cache.length() - 1, 1);
        if (linear_.has_lm_head()) {
            forward_.logits(last, linear_);
        } else {
            forward_.final_norm(last, linear_);
        }
    }

    /// Of rows of sequences of this length the last one each.
    static workloads::Activations last_of_each(const workloads::Activations& rows, Index length) {
        const Index sequences = rows.rows() / length;
        if (!rows.has_values()) return workloads::Activations::of_shape(sequences, rows.cols());
        Matrix<float> last(sequences, rows.cols());
        for (Index i = 0; i < sequences; ++i) last.row(i) = rows.values().row((i + 1) * length - 1);
        return last;
    }

    /// Tokens [first, first + count) of every sequence.
    static Windows columns(const Windows& sequences, std::int64_t first, std::int64_t count) {
        Windows part;
        for (const auto& sequence : sequences) {
            part.emplace_back(sequence.begin() + first, sequence.begin() + first + count);
        }
        return part;
    }

    const workloads::LoadedModel& model_;
    const QuantizedModel& quantized_;
    const workloads::Text& text_;
    const Config& config_;
    Progress& progress_;
    Platform& platform_;
    SharedWork& shared_;
    const std::optional<Evaluation>& known_;
    OperationTrace* trace_;
    workloads::LlamaForward float_forward_;
    workloads::LlamaForward forward_;  ///< of what was quantized
    HardwareLinear linear_;
};

}  // namespace

std::uint64_t simulated_dram_bytes(const QuantizedModel& quantized,
                                   const workloads::LlamaShape& shape, const Config& config) {
    const models::HardwareConfig hardware = built_hardware(config, quantized);
    return Platform::dram_bytes(platform_size(quantized, shape, config, hardware), hardware);
}

void require_enough_text(const workloads::Text& text, const Config& config) {
    evaluation_windows(text, config.workload.evaluation);
}

WorkloadRun run_workload(const workloads::LoadedModel& model, const QuantizedModel& quantized,
                         const workloads::Text& text, const Config& config, Progress& progress,
                         SharedWork& shared, const std::optional<Evaluation>& known,
                         OperationTrace* trace) {
    WorkloadRun result;
    const Windows windows = evaluation_windows(text, config.workload.evaluation);
    models::set_simulation_resolution();
    const models::HardwareConfig hardware = built_hardware(config, quantized);
    Platform platform("platform", hardware,
                      platform_size(quantized, model.weights->shape(), config, hardware));
    platform.run([&] {
        Host(model, quantized, text, config, progress, platform, shared, known, trace)
            .run(windows, result);
    });
    return result;
}

}  // namespace axesim::sim
