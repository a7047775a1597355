// SPDX-License-Identifier: Apache-2.0
// NumPy .npy files (format 1.0 and 2.0, little endian, C order) of one or two dimensions.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <filesystem>
#include <vector>

#include "common/matrix.h"

namespace axesim {

/// A 2-D array of float16/32/64 or of any integer type, converted to double; a 1-D array is one
/// row. Throws UserError naming the file and what is wrong with it.
Matrix<double> read_npy_real(const std::filesystem::path& path);

/// A 2-D array of any integer type that fits int64; a 1-D array is one row. Throws UserError, also
/// for floating-point arrays.
Matrix<std::int64_t> read_npy_integer(const std::filesystem::path& path);

void write_npy(const std::filesystem::path& path, const Matrix<std::int64_t>& array);
void write_npy(const std::filesystem::path& path, const Matrix<std::int32_t>& array);
void write_npy(const std::filesystem::path& path, const Matrix<float>& array);

}  // namespace axesim
