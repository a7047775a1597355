// SPDX-License-Identifier: Apache-2.0
#include "sim/hardware_linear.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/parallel.h"

namespace axesim::sim {

using workloads::LinearId;

HardwareLinear::HardwareLinear(Platform& platform, const QuantizedModel& model)
    : platform_(platform), model_(model) {
    for (const auto& [id, layer] : model.layers) {
        weights_[id] = platform.store_weights(layer.linear.codes, layer.linear.step, layer.format,
                                              layer.linear.shifts, layer.linear.bias);
    }
}

void HardwareLinear::record(LayerRecords& records, bool compare) {
    records_ = &records;
    compare_ = compare;
}

void HardwareLinear::apply(std::span<const LinearId> layers, const Matrix<float>& input,
                           std::span<Matrix<float>> outputs) {
    models::Counts before = platform_.counts();
    models::CycleCounts quantize_cycles;
    const models::Hadamard* rotation = model_.equalized.rotation(layers.front().kind);
    const QuantizedLayer& first = model_.layers.at(layers.front());
    std::vector<models::StaticRange> ranges;
    if (first.input_ranges) ranges = ranges_of_rows(*first.input_ranges, positions_);
    const models::OperandRef activations =
        platform_.quantize(input, rotation, ranges, first.format, quantize_cycles);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const LinearId& id = layers[i];
        const models::LayerFormat& format = model_.layers.at(id).format;
        const GemmReport report =
            platform_.multiply(weights_.at(id), activations, format, outputs[i]);
        LayerRecord& record = (*records_)[id];
        record.shape = report.shape;
        record.mapping = report.mapping;
        const models::Counts after = platform_.counts();
        record.counts += after - before;
        before = after;
        record.observed.merge(report.observed);
        if (compare_) compare(id, input, outputs[i], record);
        const AccumulatorFormat& accumulator = format.accumulator;
        if (accumulator.overflow == OverflowMode::trap && report.observed.first_overflow) {
            throw RunError(fmt::format(
                "{}: {} (accumulator.overflow is trap)", workloads::layer_name(id),
                describe_overflow(*report.observed.first_overflow, accumulator, report.shape.k)));
        }
    }
}

void HardwareLinear::compare(const LinearId& id, const Matrix<float>& input,
                             const Matrix<float>& output, LayerRecord& record) const {
    Matrix<float> expected;
    if (const models::Hadamard* rotation = model_.equalized.rotation(id.kind)) {
        Matrix<float> rotated = input;
        rotation->rotate_rows(rotated);
        multiply_transposed(rotated, model_.equalized.weights->linear(id), expected);
    } else {
        multiply_transposed(input, model_.equalized.weights->linear(id), expected);
    }
    // Row by row in double, in one order, so that the sums are the same for any thread count.
    for (Index row = 0; row < expected.rows(); ++row) {
        const auto wanted = expected.row(row).cast<double>();
        record.error_sum += (output.row(row).cast<double>() - wanted).squaredNorm();
        record.reference_sum += wanted.squaredNorm();
    }
    record.compared_values += expected.size();
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
