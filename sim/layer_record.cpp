// SPDX-License-Identifier: Apache-2.0
#include "sim/layer_record.h"

#include <fmt/format.h>

#include "common/error.h"
#include "sim/operation_trace.h"

namespace axesim::sim {

namespace {

Operation operation_of(workloads::LinearKind kind) {
    using workloads::LinearKind;
    switch (kind) {
        case LinearKind::q_proj:
            return Operation::q_proj;
        case LinearKind::k_proj:
            return Operation::k_proj;
        case LinearKind::v_proj:
            return Operation::v_proj;
        case LinearKind::o_proj:
            return Operation::o_proj;
        case LinearKind::gate_proj:
            return Operation::gate_proj;
        case LinearKind::up_proj:
            return Operation::up_proj;
        case LinearKind::down_proj:
            return Operation::down_proj;
        case LinearKind::lm_head:
            break;
    }
    return Operation::lm_head;
}

Operation operation_of(workloads::NormKind kind) {
    switch (kind) {
        case workloads::NormKind::attention:
            return Operation::attention_norm;
        case workloads::NormKind::ffn:
            return Operation::ffn_norm;
        case workloads::NormKind::final:
            break;
    }
    return Operation::final_norm;
}

/// Kind, and name: of what each block has, inside the block.
struct Names {
    const char* kind;
    const char* name;
};

Names names_of(Operation operation) {
    switch (operation) {
        case Operation::embedding:
            return {"embedding", "model.embed_tokens"};
        case Operation::attention_norm:
            return {"rms_norm", "input_layernorm"};
        case Operation::q_proj:
            return {"q_proj", "self_attn.q_proj"};
        case Operation::k_proj:
            return {"k_proj", "self_attn.k_proj"};
        case Operation::v_proj:
            return {"v_proj", "self_attn.v_proj"};
        case Operation::rope:
            return {"rope", "self_attn.rotary_emb"};
        case Operation::attention_scores:
            return {"attention_scores", "self_attn.scores"};
        case Operation::softmax:
            return {"softmax", "self_attn.softmax"};
        case Operation::attention_values:
            return {"attention_values", "self_attn.values"};
        case Operation::o_proj:
            return {"o_proj", "self_attn.o_proj"};
        case Operation::attention_add:
            return {"residual_add", "self_attn.residual"};
        case Operation::ffn_norm:
            return {"rms_norm", "post_attention_layernorm"};
        case Operation::gate_proj:
            return {"gate_proj", "mlp.gate_proj"};
        case Operation::up_proj:
            return {"up_proj", "mlp.up_proj"};
        case Operation::swiglu:
            return {"swiglu", "mlp.act_fn"};
        case Operation::down_proj:
            return {"down_proj", "mlp.down_proj"};
        case Operation::ffn_add:
            return {"residual_add", "mlp.residual"};
        case Operation::final_norm:
            return {"rms_norm", "model.norm"};
        case Operation::lm_head:
            break;
    }
    return {"lm_head", "lm_head"};
}

}  // namespace

OperationId::OperationId(const workloads::LinearId& id)
    : block(id.block), operation(operation_of(id.kind)) {}
OperationId::OperationId(const workloads::NormId& id)
    : block(id.block), operation(operation_of(id.kind)) {}

bool OperationId::in_block() const {
    return operation != Operation::embedding && operation < Operation::final_norm;
}

std::string kind_name(const OperationId& id) { return names_of(id.operation).kind; }

std::string operation_name(const OperationId& id) {
    const char* name = names_of(id.operation).name;
    return id.in_block() ? fmt::format("model.layers.{}.{}", id.block, name) : name;
}

void Recorder::start(LayerRecords& records, OperationTrace* trace) {
    records_ = &records;
    trace_ = trace;
    before_ = platform_.counts();
}

void Recorder::begin(const OperationId& id) {
    if (trace_ != nullptr) trace_->begin(id, platform_);
}

LayerRecord& Recorder::note(const OperationId& id, const models::LayerFormat& format,
                            const models::GemmShape& shape) {
    if (trace_ != nullptr) trace_->end(platform_);
    LayerRecord& record = (*records_)[id];
    const models::Counts after = platform_.counts();
    record.counts += after - before_;
    before_ = after;
    record.format = format;
    record.shape = shape;
    return record;
}

LayerRecord& Recorder::note(const OperationId& id, const models::LayerFormat& format,
                            const models::GemmShape& shape, const GemmReport& report) {
    LayerRecord& record = note(id, format, shape);
    record.mapping = report.describe_mapping();
    record.observed.merge(report.observed);
    const AccumulatorFormat& accumulator = format.accumulator;
    if (accumulator.overflow == OverflowMode::trap && report.observed.first_overflow) {
        throw RunError(fmt::format(
            "{}: {} (accumulator.overflow is trap)", operation_name(id),
            describe_overflow(*report.observed.first_overflow, accumulator, report.shape.k)));
    }
    return record;
}

std::string describe_overflow(const models::OverflowPlace& place,
                              const AccumulatorFormat& accumulator, std::int64_t depth) {
    const bool inner = place.stage == models::AccumulatorStage::inner;
    return fmt::format("{} accumulator ({} bits) overflowed at token {}, channel {}, k {}",
                       inner ? "inner" : "outer",
                       inner ? accumulator.inner_bits : accumulator.outer_bits_for(depth),
                       place.token, place.channel, place.k);
}

}  // namespace axesim::sim
