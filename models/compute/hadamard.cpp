// SPDX-License-Identifier: Apache-2.0
#include "models/compute/hadamard.h"

#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "common/parallel.h"

namespace axesim::models {

namespace {

constexpr Index kRotatedRows = 64;

bool is_prime(Index n) {
    if (n < 2) return false;
    for (Index d = 2; d * d <= n; ++d) {
        if (n % d == 0) return false;
    }
    return true;
}

/// Whether a Paley matrix of the second kind of this order can be built from a prime.
bool has_paley(Index order) {
    const Index q = order / 2 - 1;
    return order % 4 == 0 && q % 4 == 1 && is_prime(q);
}

/// The symmetric Hadamard matrix of order 2 (q + 1): every entry of the conference matrix of q, a
/// bordered table of quadratic residues, becomes a 2 x 2 block (R. Paley, J. Math. Phys. 12, 1933).
Matrix<float> paley(Index order) {
    const Index q = order / 2 - 1;
    std::vector<char> square(static_cast<std::size_t>(q), 0);
    for (Index i = 1; i < q; ++i) square[static_cast<std::size_t>(i * i % q)] = 1;
    const auto conference = [&](Index i, Index j) {
        if (i == j) return 0;
        if (i == 0 || j == 0) return 1;
        return square[static_cast<std::size_t>((i - j + q) % q)] != 0 ? 1 : -1;
    };
    Matrix<float> h(order, order);
    for (Index i = 0; i <= q; ++i) {
        for (Index j = 0; j <= q; ++j) {
            const auto c = static_cast<float>(conference(i, j));
            auto block = h.block(2 * i, 2 * j, 2, 2);
            if (i == j) {
                block << 1, -1, -1, -1;
            } else {
                block << c, c, c, -c;
            }
        }
    }
    return h;
}

}  // namespace

Hadamard::Hadamard(Index size) {
    if (size < 1) throw std::invalid_argument("a Hadamard matrix of size 0");
    const Index power = Index{1} << std::countr_zero(static_cast<std::uint64_t>(size));
    const Index odd = size / power;
    inner_ = power;
    blocks_ = odd;
    paley_ = Matrix<float>::Ones(1, 1);
    for (Index factor = 4; factor <= power && odd > 1; factor *= 2) {
        if (!has_paley(odd * factor)) continue;
        paley_ = paley(odd * factor);
        inner_ = power / factor;
        blocks_ = 1;
        return;
    }
}

Index Hadamard::additions() const {
    const auto stages = static_cast<Index>(std::countr_zero(static_cast<std::uint64_t>(inner_)));
    return size() * (stages + paley_.rows() - 1);
}

void Hadamard::rotate(float* vector) const {
    const Index m = paley_.rows();
    const float scale = 1.0F / std::sqrt(static_cast<float>(block()));
    for (Index b = 0; b < blocks_; ++b, vector += block()) {
        Eigen::Map<Matrix<float>> x(vector, m, inner_);
        for (Index half = 1; half < inner_; half *= 2) {
            for (Index first = 0; first < block(); first += 2 * half) {
                for (Index i = first; i < first + half; ++i) {
                    const float sum = vector[i] + vector[i + half];
                    vector[i + half] = vector[i] - vector[i + half];
                    vector[i] = sum;
                }
            }
        }
        if (m > 1) x = (paley_ * x).eval();
        x *= scale;
    }
}

void Hadamard::rotate_rows(Matrix<float>& rows) const {
    if (rows.cols() != size()) throw std::invalid_argument("rows of another length");
    for_blocks(rows.rows(), kRotatedRows, [&](Index first, Index count) {
        for (Index r = first; r < first + count; ++r) rotate(rows.row(r).data());
    });
}

void Hadamard::rotate_columns(Matrix<float>& columns) const {
    Matrix<float> transposed = columns.transpose();
    rotate_rows(transposed);
    columns = transposed.transpose();
}

}  // namespace axesim::models
