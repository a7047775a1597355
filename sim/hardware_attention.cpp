// SPDX-License-Identifier: Apache-2.0
#include "sim/hardware_attention.h"

#include <cmath>

#include "common/parallel.h"

namespace axesim::sim {

using models::OperandRef;
using workloads::Activations;
using workloads::AttentionStep;

namespace {

constexpr Index kSoftmaxRows = 16;

/// Row i of scores may see the first visible + i / group columns. Every row becomes its softmax,
/// each element times its column's factor.
void weighted_softmax(Matrix<float>& scores, Index visible, Index group,
                      const Eigen::ArrayXf& factors) {
    for_blocks(scores.rows(), kSoftmaxRows, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i) {
            const Index seen = visible + i / group;
            // Worked on apart: where it lies among the scores, and so how many of them are computed
            // together, would decide in which order its elements are summed.
            Eigen::ArrayXf row = scores.row(i).head(seen).transpose();
            row = (row - row.maxCoeff()).exp();
            row *= 1.0F / row.sum();
            row *= factors.head(seen);
            scores.row(i).head(seen) = row.transpose();
            scores.row(i).tail(scores.cols() - seen).setZero();
        }
    });
}

/// Elements [first position.., head_size] of a head of one sequence.
Matrix<float> head_of(const AttentionStep& step, const Matrix<float>& x, Index sequence,
                      Index head) {
    const Index size = step.shape.head_size;
    return x.block(sequence * step.length, head * size, step.length, size);
}

/// What becomes codes: queries [heads of keys * positions * group, head_size], and for each head of
/// keys of each sequence these and the values, [positions, head_size].
struct HeadInputs {
    Matrix<float> queries;
    std::vector<Matrix<float>> keys, values;
};

/// After RoPE, which q and k are changed for.
HeadInputs inputs_of_heads(const AttentionStep& step, Matrix<float>& q, Matrix<float>& k,
                           const Matrix<float>& v) {
    const Index size = step.shape.head_size;
    const Index group = step.shape.heads / step.shape.kv_heads;
    step.rotary.rotate(q);
    step.rotary.rotate(k);
    q *= 1.0F / std::sqrt(static_cast<float>(size));  // a constant factor of their scales
    HeadInputs inputs;
    inputs.queries.resize(step.sequences * step.length * step.shape.heads, size);
    for (Index sequence = 0, row = 0; sequence < step.sequences; ++sequence) {
        for (Index head = 0; head < step.shape.kv_heads; ++head) {
            for (Index position = 0; position < step.length; ++position) {
                for (Index g = 0; g < group; ++g) {
                    inputs.queries.row(row++) = q.row(sequence * step.length + position)
                                                    .segment((head * group + g) * size, size);
                }
            }
            inputs.keys.push_back(head_of(step, k, sequence, head));
            inputs.values.push_back(head_of(step, v, sequence, head));
        }
    }
    return inputs;
}

}  // namespace

HardwareAttention::HardwareAttention(Platform& platform, Recorder& recorder,
                                     const ModelMemory& memory, const AttentionFormats& formats,
                                     Index head_size, std::optional<models::Hadamard> rotation)
    : platform_(platform),
      recorder_(recorder),
      memory_(memory),
      formats_(formats),
      rotation_(std::move(rotation)) {
    std::vector<std::int32_t> words;
    for (Index channel = 0; channel < head_size; ++channel) {
        words.insert(words.end(), {models::float_bits(1.0F), 0});
    }
    platform.store_words(memory.value_words, std::move(words));
}

OperandRef HardwareAttention::codes_at(std::uint64_t address, std::uint64_t words, Index rows,
                                       Index columns,
                                       const models::ActivationFormat& format) const {
    return {.address = address,
            .metadata_address = words,
            .rows = rows,
            .columns = columns,
            .format = platform_.element_format(format.bits),
            .is_signed = format.is_signed()};
}

Activations HardwareAttention::attend(const AttentionStep& step, Activations& q, Activations& k,
                                      const Activations& v) {
    quantize_heads(step, q, k, v);
    Activations output = q.has_values() ? Activations(Matrix<float>(q.rows(), q.cols()))
                                        : Activations::of_shape(q.rows(), q.cols());
    attended_.clear();
    for (Index sequence = 0; sequence < step.sequences; ++sequence) {
        for (Index head = 0; head < step.shape.kv_heads; ++head) {
            attend_head(step, sequence, head, output);
        }
    }
    return output;
}

void HardwareAttention::quantize_heads(const AttentionStep& step, Activations& q, Activations& k,
                                       const Activations& v) {
    const workloads::LlamaShape& shape = step.shape;
    const Index size = shape.head_size;
    const Index group = shape.heads / shape.kv_heads;
    models::VectorCommand pass;
    pass.rows = step.sequences * shape.kv_heads * step.length;  // a key, a value, and their queries
    pass.reads = {platform_.values_at(memory_.results[0], q.size()),
                  platform_.values_at(memory_.results[1], k.size()),
                  platform_.values_at(memory_.results[2], v.size()),
                  platform_.constants_at(memory_.constants, step.length * size)};
    pass.work = models::rotary_work(static_cast<std::uint64_t>(q.size() + k.size()));
    HeadInputs inputs;
    if (q.has_values()) inputs = inputs_of_heads(step, q.values(), k.values(), v.values());

    const models::Hadamard* rotation = rotation_ ? &*rotation_ : nullptr;
    const Index all_queries = step.sequences * step.length * shape.heads;
    const auto add = [&](const Matrix<float>* input, Index rows, const models::Hadamard* rotated,
                         const models::ActivationFormat& format, const OperandRef& destination,
                         Index first_row, models::RowWord word, Index first_pass_row,
                         Index rows_a_pass_row) {
        pass.quantizations.push_back({.input = input,
                                      .rows = rows,
                                      .columns = size,
                                      .first_pass_row = first_pass_row,
                                      .rows_a_pass_row = rows_a_pass_row,
                                      .rotation = rotated,
                                      .format = format,
                                      .ranges = {},
                                      .destination = destination,
                                      .first_row = first_row,
                                      .row_word = word});
    };
    const models::ActivationFormat& format = formats_.scores.activations;
    add(q.has_values() ? &inputs.queries : nullptr, all_queries, rotation, format,
        codes_at(memory_.queries, memory_.query_words, all_queries, size, format), 0,
        models::RowWord::zero_point, 0, group);
    const auto kept = [&](const std::vector<Matrix<float>>& heads, Index head) {
        return q.has_values() ? &heads[static_cast<std::size_t>(head)] : nullptr;
    };
    for (Index head_index = 0; head_index < step.sequences * shape.kv_heads; ++head_index) {
        const HeadMemory& head =
            memory_.head(step.block, head_index / shape.kv_heads, head_index % shape.kv_heads);
        OperandRef keys =
            codes_at(head.keys, head.key_words, step.past + step.length, size, formats_.kept);
        OperandRef values =
            codes_at(head.values, head.value_scales, step.past + step.length, size, formats_.kept);
        keys.from_kv_cache = values.from_kv_cache = true;
        add(kept(inputs.keys, head_index), step.length, rotation, formats_.kept, keys, step.past,
            models::RowWord::sum, head_index * step.length, 1);
        add(kept(inputs.values, head_index), step.length, nullptr, formats_.kept, values, step.past,
            models::RowWord::none, head_index * step.length, 1);
    }
    recorder_.begin({step.block, Operation::rope});
    platform_.vector_pass(std::move(pass));
    recorder_.note({step.block, Operation::rope}, formats_.scores,
                   {step.sequences * step.length, q.cols() + k.cols() + v.cols(), 0});
}

/// Scores of block after block of positions, their softmax, and its products with the values.
void HardwareAttention::attend_head(const AttentionStep& step, Index sequence, Index kv_head,
                                    Activations& output) {
    const workloads::LlamaShape& shape = step.shape;
    const Index size = shape.head_size;
    const Index group = shape.heads / shape.kv_heads;
    const Index all_rows = step.sequences * step.length * shape.heads;
    const Index longest = step.past + step.length;
    const Index block = query_block(shape, platform_.config());
    const HeadMemory& head = memory_.head(step.block, sequence, kv_head);
    for (Index first = 0; first < step.length; first += block) {
        const Index positions = std::min(block, step.length - first);
        const Index total = step.past + first + positions;
        OperandRef queries = codes_at(memory_.queries, memory_.query_words, positions * group, size,
                                      formats_.scores.activations);
        queries.first_row = ((sequence * shape.kv_heads + kv_head) * step.length + first) * group;
        OperandRef keys = codes_at(head.keys, head.key_words, total, size, formats_.kept);
        keys.from_kv_cache = true;
        Matrix<float> scores;
        recorder_.begin({step.block, Operation::attention_scores});
        GemmReport report =
            platform_.multiply(keys, queries, formats_.scores, scores, memory_.scores);
        recorder_.note({step.block, Operation::attention_scores}, formats_.scores,
                       {all_rows, longest, size}, report);

        recorder_.begin({step.block, Operation::softmax});
        const OperandRef probabilities =
            weigh(head, positions * group, total, step.past + first + 1, group, scores);
        recorder_.note({step.block, Operation::softmax}, formats_.values, {all_rows, longest, 0});

        OperandRef values = codes_at(head.values, memory_.value_words, size, total, formats_.kept);
        values.from_kv_cache = values.depth_first = true;
        const std::uint64_t address = next_attended();
        Matrix<float> piece;
        recorder_.begin({step.block, Operation::attention_values});
        report = platform_.multiply(values, probabilities, formats_.values, piece, address);
        recorder_.note({step.block, Operation::attention_values}, formats_.values,
                       {all_rows, size, longest}, report);
        attended_.push_back(platform_.values_at(address, positions * group * size));
        for (Index row = 0; row < piece.rows(); ++row) {
            output.values()
                .row(sequence * step.length + first + row / group)
                .segment((kv_head * group + row % group) * size, size) = piece.row(row);
        }
    }
}

std::uint64_t HardwareAttention::next_attended() const {
    if (attended_.empty()) return memory_.attended;
    const models::TensorRun& last = attended_.back();
    return last.address +
           Platform::element_bytes(last.elements, last.format.element_bits, platform_.config());
}

/// One pass of the vector unit: scores to the codes of probabilities, each times the scale of its
/// position's value.
OperandRef HardwareAttention::weigh(const HeadMemory& head, Index rows, Index total, Index visible,
                                    Index group, Matrix<float>& scores) {
    if (platform_.has_values()) {
        Eigen::ArrayXf factors(total);
        const auto scales = platform_.read_words(head.value_scales, total, 32);
        for (Index i = 0; i < total; ++i) {
            factors(i) = models::bits_float(scales[static_cast<std::size_t>(i)]);
        }
        weighted_softmax(scores, visible, group, factors);
    }
    const OperandRef probabilities = codes_at(memory_.probabilities, memory_.probability_words,
                                              rows, total, formats_.values.activations);
    models::VectorCommand pass;
    pass.rows = rows;
    pass.reads = {platform_.values_at(memory_.scores, rows * total),
                  {.stream = models::Stream::kv_cache,
                   .metadata = true,
                   .address = head.value_scales,
                   .format = models::kWordFormat,
                   .elements = total,
                   .for_all_rows = true}};
    pass.work = models::softmax_work(rows, total);
    pass.quantizations = {{.input = platform_.has_values() ? &scores : nullptr,
                           .rows = rows,
                           .columns = total,
                           .rotation = nullptr,
                           .format = formats_.values.activations,
                           .ranges = {},
                           .destination = probabilities,
                           .first_row = 0,
                           .row_word = models::RowWord::zero_point}};
    platform_.vector_pass(std::move(pass));
    return probabilities;
}

}  // namespace axesim::sim
