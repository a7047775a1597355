// SPDX-License-Identifier: Apache-2.0
// What a Llama block computes besides its linear layers, in single precision as PyTorch does it.
// The results do not depend on the number of threads.
#pragma once

#include <span>
#include <vector>

#include "common/matrix.h"
#include "workloads/llama.h"

namespace axesim::workloads {

/// Every row of x divided by its root mean square (with epsilon under the root), times `weight`
/// [columns]. Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
Matrix<float> rms_norm(const Matrix<float>& x, std::span<const float> weight, double epsilon);

/// gate := silu(gate) * up, element by element. Shazeer, "GLU Variants Improve Transformer", 2020.
void swiglu(Matrix<float>& gate, const Matrix<float>& up);

/// Rotary position embedding: cosines and sines of positions x frequencies.
class RotaryTable {
public:
    /// For positions first, first + 1, ..., `count` of them.
    RotaryTable(const LlamaShape& shape, Index first, Index count);

    /// Rotates every head of every row of x [rows, heads * head_size]; row r stands at position
    /// first + r % count. Elements i and i + head_size/2 of a head are a pair (Hugging Face order).
    void rotate(Matrix<float>& x) const;

private:
    Index head_size_;
    Matrix<float> cosines_, sines_;  ///< [count, head_size / 2]
};

/// Keys and values of one sequence: [positions, kv_heads * head_size] each.
struct KeysAndValues {
    MatrixView<float> keys, values;
};

/// The attention of one block over new positions of `sequences`: `length` each, after `past`.
struct AttentionStep {
    const LlamaShape& shape;
    const RotaryTable& rotary;  ///< of the new positions
    int block = 0;
    Index sequences = 0, past = 0, length = 0;
    KeptPositions& kept;  ///< for operators that keep keys and values in floating point
};

/// Rotates q and k, appends k and v to step.kept, and attends.
Matrix<float> attend_in_float(const AttentionStep& step, Matrix<float>& q, Matrix<float>& k,
                              const Matrix<float>& v);

/// Causal attention with grouped query heads. q [sequences * new positions, heads * head_size]
/// holds the new positions, which are the last ones of `past` (one entry a sequence). Returns the
/// shape of q. Holds scores of a few query rows of one head at a time.
Matrix<float> causal_attention(const LlamaShape& shape, const Matrix<float>& q,
                               const std::vector<KeysAndValues>& past);

}  // namespace axesim::workloads
