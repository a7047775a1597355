// SPDX-License-Identifier: Apache-2.0
// A random Llama model small enough to be run by plain loops in double precision.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "tests/workloads/gguf_writer.h"
#include "workloads/llama.h"

namespace axesim::workloads {

struct TinyShape {
    Index blocks = 2, hidden = 24, ffn = 32, heads = 4, kv_heads = 2, head_size = 8;
    bool tied = true;
    bool rope_factors = false;
    bool exact_in_half = true;  ///< half precision holds every weight as it is
};

class TinyLlama {
public:
    explicit TinyLlama(const TinyShape& shape = {});

    /// A file that holds it, with a tokenizer of the 256 bytes, four merges and two special tokens.
    /// `type` (F32, F16 or BF16) is that of all tensors; without it, some are F32 and some F16.
    GgufWriter writer(const std::string& type = "") const;

    const TinyShape& shape() const { return shape_; }
    /// By GGUF's names and with rotary pairs side by side.
    const std::map<std::string, Matrix<double>>& tensors() const { return tensors_; }

    /// Logits [tokens, vocabulary] of one sequence, computed from the definition of the model as
    /// Meta published it (rotary pairs side by side) and not in the way of workloads/.
    Matrix<double> logits(const std::vector<TokenId>& tokens) const;

    static Index vocabulary();
    /// The tokens in the order of their ids, special ones last.
    static std::vector<std::string> tokens();
    static const std::vector<std::string>& special_tokens();
    static const std::vector<std::string>& merges();

private:
    const Matrix<double>& at(const std::string& name) const { return tensors_.at(name); }
    Matrix<double> attention(Index block, const Matrix<double>& x) const;
    void rotate(Matrix<double>& x) const;

    TinyShape shape_;
    std::map<std::string, Matrix<double>> tensors_;
    std::vector<double> rope_factors_;
};

/// The values in a type (F32, F16 or BF16), rounded to nearest.
std::string encoded(const Matrix<double>& matrix, const std::string& type);

}  // namespace axesim::workloads
