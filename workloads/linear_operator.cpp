// SPDX-License-Identifier: Apache-2.0
#include "workloads/linear_operator.h"

#include <fmt/format.h>

#include "common/parallel.h"
#include "workloads/attention.h"
#include "workloads/llama.h"

namespace axesim::workloads {

std::string kind_name(LinearKind kind) {
    switch (kind) {
        case LinearKind::q_proj:
            return "q_proj";
        case LinearKind::k_proj:
            return "k_proj";
        case LinearKind::v_proj:
            return "v_proj";
        case LinearKind::o_proj:
            return "o_proj";
        case LinearKind::gate_proj:
            return "gate_proj";
        case LinearKind::up_proj:
            return "up_proj";
        case LinearKind::down_proj:
            return "down_proj";
        case LinearKind::lm_head:
            return "lm_head";
    }
    return "";
}

std::string layer_name(const LinearId& id) {
    if (id.kind == LinearKind::lm_head) return kind_name(id.kind);
    const char* part = id.kind <= LinearKind::o_proj ? "self_attn" : "mlp";
    return fmt::format("model.layers.{}.{}.{}", id.block, part, kind_name(id.kind));
}

LinearId first_with_same_input(const LinearId& id) {
    switch (id.kind) {
        case LinearKind::k_proj:
        case LinearKind::v_proj:
            return {id.block, LinearKind::q_proj};
        case LinearKind::up_proj:
            return {id.block, LinearKind::gate_proj};
        default:
            return id;
    }
}

Activations LinearOperator::normalize(const NormId& norm, const Activations& hidden,
                                      std::span<const float> weight, double epsilon) {
    static_cast<void>(norm);
    return rms_norm(hidden.values(), weight, epsilon);
}

Activations LinearOperator::attend(const AttentionStep& step, Activations& q, Activations& k,
                                   const Activations& v) {
    return attend_in_float(step, q.values(), k.values(), v.values());
}

void LinearOperator::gate(int block, Activations& gate, const Activations& up) {
    static_cast<void>(block);
    swiglu(gate.values(), up.values());
}

void FloatLinear::apply(std::span<const LinearId> layers, const Activations& input,
                        std::span<Activations> outputs) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
        multiply_transposed(input.values(), weights_.weights_of(layers[i]), outputs[i].values());
    }
}

}  // namespace axesim::workloads
