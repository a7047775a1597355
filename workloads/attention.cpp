// SPDX-License-Identifier: Apache-2.0
#include "workloads/attention.h"

#include <cmath>

#include "common/parallel.h"

namespace axesim::workloads {

namespace {

constexpr Index kRowBlock = 64;
constexpr Index kQueryBlock = 64;  // query rows whose scores are held at once: they fit the cache

// Row i of scores may see the first `visible` + i columns; the others become 0.
void causal_softmax(Matrix<float>& scores, Index visible) {
    for (Index i = 0; i < scores.rows(); ++i) {
        const Index seen = visible + i;
        auto row = scores.row(i).head(seen).array();
        row = (row - row.maxCoeff()).exp();
        row *= 1.0F / row.sum();
        scores.row(i).tail(scores.cols() - seen).setZero();
    }
}

// Room for `needed` rows; what is there stays. Doubling keeps decoding from copying all of it for
// every token.
void reserve_rows(Matrix<float>& rows, Index needed, Index columns) {
    if (needed <= rows.rows()) return;
    rows.conservativeResize(rows.rows() == 0 ? needed : std::max(needed, 2 * rows.rows()), columns);
}

}  // namespace

Matrix<float> rms_norm(const Matrix<float>& x, std::span<const float> weight, double epsilon) {
    const Eigen::Map<const Eigen::RowVectorXf> scale(weight.data(), x.cols());
    Matrix<float> y(x.rows(), x.cols());
    for_blocks(x.rows(), kRowBlock, [&](Index first, Index count) {
        for (Index r = first; r < first + count; ++r) {
            const float mean_square = x.row(r).squaredNorm() / static_cast<float>(x.cols());
            const float factor = 1.0F / std::sqrt(mean_square + static_cast<float>(epsilon));
            y.row(r) = (x.row(r) * factor).cwiseProduct(scale);
        }
    });
    return y;
}

void swiglu(Matrix<float>& gate, const Matrix<float>& up) {
    for_blocks(gate.rows(), kRowBlock, [&](Index first, Index count) {
        auto g = gate.middleRows(first, count).array();
        g = g / (1.0F + (-g).exp()) * up.middleRows(first, count).array();
    });
}

RotaryTable::RotaryTable(const LlamaShape& shape, Index first, Index count)
    : head_size_(shape.head_size),
      cosines_(count, shape.head_size / 2),
      sines_(count, shape.head_size / 2) {
    for (Index i = 0; i < head_size_ / 2; ++i) {
        double frequency = std::pow(
            shape.rope_base, -2.0 * static_cast<double>(i) / static_cast<double>(head_size_));
        if (!shape.rope_factors.empty()) {
            frequency /= static_cast<double>(shape.rope_factors[static_cast<std::size_t>(i)]);
        }
        for (Index p = 0; p < count; ++p) {
            const double angle = static_cast<double>(first + p) * frequency;
            cosines_(p, i) = static_cast<float>(std::cos(angle));
            sines_(p, i) = static_cast<float>(std::sin(angle));
        }
    }
}

void RotaryTable::rotate(Matrix<float>& x) const {
    const Index half = head_size_ / 2;
    for_blocks(x.rows(), kRowBlock, [&](Index first, Index count) {
        Eigen::RowVectorXf kept(half);
        for (Index r = first; r < first + count; ++r) {
            const auto cosine = cosines_.row(r % cosines_.rows());
            const auto sine = sines_.row(r % sines_.rows());
            for (Index begin = 0; begin < x.cols(); begin += head_size_) {
                auto low = x.row(r).segment(begin, half);
                auto high = x.row(r).segment(begin + half, half);
                kept = low;
                low = low.cwiseProduct(cosine) - high.cwiseProduct(sine);
                high = high.cwiseProduct(cosine) + kept.cwiseProduct(sine);
            }
        }
    });
}

Matrix<float> attend_in_float(const AttentionStep& step, Matrix<float>& q, Matrix<float>& k,
                              const Matrix<float>& v) {
    step.rotary.rotate(q);
    step.rotary.rotate(k);
    const Index total = step.past + step.length;
    std::vector<KeysAndValues> past;
    for (Index s = 0; s < step.sequences; ++s) {
        Matrix<float>& keys = step.kept.keys[static_cast<std::size_t>(s)];
        Matrix<float>& values = step.kept.values[static_cast<std::size_t>(s)];
        reserve_rows(keys, total, k.cols());
        reserve_rows(values, total, v.cols());
        keys.middleRows(step.past, step.length) = k.middleRows(s * step.length, step.length);
        values.middleRows(step.past, step.length) = v.middleRows(s * step.length, step.length);
        past.push_back({{keys.data(), total, k.cols()}, {values.data(), total, v.cols()}});
    }
    return causal_attention(step.shape, q, past);
}

Matrix<float> causal_attention(const LlamaShape& shape, const Matrix<float>& q,
                               const std::vector<KeysAndValues>& past) {
    const auto sequences = static_cast<Index>(past.size());
    const Index length = q.rows() / sequences;
    const Index size = shape.head_size;
    const Index heads_per_kv = shape.heads / shape.kv_heads;
    const Index query_blocks = (length + kQueryBlock - 1) / kQueryBlock;
    const float scale = 1.0F / std::sqrt(static_cast<float>(size));
    Matrix<float> out(q.rows(), q.cols());
    const auto attend = [&](Index sequence, Index head, Index query_block) {
        const auto& [keys, values] = past[static_cast<std::size_t>(sequence)];
        const Index first = query_block * kQueryBlock;
        const Index rows = std::min(kQueryBlock, length - first);
        const Index visible = keys.rows() - length + first + 1;  // to the first of these rows
        const Index total = visible + rows - 1;
        const Index kv_column = head / heads_per_kv * size;
        const auto queries = q.block(sequence * length + first, head * size, rows, size);
        Matrix<float> scores(rows, total);
        scores.noalias() = queries * keys.block(0, kv_column, total, size).transpose();
        scores *= scale;
        causal_softmax(scores, visible);
        out.block(sequence * length + first, head * size, rows, size).noalias() =
            scores * values.block(0, kv_column, total, size);
    };
    for_blocks(sequences * shape.heads * query_blocks, 1, [&](Index item, Index) {
        attend(item / query_blocks / shape.heads, item / query_blocks % shape.heads,
               item % query_blocks);
    });
    return out;
}

}  // namespace axesim::workloads
