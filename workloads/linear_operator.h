// SPDX-License-Identifier: Apache-2.0
// The seam between a Llama model and whatever multiplies its matrices: single precision on the
// host, the quantizer that watches what flows past, or the simulated hardware.
#pragma once

#include <array>
#include <span>
#include <string>

#include "common/matrix.h"

namespace axesim::workloads {

/// The seven linear layers of a Llama decoder block, in the order of the data flow.
enum class LinearKind { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj };

inline constexpr std::array kLinearKinds{
    LinearKind::q_proj,    LinearKind::k_proj,  LinearKind::v_proj,   LinearKind::o_proj,
    LinearKind::gate_proj, LinearKind::up_proj, LinearKind::down_proj};

struct LinearId {
    int block = 0;
    LinearKind kind = LinearKind::q_proj;

    auto operator<=>(const LinearId&) const = default;
};

/// "q_proj", ...
std::string kind_name(LinearKind kind);
/// The Hugging Face module name, as in "model.layers.3.self_attn.q_proj".
std::string layer_name(const LinearId& id);
/// The first layer of the group that shares this layer's input: {q, k, v}, {o}, {gate, up}, {down}.
LinearId first_with_same_input(const LinearId& id);

/// Computes outputs[i] = input * weight(layers[i])^T for layers that share one input.
/// input [tokens, in]; outputs[i] is resized to [tokens, out of layers[i]].
class LinearOperator {
public:
    virtual ~LinearOperator() = default;
    /// Tells what the rows of all inputs are until the next call: `sequences` times `length` new
    /// positions, one sequence after the other, each after `past` earlier positions.
    virtual void start(Index sequences, Index past, Index length) {
        static_cast<void>(sequences), static_cast<void>(past), static_cast<void>(length);
    }
    virtual void apply(std::span<const LinearId> layers, const Matrix<float>& input,
                       std::span<Matrix<float>> outputs) = 0;
};

}  // namespace axesim::workloads
