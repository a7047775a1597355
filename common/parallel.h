// SPDX-License-Identifier: Apache-2.0
// Loops over fixed blocks of work. The blocks do not depend on the number of threads and write to
// disjoint places, so neither does any result (design invariant 6).
#pragma once

#include <cblas.h>

#include <algorithm>
#include <exception>

#include "common/matrix.h"

namespace axesim {

namespace detail {
/// OpenBLAS keeps to the thread that calls it: the loops below are where threads come from. Its
/// sequential build is not safe to call from several threads at once (its buffers are shared), so
/// with that one loops run on a single thread. Set before main().
inline const bool blas_is_thread_safe = [] {
    openblas_set_num_threads(1);
    constexpr int kSequential = 0;
    return openblas_get_parallel() != kSequential;
}();
}  // namespace detail

/// Calls body(first, count) for consecutive blocks of at most `block` indices that cover
/// [0, total). Blocks run on the threads that omp_set_num_threads() allows; the first exception
/// (in block order) is rethrown in the caller.
template <class Body>
void for_blocks(Index total, Index block, Body&& body) {
    const Index blocks = (total + block - 1) / block;
    std::exception_ptr error;
    Index error_block = blocks;
#pragma omp parallel for schedule(dynamic) if (blocks > 1 && detail::blas_is_thread_safe)
    for (Index b = 0; b < blocks; ++b) {
        try {
            const Index first = b * block;
            body(first, std::min(block, total - first));
        } catch (...) {
#pragma omp critical(axesim_for_blocks)
            if (b < error_block) {
                error_block = b;
                error = std::current_exception();
            }
        }
    }
    if (error) std::rethrow_exception(error);
}

/// y = x w^T for x [rows, k] and w [columns, k], in single precision, in blocks of the longer side
/// of y that depend on its shape alone.
inline void multiply_transposed(const Eigen::Ref<const Matrix<float>>& x,
                                const Eigen::Ref<const Matrix<float>>& w, Matrix<float>& y) {
    // Every block reads all of the other operand, so large ones are faster while there are enough.
    const auto block_of = [](Index side) { return std::clamp<Index>(side / 16, 128, 1024); };
    y.resize(x.rows(), w.rows());
    if (w.rows() > x.rows()) {
        for_blocks(w.rows(), block_of(w.rows()), [&](Index first, Index count) {
            y.middleCols(first, count).noalias() = x * w.middleRows(first, count).transpose();
        });
    } else {
        for_blocks(x.rows(), block_of(x.rows()), [&](Index first, Index count) {
            y.middleRows(first, count).noalias() = x.middleRows(first, count) * w.transpose();
        });
    }
}

}  // namespace axesim
