// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "models/compute/hadamard.h"
#include "sim/layer_record.h"
#include "sim/model_memory.h"
#include "workloads/attention.h"

namespace axesim::sim {

/// Attention on the simulated hardware: queries, keys and values become codes, keys and values go
/// into the cache in DRAM, and every product runs on the array. For each head of keys the query
/// heads that share it are stacked as rows, position by position:
///   scores = queries [positions * group, head_size] x keys [positions so far, head_size]
///   values = probabilities [positions * group, positions so far] x values^T
/// A key's scale is that of a channel. A value's scale cannot leave the sum over positions, so the
/// vector unit multiplies each probability with it before it quantizes the row. Values lie in DRAM
/// as keys do, position after position: an output-stationary array takes its weights depth by
/// depth, which is their order, and a decoded token appends to both in one piece.
class HardwareAttention {
public:
    /// `rotation`: of a head, where queries and keys are rotated before they become codes.
    HardwareAttention(Platform& platform, Recorder& recorder, const ModelMemory& memory,
                      const AttentionFormats& formats, Index head_size,
                      std::optional<models::Hadamard> rotation);

    /// LinearOperator::attend. The projections lie at memory.results.
    workloads::Activations attend(const workloads::AttentionStep& step, workloads::Activations& q,
                                  workloads::Activations& k, const workloads::Activations& v);

    /// The runs of values that hold what attend() returned.
    const std::vector<models::TensorRun>& attended() const { return attended_; }

private:
    void quantize_heads(const workloads::AttentionStep& step, workloads::Activations& q,
                        workloads::Activations& k, const workloads::Activations& v);
    void attend_head(const workloads::AttentionStep& step, Index sequence, Index kv_head,
                     workloads::Activations& output);
    models::OperandRef weigh(const HeadMemory& head, Index rows, Index total, Index visible,
                             Index group, Matrix<float>& scores);
    std::uint64_t next_attended() const;
    models::OperandRef codes_at(std::uint64_t address, std::uint64_t words, Index rows,
                                Index columns, const models::ActivationFormat& format) const;

    Platform& platform_;
    Recorder& recorder_;
    const ModelMemory& memory_;
    const AttentionFormats formats_;
    const std::optional<models::Hadamard> rotation_;
    std::vector<models::TensorRun> attended_;
};

}  // namespace axesim::sim
