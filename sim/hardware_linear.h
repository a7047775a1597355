// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "sim/calibrate.h"
#include "sim/hardware_attention.h"
#include "sim/layer_record.h"
#include "sim/model_memory.h"
#include "sim/platform.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// Computes a model on the simulated hardware. Must run inside Platform::run.
///
/// Linear layers and attention products run on the array; each operation between them is one pass
/// of the vector unit: it reads what it needs from DRAM (results of layers, residual stream,
/// constants), computes, and writes values or, in front of a layer, codes. Values that go through
/// DRAM have the output format; inside a pass they are single precision. With attention.bits:
/// float, attention stays on the host and takes nothing.
///
/// The keys and values of one batch of sequences are kept: a pass that begins at position 0
/// overwrites those of the batch before it.
class HardwareLinear : public workloads::LinearOperator {
    using Activations = workloads::Activations;

public:
    /// Puts the weights into the platform's DRAM, and takes the rest of it that ModelMemory needs.
    HardwareLinear(Platform& platform, const QuantizedModel& model, const Config& config,
                   const MemoryNeeds& needs);

    /// Where the next operations are recorded, and traced (null: nowhere); with `compare`, the
    /// outputs of linear layers are also compared with those of the float weights on the same
    /// input.
    void record(LayerRecords& records, bool compare = false, OperationTrace* trace = nullptr);

    /// Whether the array computes logits.
    bool has_lm_head() const { return weights_.contains(lm_head_id_); }

    void start(Index sequences, Index past, Index length) override {
        positions_ = {sequences, past, length};
    }
    /// Those of the platform. Without them memory does not grow with the activations.
    bool needs_values() const override { return platform_.has_values(); }
    /// Throws as Recorder::note.
    /// Of lm_head too: in float on the host when lm_head.bits is float.
    void apply(std::span<const workloads::LinearId> layers, const Activations& input,
               std::span<Activations> outputs) override;
    void embed(Activations& hidden) override;
    void add(const workloads::LinearId& layer, Activations& hidden,
             const Activations& added) override;
    Activations normalize(const workloads::NormId& norm, const Activations& hidden,
                          std::span<const float> weight, double epsilon) override;
    Activations attend(const workloads::AttentionStep& step, Activations& q, Activations& k,
                       const Activations& v) override;
    void gate(int block, Activations& gate, const Activations& up) override;

private:
    /// A pass of the vector unit that ends with the quantization of the next layer's input.
    struct Pending {
        models::VectorCommand pass;
        std::optional<OperationId> id;  ///< nothing: counted to the layer
        models::GemmShape shape;
    };

    void compare(const workloads::LinearId& id, const Matrix<float>& input,
                 const Matrix<float>& output, LayerRecord& record) const;
    models::ValueRun rounded(std::uint64_t address, Activations& activations) const;
    void run_pass(models::VectorCommand pass, const OperationId& id, const Activations& rows);

    Platform& platform_;
    const QuantizedModel& model_;
    const workloads::LinearId lm_head_id_;
    Matrix<float> float_lm_head_;  ///< where the host computes with it
    Recorder recorder_;
    ModelMemory memory_;
    std::optional<HardwareAttention> attention_;
    RowPositions positions_;
    std::map<workloads::LinearId, models::OperandRef> weights_;
    Pending pending_;
    bool compare_ = false;
};

}  // namespace axesim::sim
