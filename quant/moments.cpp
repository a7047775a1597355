// SPDX-License-Identifier: Apache-2.0
#include "quant/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/error.h"
#include "common/parallel.h"
#include "quant/feedback.h"

namespace axesim::quant {

namespace {

constexpr Index kSampleChunk = 512;  // short enough for sums in single precision

/// Rows of a share of the result: many shares, since those on a diagonal do a half for nothing, but
/// each reads all of the other operand.
Index share_rows(Index depth) { return std::clamp<Index>(depth / 12, 96, 256); }

template <class T>
using Samples = Eigen::Ref<const Matrix<T>>;

/// left^T right [K,K] (with upper_only only what is above the diagonal, and a little more).
/// rows_of(samples, first, count) are `count` samples from `first` on.
template <class T, class RowsOf>
Matrix<double> product(const Samples<T>& left, const Samples<T>& right, bool upper_only,
                       const RowsOf& rows_of) {
    const Index depth = left.cols();
    Matrix<double> total = Matrix<double>::Zero(depth, depth);
    for (Index sample = 0; sample < left.rows(); sample += kSampleChunk) {
        const Index samples = std::min(kSampleChunk, left.rows() - sample);
        const auto& left_rows = rows_of(left, sample, samples);
        const auto& right_rows = rows_of(right, sample, samples);
        for_blocks(depth, share_rows(depth), [&](Index row, Index rows) {
            const Index column = upper_only ? row : 0, columns = depth - column;
            Matrix<T> part(rows, columns);
            part.noalias() = left_rows.middleCols(row, rows).transpose() *
                             right_rows.middleCols(column, columns);
            total.block(row, column, rows, columns) += part.template cast<double>();
        });
    }
    return total;
}

/// left^T right with columns as they are in memory.
template <class T>
Matrix<double> product(const Samples<T>& left, const Samples<T>& right, bool upper_only) {
    return product<T>(left, right, upper_only,
                      [](const Samples<T>& samples, Index first, Index count) {
                          return samples.middleRows(first, count);
                      });
}

/// Makes h exactly symmetric: only what is above the diagonal was summed up in full.
void mirror_upper(Matrix<double>& h) {
    for_blocks(h.rows(), share_rows(h.rows()), [&](Index first, Index count) {
        h.block(first, 0, count, first) = h.block(0, first, first, count).transpose();
        for (Index i = first; i < first + count; ++i) {
            for (Index j = first; j < i; ++j) h(i, j) = h(j, i);
        }
    });
}

template <class T>
Matrix<double> h_of(const Samples<T>& quantized) {
    Matrix<double> h = product<T>(quantized, quantized, true);
    mirror_upper(h);
    return h;
}

/// InputMoments::past, columns visited in this order.
Matrix<double> past_of(const Samples<float>& quantized, const Samples<float>& original,
                       const std::vector<Index>& order) {
    const auto in_order = [&](const Samples<float>& samples, Index first, Index count) {
        constexpr Index kShare = 64;  // rows that one thread takes at once
        Matrix<float> rows(count, samples.cols());
        for_blocks(count, kShare, [&](Index row, Index some) {
            rows.middleRows(row, some) = samples.middleRows(first + row, some)(Eigen::all, order);
        });
        return rows;
    };
    Matrix<double> past = product<float>(original, quantized, true, in_order);
    past.triangularView<Eigen::StrictlyLower>().setZero();
    return past;
}

template <class T>
void require_alike(const Samples<T>& quantized, const Matrix<T>& original) {
    if (original.rows() != quantized.rows() || original.cols() != quantized.cols()) {
        throw UserError(
            fmt::format("quantized inputs are {} x {}, the original ones {} x {}: they must agree",
                        quantized.rows(), quantized.cols(), original.rows(), original.cols()));
    }
}

template <class T>
InputMoments moments_of(const Samples<T>& quantized, const Matrix<T>* original) {
    InputMoments moments;
    if (original != nullptr) {
        require_alike<T>(quantized, *original);
        moments.g = product<T>(quantized, *original, false);
    }
    moments.h = h_of<T>(quantized);
    return moments;
}

}  // namespace

InputMoments input_moments(const Samples<float>& quantized, const Matrix<float>* original) {
    return moments_of<float>(quantized, original);
}

InputMoments input_moments(const Samples<double>& quantized, const Matrix<double>* original) {
    return moments_of<double>(quantized, original);
}

InputMoments input_moments(const Samples<float>& quantized, const Matrix<float>* original,
                           const QuantizerConfig& config) {
    if (original == nullptr || !looks_back_only(config)) return input_moments(quantized, original);
    require_alike<float>(quantized, *original);
    InputMoments moments;
    moments.h = h_of<float>(quantized);
    moments.past =
        past_of(quantized, *original, visiting_order(moments.h, quantized.cols(), config.order));
    return moments;
}

}  // namespace axesim::quant
