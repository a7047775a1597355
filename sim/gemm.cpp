// SPDX-License-Identifier: Apache-2.0
#include "sim/gemm.h"

#include <fmt/format.h>

#include <span>

#include "common/error.h"
#include "models/cost/costs.h"
#include "quant/certificate.h"
#include "sim/layer_record.h"
#include "sim/platform.h"

namespace axesim::sim {

namespace {

template <class Code>
Matrix<Code> checked_codes(const Matrix<std::int64_t>& values, const IntegerRange& range,
                           const std::string& array, const std::string& format) {
    for (Index row = 0; row < values.rows(); ++row) {
        for (Index column = 0; column < values.cols(); ++column) {
            if (!range.contains(values(row, column))) {
                throw UserError(fmt::format("{}: element [{}, {}] = {} is outside {} = {} .. {}",
                                            array, row, column, values(row, column), format,
                                            range.min, range.max));
            }
        }
    }
    return values.cast<Code>();
}

}  // namespace

GemmRun run_gemm(const Matrix<std::int64_t>& activations, const Matrix<std::int64_t>& weights,
                 const Config& config) {
    const models::HardwareConfig& hardware = config.hardware;
    if (activations.cols() != weights.cols()) {
        throw UserError(fmt::format(
            "--activations is {} x {} and --weights is {} x {}: their second dimensions, the depth "
            "K, must be equal",
            activations.rows(), activations.cols(), weights.rows(), weights.cols()));
    }
    const auto x = checked_codes<std::int32_t>(
        activations, hardware.activations.codes(), "--activations",
        fmt::format("the {}-bit activation codes", hardware.activations.bits));
    const auto w =
        checked_codes<std::int16_t>(weights, hardware.weight_codes(), "--weights",
                                    fmt::format("the {}-bit weight codes", hardware.weight_bits));

    GemmRun run;
    GemmReport report;
    models::set_simulation_resolution();
    Platform platform(
        "platform", hardware,
        {.weight_bytes = Platform::weight_bytes(w.rows(), w.cols(), hardware, hardware),
         .max_tokens = x.rows(),
         .max_depth = x.cols(),
         .max_outputs = w.rows(),
         .measures_activity = config.energy.is_measured()});
    platform.run([&] {
        const auto weight_operand = platform.store_weights(
            w, std::vector<double>(static_cast<std::size_t>(w.rows()), 1.0), hardware);
        const auto activation_operand = platform.store_activations(x, hardware);
        report = platform.multiply_raw(weight_operand, activation_operand, hardware, run.outputs);
    });
    if (hardware.accumulator.overflow == OverflowMode::trap && report.observed.first_overflow) {
        throw RunError(fmt::format(
            "{} (accumulator.overflow is trap)",
            describe_overflow(*report.observed.first_overflow, hardware.accumulator, x.cols())));
    }

    const quant::Certificate certificate =
        quant::certify(w, hardware.activations.codes(), hardware.accumulator);
    reports::Result& result = run.result;
    result.name = config.name;
    result.hardware = hardware;
    result.config = config.resolved;
    result.technology = config.technology_table.name;
    result.profile = config.technology_table.profile;
    result.profile_source = config.technology_table.profile_source;
    result.outer_bits = certificate.outer_bits;
    result.overflow = reports::Overflow{
        .certified = certificate.certified,
        .inner_events = report.observed.inner_events,
        .outer_events = report.observed.outer_events,
        .inner = {certificate.inner_bits, certificate.inner, report.observed.inner_seen},
        .outer = {certificate.outer_bits, certificate.outer, report.observed.outer_seen},
        .first_layer = "gemm",
        .first_place = report.observed.first_overflow};
    run.mapping = report.describe_mapping();
    reports::Phase& phase = result.prefill;
    phase.name = "gemm";
    phase.tokens = x.rows();
    phase.counts = platform.counts();
    phase.seconds = static_cast<double>(phase.counts.cycles.cycles) / (hardware.clock_mhz * 1e6);
    phase.energy = models::energy(phase.counts, phase.seconds, hardware, certificate.outer_bits,
                                  config.technology_table);
    phase.energy_range = models::energy_range(phase.counts, phase.seconds, hardware,
                                              certificate.outer_bits, config.technology_table);
    if (config.energy.is_measured()) {
        const models::Work work{.counts = phase.counts,
                                .seconds = phase.seconds,
                                .format = static_cast<const models::LayerFormat&>(hardware),
                                .outer_bits = certificate.outer_bits};
        phase.activity_factor = models::activity_factor(
            std::span(&work, 1), hardware, certificate.outer_bits, config.technology_table);
    }
    result.area = models::area(hardware, certificate.outer_bits, config.technology_table);
    result.area_range =
        models::area_range(hardware, certificate.outer_bits, config.technology_table);
    result.unit_costs =
        models::unit_costs(hardware, certificate.outer_bits, config.technology_table);
    return run;
}

}  // namespace axesim::sim
