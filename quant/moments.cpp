// SPDX-License-Identifier: Apache-2.0
#include "quant/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/error.h"
#include "common/parallel.h"

namespace axesim::quant {

namespace {

constexpr Index kSampleChunk = 512;  // short enough for sums in single precision

/// Columns of a block of the result: enough blocks to share out, each as large as the cache allows.
Index block_columns(Index depth) { return std::clamp<Index>((depth + 2) / 3, 64, 512); }

template <class T>
using Samples = Eigen::Ref<const Matrix<T>>;

struct BlockPair {
    Index row;
    Index column;
};

std::vector<BlockPair> block_pairs(Index depth, bool upper_only) {
    std::vector<BlockPair> pairs;
    const Index block = block_columns(depth);
    for (Index row = 0; row < depth; row += block) {
        for (Index column = upper_only ? row : 0; column < depth; column += block) {
            pairs.push_back({row, column});
        }
    }
    return pairs;
}

/// total += left^T right, block by block (only blocks on and above the diagonal if upper_only).
template <class T>
void add_product(Matrix<double>& total, const Samples<T>& left, const Samples<T>& right,
                 bool upper_only) {
    const Index depth = left.cols();
    const Index block = block_columns(depth);
    const std::vector<BlockPair> pairs = block_pairs(depth, upper_only);
    for_blocks(static_cast<Index>(pairs.size()), 1, [&](Index index, Index) {
        const BlockPair pair = pairs[static_cast<std::size_t>(index)];
        const Index rows = std::min(block, depth - pair.row);
        const Index columns = std::min(block, depth - pair.column);
        auto target = total.block(pair.row, pair.column, rows, columns);
        Matrix<T> product(rows, columns);
        for (Index first = 0; first < left.rows(); first += kSampleChunk) {
            const Index count = std::min(kSampleChunk, left.rows() - first);
            product.noalias() = left.block(first, pair.row, count, rows).transpose() *
                                right.block(first, pair.column, count, columns);
            target += product.template cast<double>();
        }
    });
}

/// Makes h exactly symmetric: only what is above the diagonal was summed up in full.
void mirror_upper(Matrix<double>& h) {
    for_blocks(h.rows(), block_columns(h.rows()), [&](Index first, Index count) {
        h.block(first, 0, count, first) = h.block(0, first, first, count).transpose();
        for (Index i = first; i < first + count; ++i) {
            for (Index j = first; j < i; ++j) h(i, j) = h(j, i);
        }
    });
}

/// A total that is empty becomes zeros of the right shape; any other must have it already.
void prepare_total(Matrix<double>& total, Index depth) {
    if (total.size() == 0) total = Matrix<double>::Zero(depth, depth);
    if (total.rows() != depth || total.cols() != depth) {
        throw UserError(fmt::format("calibration inputs have depth {}, earlier ones had {}", depth,
                                    total.rows()));
    }
}

template <class T>
void add_samples(InputMoments& total, const Samples<T>& quantized, const Matrix<T>* original) {
    const bool first = total.h.size() == 0;
    if (!first && (original != nullptr) != (total.g.size() > 0)) {
        throw UserError("either every calibration batch has original inputs or none has");
    }
    prepare_total(total.h, quantized.cols());
    if (original != nullptr) {
        if (original->rows() != quantized.rows() || original->cols() != quantized.cols()) {
            throw UserError(fmt::format(
                "quantized inputs are {} x {}, the original ones {} x {}: they must agree",
                quantized.rows(), quantized.cols(), original->rows(), original->cols()));
        }
        prepare_total(total.g, quantized.cols());
        add_product<T>(total.g, quantized, *original, false);
    }
    add_product<T>(total.h, quantized, quantized, true);
    mirror_upper(total.h);
}

}  // namespace

void add_moments(InputMoments& total, const Samples<float>& quantized,
                 const Matrix<float>* original) {
    add_samples<float>(total, quantized, original);
}

void add_moments(InputMoments& total, const Samples<double>& quantized,
                 const Matrix<double>* original) {
    add_samples<double>(total, quantized, original);
}

InputMoments input_moments(const Samples<float>& quantized, const Matrix<float>* original) {
    InputMoments moments;
    add_samples<float>(moments, quantized, original);
    return moments;
}

InputMoments input_moments(const Samples<double>& quantized, const Matrix<double>* original) {
    InputMoments moments;
    add_samples<double>(moments, quantized, original);
    return moments;
}

}  // namespace axesim::quant
