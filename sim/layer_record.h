// SPDX-License-Identifier: Apache-2.0
// The books of a run: what every operation of every block did on the hardware.
#pragma once

#include <map>
#include <string>

#include "models/compute/gemm.h"
#include "models/counts.h"
#include "sim/platform.h"
#include "workloads/linear_operator.h"

namespace axesim::sim {

/// The operations of a forward pass that the hardware runs one after the other, in the order of the
/// data flow. What the vector unit does in front of linear layers ends with the codes of their
/// input; only o_proj's is counted to the layer.
enum class Operation {
    embedding,
    attention_norm,
    q_proj,
    k_proj,
    v_proj,
    rope,
    attention_scores,
    softmax,
    attention_values,
    o_proj,
    attention_add,
    ffn_norm,
    gate_proj,
    up_proj,
    swiglu,
    down_proj,
    ffn_add,
    final_norm,
    lm_head
};

struct OperationId {
    int block = 0;  ///< final_norm, lm_head: the number of blocks
    Operation operation = Operation::embedding;

    OperationId(int of_block, Operation what) : block(of_block), operation(what) {}
    OperationId(const workloads::LinearId& id);  // NOLINT: a linear layer is an operation
    OperationId(const workloads::NormId& id);    // NOLINT: and so is a norm
    /// Whether each block has one; else the model has one.
    bool in_block() const;
    auto operator<=>(const OperationId&) const = default;
};

/// "attention_scores", "rms_norm", ...
std::string kind_name(const OperationId& id);
/// The Hugging Face module name where there is such a module, else one that fits between those.
std::string operation_name(const OperationId& id);

/// What one operation did while a part of the workload ran.
struct LayerRecord {
    models::GemmShape shape;     ///< of the last run; k = 0: no matrix product
    std::string mapping;         ///< of the last GEMM, in words
    models::LayerFormat format;  ///< of the operands, or of the codes that the vector unit writes
    models::Counts counts;
    models::AccumulatorObservation observed;
    double error_sum = 0, reference_sum = 0;  ///< squares: output minus float output; float output
    std::int64_t compared_values = 0;

    bool is_product() const { return shape.k > 0; }
};
using LayerRecords = std::map<OperationId, LayerRecord>;

class OperationTrace;

/// Writes into the record of an operation what the platform counted since the last call.
class Recorder {
public:
    explicit Recorder(Platform& platform) : platform_(platform) {}

    /// Operations from now on are written to `records` and, if they are chosen there, to `trace`
    /// (null: none).
    void start(LayerRecords& records, OperationTrace* trace = nullptr);
    /// The operation that the platform does next, and that note() is called for afterwards.
    void begin(const OperationId& id);
    LayerRecord& note(const OperationId& id, const models::LayerFormat& format,
                      const models::GemmShape& shape);
    /// The same for a product. Throws RunError naming layer, channel, token and k when
    /// accumulator.overflow is trap and an accumulator overflowed.
    LayerRecord& note(const OperationId& id, const models::LayerFormat& format,
                      const models::GemmShape& shape, const GemmReport& report);

private:
    Platform& platform_;
    LayerRecords* records_ = nullptr;
    OperationTrace* trace_ = nullptr;
    models::Counts before_;
};

/// "inner accumulator (16 bits) overflowed at token 3, channel 5, k 64".
std::string describe_overflow(const models::OverflowPlace& place,
                              const AccumulatorFormat& accumulator, std::int64_t depth);

}  // namespace axesim::sim
