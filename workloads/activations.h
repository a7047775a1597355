// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <utility>

#include "common/matrix.h"

namespace axesim::workloads {

/// Activations [tokens, features] between the operations of a model: their values, or where nobody
/// needs these, as when only time is simulated, the shape alone, which takes no memory.
class Activations {
public:
    Activations() = default;
    Activations(Matrix<float> values)  // NOLINT(google-explicit-constructor): they are activations
        : values_(std::move(values)) {}

    static Activations of_shape(Index rows, Index columns) {
        Activations shape;
        shape.rows_ = rows;
        shape.columns_ = columns;
        shape.has_values_ = false;
        return shape;
    }

    Index rows() const { return has_values_ ? values_.rows() : rows_; }
    Index cols() const { return has_values_ ? values_.cols() : columns_; }
    Index size() const { return rows() * cols(); }
    bool has_values() const { return has_values_; }

    /// Throws std::logic_error where there is only a shape.
    const Matrix<float>& values() const {
        if (!has_values_) throw std::logic_error("values of activations that have only a shape");
        return values_;
    }
    Matrix<float>& values() { return const_cast<Matrix<float>&>(std::as_const(*this).values()); }

private:
    Matrix<float> values_;
    Index rows_ = 0, columns_ = 0;
    bool has_values_ = true;
};

}  // namespace axesim::workloads
