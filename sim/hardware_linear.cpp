// SPDX-License-Identifier: Apache-2.0
#include "sim/hardware_linear.h"

#include <utility>

#include "common/parallel.h"
#include "workloads/attention.h"

namespace axesim::sim {

using workloads::LinearId;

HardwareLinear::HardwareLinear(Platform& platform, const QuantizedModel& model,
                               const Config& config, const MemoryNeeds& needs)
    : platform_(platform),
      model_(model),
      recorder_(platform),
      memory_(model.equalized.weights->shape(), needs, attention_formats(config), platform.config(),
              [&](std::uint64_t bytes) { return platform.allocate(bytes); }) {
    for (const auto& [id, layer] : model.layers) {
        weights_[id] = platform.store_weights(layer.linear.codes, layer.linear.step, layer.format,
                                              layer.linear.shifts);
    }
    if (const auto formats = attention_formats(config)) {
        const Index head_size = model.equalized.weights->shape().head_size;
        std::optional<models::Hadamard> rotation;
        if (config.attention.rotation) rotation.emplace(head_size);
        attention_.emplace(platform, recorder_, memory_, *formats, std::move(rotation));
        std::vector<std::int32_t> words;
        for (Index channel = 0; channel < head_size; ++channel) {
            words.insert(words.end(), {models::float_bits(1.0F), 0});
        }
        platform.store_words(memory_.value_words, std::move(words));
    }
}

void HardwareLinear::record(LayerRecords& records, bool compare) {
    recorder_.start(records);
    compare_ = compare;
}

void HardwareLinear::read(std::uint64_t address, std::int64_t elements) {
    pending_.pass.reads.push_back(
        {.stream = models::Stream::outputs,
         .metadata = false,
         .address = address,
         .format = {models::Layout::packed, output_bits(platform_.config().output_format)},
         .elements = elements});
}

/// Rounds values to what the memory holds of them.
void HardwareLinear::write(std::uint64_t address, Matrix<float>& values) {
    const models::OutputFormat format = platform_.config().output_format;
    models::ValueRun& run = pending_.pass.writes.emplace_back();
    run.address = address;
    run.words.resize(static_cast<std::size_t>(values.size()));
    for_blocks(values.size(), 4096, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i) {
            const std::int32_t word = models::output_word(values.data()[i], format);
            run.words[static_cast<std::size_t>(i)] = word;
            values.data()[i] = models::output_value(word, format);
        }
    });
}

void HardwareLinear::embed(Matrix<float>& hidden) {
    pending_ = {};
    read(memory_.residual, hidden.size());
    write(memory_.residual, hidden);
    platform_.vector_pass(pending_.pass);
    recorder_.note({0, Operation::embedding}, platform_.config().layer_format(),
                   {hidden.rows(), hidden.cols(), 0});
    pending_ = {};
}

void HardwareLinear::add(Matrix<float>& hidden, const Matrix<float>& added) {
    hidden += added;
    read(memory_.results[0], added.size());
    pending_.pass.work += models::addition_work(static_cast<std::uint64_t>(hidden.size()));
    write(memory_.residual, hidden);
}

Matrix<float> HardwareLinear::normalize(const workloads::NormId& norm, const Matrix<float>& hidden,
                                        std::span<const float> weight, double epsilon) {
    read(memory_.residual, hidden.size());
    read(memory_.constants, hidden.cols());
    pending_.pass.work += models::rms_norm_work(hidden.rows(), hidden.cols());
    pending_.id = norm;
    pending_.shape = {hidden.rows(), hidden.cols(), 0};
    Matrix<float> normalized = workloads::rms_norm(hidden, weight, epsilon);
    if (norm.kind != workloads::NormKind::final) return normalized;
    write(memory_.results[0], normalized);
    const Pending last = std::exchange(pending_, {});
    models::VectorCommand pass = last.pass;
    platform_.vector_pass(pass);
    recorder_.note(*last.id, platform_.config().layer_format(), last.shape);
    return normalized;
}

Matrix<float> HardwareLinear::attend(const workloads::AttentionStep& step, Matrix<float>& q,
                                     Matrix<float>& k, const Matrix<float>& v) {
    if (!attention_) return workloads::LinearOperator::attend(step, q, k, v);
    Matrix<float> output = attention_->attend(step, q, k, v);
    pending_.pass.reads = attention_->attended();
    return output;
}

void HardwareLinear::gate(int block, Matrix<float>& gate, const Matrix<float>& up) {
    read(memory_.results[0], gate.size());
    read(memory_.results[1], up.size());
    pending_.pass.work = models::swiglu_work(static_cast<std::uint64_t>(gate.size()));
    pending_.id = OperationId(block, Operation::swiglu);
    pending_.shape = {gate.rows(), gate.cols(), 0};
    workloads::swiglu(gate, up);
}

void HardwareLinear::apply(std::span<const LinearId> layers, const Matrix<float>& input,
                           std::span<Matrix<float>> outputs) {
    const models::Hadamard* rotation = model_.equalized.rotation(layers.front().kind);
    const QuantizedLayer& first = model_.layers.at(layers.front());
    std::vector<models::StaticRange> ranges;
    if (first.input_ranges) ranges = ranges_of_rows(*first.input_ranges, positions_);
    Pending before = std::exchange(pending_, {});
    const models::OperandRef activations =
        platform_.quantize(input, rotation, ranges, first.format, std::move(before.pass));
    if (before.id) recorder_.note(*before.id, first.format, before.shape);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const LinearId& id = layers[i];
        const models::LayerFormat& format = model_.layers.at(id).format;
        const GemmReport report = platform_.multiply(weights_.at(id), activations, format,
                                                     outputs[i], memory_.results[i]);
        LayerRecord& record = recorder_.note(id, format, report.shape, report);
        if (compare_) compare(id, input, outputs[i], record);
    }
}

void HardwareLinear::compare(const LinearId& id, const Matrix<float>& input,
                             const Matrix<float>& output, LayerRecord& record) const {
    Matrix<float> expected;
    if (const models::Hadamard* rotation = model_.equalized.rotation(id.kind)) {
        Matrix<float> rotated = input;
        rotation->rotate_rows(rotated);
        multiply_transposed(rotated, model_.equalized.weights->linear(id), expected);
    } else {
        multiply_transposed(input, model_.equalized.weights->linear(id), expected);
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
