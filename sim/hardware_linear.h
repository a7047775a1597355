// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "models/compute/gemm.h"
#include "models/counts.h"
#include "sim/calibrate.h"
#include "sim/platform.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// What one layer did while a part of the workload ran.
struct LayerRecord {
    models::GemmShape shape;  ///< of the last GEMM
    models::Mapping mapping;  ///< of the last GEMM
    models::Counts counts;    ///< quantizing its input included, for the first of a group
    models::AccumulatorObservation observed;
    double error_sum = 0, reference_sum = 0;  ///< squares: output minus float output; float output
    std::int64_t compared_values = 0;
};
using LayerRecords = std::map<workloads::LinearId, LayerRecord>;

/// Multiplies on the simulated hardware. Must run inside Platform::run.
class HardwareLinear : public workloads::LinearOperator {
public:
    /// Puts the weights into the platform's DRAM.
    HardwareLinear(Platform& platform, const QuantizedModel& model);

    /// Where the next layers are recorded; with `compare`, their outputs are also compared with
    /// those of the float weights on the same input.
    void record(LayerRecords& records, bool compare = false);

    void start(Index sequences, Index past, Index length) override {
        positions_ = {sequences, past, length};
    }
    /// Throws RunError naming layer, channel, token and k when accumulator.overflow is trap and an
    /// accumulator overflowed.
    void apply(std::span<const workloads::LinearId> layers, const Matrix<float>& input,
               std::span<Matrix<float>> outputs) override;

private:
    void compare(const workloads::LinearId& id, const Matrix<float>& input,
                 const Matrix<float>& output, LayerRecord& record) const;

    Platform& platform_;
    const QuantizedModel& model_;
    RowPositions positions_;
    std::map<workloads::LinearId, models::OperandRef> weights_;
    LayerRecords* records_ = nullptr;
    bool compare_ = false;
};

/// "inner accumulator (16 bits) overflowed at token 3, channel 5, k 64".
std::string describe_overflow(const models::OverflowPlace& place,
                              const AccumulatorFormat& accumulator, std::int64_t depth);

}  // namespace axesim::sim
