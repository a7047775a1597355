// SPDX-License-Identifier: Apache-2.0
// An orthonormal matrix Q with entries +-1/sqrt(n) that spreads what stands out: a rotation of
// activations that leaves outliers nowhere. Q is symmetric, so it undoes itself.
#pragma once

#include "common/matrix.h"

namespace axesim::models {

/// Q of `size` >= 1: Sylvester's matrix of the largest power of two in `size` times a Paley matrix
/// of the second kind (order 2 (q + 1) for a prime q = 1 mod 4: 12, 28, 36, 60, ...) where the rest
/// of `size` times a small power of two has one; else equal blocks on the diagonal.
class Hadamard {
public:
    explicit Hadamard(Index size);

    Index size() const { return blocks_ * paley_.rows() * inner_; }
    /// Length of the vectors that one output depends on: size() unless Q is in blocks.
    Index block() const { return paley_.rows() * inner_; }
    /// Additions that one vector of size() takes with the fast algorithm.
    Index additions() const;

    /// Replaces every row x [size()] of `rows` by x Q. The result does not depend on the number of
    /// threads. Throws std::invalid_argument when the rows have another length.
    void rotate_rows(Matrix<float>& rows) const;
    /// The same for every column.
    void rotate_columns(Matrix<float>& columns) const;

private:
    void rotate(float* vector) const;

    Index blocks_ = 1;
    Index inner_ = 1;      ///< power of two
    Matrix<float> paley_;  ///< [m, m] of +-1; 1 x 1 when no such factor is needed
};

}  // namespace axesim::models
