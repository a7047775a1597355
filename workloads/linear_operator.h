// SPDX-License-Identifier: Apache-2.0
// The seam between a Llama model and whatever computes it: single precision on the host, the
// quantizer that watches what flows past, or the simulated hardware.
#pragma once

#include <array>
#include <span>
#include <string>

#include "common/matrix.h"
#include "workloads/activations.h"

namespace axesim::workloads {

/// The seven linear layers of a Llama decoder block, in the order of the data flow, and the one
/// that makes logits of the last block's output.
enum class LinearKind { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head };

/// Those of a block.
inline constexpr std::array kLinearKinds{
    LinearKind::q_proj,    LinearKind::k_proj,  LinearKind::v_proj,   LinearKind::o_proj,
    LinearKind::gate_proj, LinearKind::up_proj, LinearKind::down_proj};

struct LinearId {
    int block = 0;  ///< lm_head: the number of blocks
    LinearKind kind = LinearKind::q_proj;

    auto operator<=>(const LinearId&) const = default;
};

/// "q_proj", ...
std::string kind_name(LinearKind kind);
/// The Hugging Face module name, as in "model.layers.3.self_attn.q_proj", or "lm_head".
std::string layer_name(const LinearId& id);
/// The first layer of the group that shares this layer's input: {q, k, v}, {o}, {gate, up}, {down}.
LinearId first_with_same_input(const LinearId& id);

/// The norms of a model: two in each block, and one after the last block (whose `block` is the
/// number of blocks).
enum class NormKind { attention, ffn, final };
struct NormId {
    int block = 0;
    NormKind kind = NormKind::attention;
};

struct AttentionStep;

/// Computes the operations of a forward pass, in the order of the data flow. The linear layers are
/// every operator's own; what lies between them is computed in single precision on the host unless
/// an operator has hardware for it.
class LinearOperator {
public:
    virtual ~LinearOperator() = default;
    /// Tells what the rows of all inputs are until the next call: `sequences` times `length` new
    /// positions, one sequence after the other, each after `past` earlier positions.
    virtual void start(Index sequences, Index past, Index length) {
        static_cast<void>(sequences), static_cast<void>(past), static_cast<void>(length);
    }
    /// False: shapes pass through the model, and no activations have values.
    virtual bool needs_values() const { return true; }
    /// outputs[i] = input * weight(layers[i])^T for layers that share one input.
    /// input [tokens, in]; outputs[i] becomes [tokens, out of layers[i]].
    virtual void apply(std::span<const LinearId> layers, const Activations& input,
                       std::span<Activations> outputs) = 0;

    /// Sees the rows of the embedding table [tokens, hidden], from here on the residual stream.
    virtual void embed(Activations& hidden) { static_cast<void>(hidden); }
    /// hidden += added, the output of this layer (an o_proj or a down_proj).
    virtual void add(const LinearId& layer, Activations& hidden, const Activations& added) {
        static_cast<void>(layer);
        hidden.values() += added.values();
    }
    /// rms_norm(hidden, weight, epsilon).
    virtual Activations normalize(const NormId& norm, const Activations& hidden,
                                  std::span<const float> weight, double epsilon);
    /// RoPE and causal attention of the projections q, k, v of new positions, which q and k may be
    /// changed for. Returns the input of o_proj, [tokens, heads * head_size].
    virtual Activations attend(const AttentionStep& step, Activations& q, Activations& k,
                               const Activations& v);
    /// swiglu(gate, up), the input of down_proj of this block.
    virtual void gate(int block, Activations& gate, const Activations& up);
};

}  // namespace axesim::workloads
