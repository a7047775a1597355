// SPDX-License-Identifier: Apache-2.0
#include "sim/hardware_linear.h"

#include <utility>

#include "common/parallel.h"
#include "workloads/attention.h"

namespace axesim::sim {

using workloads::Activations;
using workloads::LinearId;

namespace {

constexpr Index kRoundedValues = 4096;  // that are rounded together

}  // namespace

HardwareLinear::HardwareLinear(Platform& platform, const QuantizedModel& model,
                               const Config& config, const MemoryNeeds& needs)
    : platform_(platform),
      model_(model),
      lm_head_id_(model.equalized.weights->shape().lm_head()),
      recorder_(platform),
      memory_(model.equalized.weights->shape(), needs, attention_formats(config), platform.config(),
              [&](std::uint64_t bytes) { return platform.allocate(bytes); }) {
    for (const auto& [id, layer] : model.layers) {
        if (platform.has_values()) {
            quant::QuantizedLinear room;
            const quant::QuantizedLinear& linear = model.linear(id, room);
            weights_[id] = platform.store_weights(linear.codes, linear.step, layer.format,
                                                  linear.tile_scales, linear.bias);
        } else {
            weights_[id] =
                platform.reserve_weights(layer.channels, layer.depth, layer.format, layer.has_bias);
        }
    }
    if (const auto formats = attention_formats(config)) {
        const Index head_size = model.equalized.weights->shape().head_size;
        std::optional<models::Hadamard> rotation;
        if (config.attention.rotation) rotation.emplace(head_size);
        attention_.emplace(platform, recorder_, memory_, *formats, head_size, std::move(rotation));
    }
}

void HardwareLinear::record(LayerRecords& records, bool compare, OperationTrace* trace) {
    recorder_.start(records, trace);
    compare_ = compare;
}

/// The words of values on their way to memory; rounds the values to what it holds of them.
models::ValueRun HardwareLinear::rounded(std::uint64_t address, Activations& activations) const {
    const models::OutputFormat format = platform_.config().output_format;
    models::ValueRun run{.address = address, .elements = activations.size(), .words = {}};
    if (!activations.has_values()) return run;
    Matrix<float>& values = activations.values();
    run.words.resize(static_cast<std::size_t>(values.size()));
    for_blocks(values.size(), kRoundedValues, [&](Index first, Index count) {
        const std::span part(values.data() + first, static_cast<std::size_t>(count));
        const auto words =
            std::span(run.words).subspan(static_cast<std::size_t>(first), part.size());
        models::values_to_words(part, format, words);
        models::words_to_values(words, format, part);
    });
    return run;
}

void HardwareLinear::run_pass(models::VectorCommand pass, const OperationId& id,
                              const Activations& rows) {
    recorder_.begin(id);
    pass.rows = rows.rows();
    platform_.vector_pass(std::move(pass));
    recorder_.note(id, platform_.config().layer_format(), {rows.rows(), rows.cols(), 0});
}

void HardwareLinear::embed(Activations& hidden) {
    models::VectorCommand pass;
    pass.reads = {platform_.values_at(memory_.residual, hidden.size())};
    pass.writes = {rounded(memory_.residual, hidden)};
    run_pass(std::move(pass), {0, Operation::embedding}, hidden);
}

void HardwareLinear::add(const LinearId& layer, Activations& hidden, const Activations& added) {
    if (hidden.has_values()) hidden.values() += added.values();
    models::VectorCommand pass;
    pass.reads = {platform_.values_at(memory_.results[0], added.size()),
                  platform_.values_at(memory_.residual, hidden.size())};
    pass.work = models::addition_work(static_cast<std::uint64_t>(hidden.size()));
    pass.writes = {rounded(memory_.residual, hidden)};
    const bool attention = layer.kind == workloads::LinearKind::o_proj;
    run_pass(std::move(pass),
             {layer.block, attention ? Operation::attention_add : Operation::ffn_add}, hidden);
}

Activations HardwareLinear::normalize(const workloads::NormId& norm, const Activations& hidden,
                                      std::span<const float> weight, double epsilon) {
    models::VectorCommand pass;
    pass.reads = {platform_.values_at(memory_.residual, hidden.size()),
                  platform_.constants_at(memory_.constants, hidden.cols())};
    pass.work = models::rms_norm_work(hidden.rows(), hidden.cols());
    Activations normalized =
        hidden.has_values() ? workloads::rms_norm(hidden.values(), weight, epsilon) : hidden;
    if (norm.kind == workloads::NormKind::final && !has_lm_head()) {
        pass.writes = {rounded(memory_.results[0], normalized)};
        run_pass(std::move(pass), norm, hidden);
    } else {
        pending_ = {std::move(pass), norm, {hidden.rows(), hidden.cols(), 0}};
    }
    return normalized;
}

Activations HardwareLinear::attend(const workloads::AttentionStep& step, Activations& q,
                                   Activations& k, const Activations& v) {
    if (!attention_) {
        return q.has_values() ? workloads::LinearOperator::attend(step, q, k, v)
                              : Activations::of_shape(q.rows(), q.cols());
    }
    Activations output = attention_->attend(step, q, k, v);
    pending_.pass.reads = attention_->attended();
    return output;
}

void HardwareLinear::gate(int block, Activations& gate, const Activations& up) {
    models::VectorCommand pass;
    pass.reads = {platform_.values_at(memory_.results[0], gate.size()),
                  platform_.values_at(memory_.results[1], up.size())};
    pass.work = models::swiglu_work(static_cast<std::uint64_t>(gate.size()));
    pending_ = {
        std::move(pass), OperationId(block, Operation::swiglu), {gate.rows(), gate.cols(), 0}};
    if (gate.has_values()) workloads::swiglu(gate.values(), up.values());
}

void HardwareLinear::apply(std::span<const LinearId> layers, const Activations& input,
                           std::span<Activations> outputs) {
    const bool lm_head = layers.front() == lm_head_id_;
    if (lm_head && !has_lm_head()) {
        if (float_lm_head_.size() == 0) float_lm_head_ = model_.equalized.weights->lm_head();
        multiply_transposed(input.values(), float_lm_head_, outputs[0].values());
        return;
    }
    const models::Hadamard* rotation = model_.equalized.rotation(layers.front().kind);
    const QuantizedLayer& first = model_.layers.at(layers.front());
    std::vector<models::StaticRange> ranges;
    if (first.input_ranges) ranges = ranges_of_rows(*first.input_ranges, positions_);
    Pending before = std::exchange(pending_, {});
    recorder_.begin(before.id.value_or(layers.front()));
    const models::OperandRef activations =
        platform_.quantize(input.has_values() ? &input.values() : nullptr, input.rows(),
                           input.cols(), rotation, ranges, first.format, std::move(before.pass));
    if (before.id) recorder_.note(*before.id, first.format, before.shape);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const LinearId& id = layers[i];
        const QuantizedLayer& layer = model_.layers.at(id);
        const models::LayerFormat& format = layer.format;
        if (before.id || i > 0) recorder_.begin(id);
        Matrix<float> output;
        const GemmReport report = platform_.multiply(weights_.at(id), activations, format, output,
                                                     lm_head ? memory_.logits : memory_.results[i]);
        LayerRecord& record = recorder_.note(id, format, report.shape, report);
        outputs[i] = needs_values() ? Activations(std::move(output))
                                    : Activations::of_shape(input.rows(), layer.channels);
        if (compare_) compare(id, input.values(), outputs[i].values(), record);
    }
}

void HardwareLinear::compare(const LinearId& id, const Matrix<float>& input,
                             const Matrix<float>& output, LayerRecord& record) const {
    Matrix<float> expected;
    if (const models::Hadamard* rotation = model_.equalized.rotation(id.kind)) {
        Matrix<float> rotated = input;
        rotation->rotate_rows(rotated);
        multiply_transposed(rotated, model_.equalized.weights->weights_of(id), expected);
    } else {
        multiply_transposed(input, model_.equalized.weights->weights_of(id), expected);
    }
    // Row by row in double, in one order, so that the sums are the same for any thread count.
    for (Index row = 0; row < expected.rows(); ++row) {
        const auto wanted = expected.row(row).cast<double>();
        record.error_sum += (output.row(row).cast<double>() - wanted).squaredNorm();
        record.reference_sum += wanted.squaredNorm();
    }
    record.compared_values += expected.size();
}

}  // namespace axesim::sim
