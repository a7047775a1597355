// SPDX-License-Identifier: Apache-2.0
// Dense row-major matrices. Rows are what is processed one by one: tokens, samples or output
// channels; columns are features (the depth K of a dot product).
#pragma once

#include <Eigen/Dense>
#include <cstdint>

namespace axesim {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A view of rows of a matrix (or of any row-major memory) without a copy.
template <class T>
using MatrixView = Eigen::Map<const Matrix<T>>;

using Index = Eigen::Index;

/// Per output channel and tile of its dot product, how many steps of the channel one of the tile
/// is: [channels, ceil(K/T)]. Empty where weights have no groups, as if all were 1.
using TileScales = Matrix<std::uint8_t>;

}  // namespace axesim
