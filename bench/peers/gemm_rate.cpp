// SPDX-License-Identifier: Apache-2.0
// GEMMs on the simulated hardware, again and again for some time, for comparison with other
// simulators of the same GEMMs.
//   gemm_rate CONFIG SECONDS M,N,K...                    timing only
//   gemm_rate CONFIG SECONDS x.npy w.npy y.npy           bit by bit, outer accumulators to y
// prints for one round of all: MACs, cycles, overflow events and processor time, as JSON.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <systemc>
#include <vector>

#include "common/error.h"
#include "common/npy.h"
#include "common/stopwatch.h"
#include "sim/config/config.h"
#include "sim/platform.h"

namespace {

using namespace axesim;

struct Operands {
    models::OperandRef weights, activations;
};

models::GemmShape parse_shape(const std::string& text) {
    models::GemmShape shape;
    char comma = 0;
    std::istringstream in(text);
    if (!(in >> shape.m >> comma >> shape.n >> comma >> shape.k) || shape.m < 1 || shape.n < 1 ||
        shape.k < 1) {
        throw UserError(text + ": is no M,N,K");
    }
    return shape;
}

sim::PlatformSize platform_size(const std::vector<models::GemmShape>& shapes,
                                const models::HardwareConfig& hardware, bool has_values) {
    sim::PlatformSize size;
    size.has_values = has_values;
    for (const models::GemmShape& shape : shapes) {
        size.weight_bytes += sim::Platform::weight_bytes(shape.n, shape.k, hardware, hardware);
        size.max_tokens = std::max(size.max_tokens, shape.m);
        size.max_depth = std::max(size.max_depth, shape.k);
        size.max_outputs = std::max(size.max_outputs, shape.n);
    }
    return size;
}

nlohmann::json measure(sim::Platform& platform, const std::vector<Operands>& operands,
                       double seconds, Matrix<std::int64_t>& outputs) {
    std::uint64_t macs = 0, cycles = 0, inner = 0, outer = 0;
    int rounds = 0;
    const auto round = [&] {
        macs = cycles = inner = outer = 0;
        for (const Operands& each : operands) {
            const sim::GemmReport report = platform.multiply_raw(
                each.weights, each.activations, platform.config().layer_format(), outputs);
            macs += static_cast<std::uint64_t>(report.shape.m * report.shape.n * report.shape.k);
            cycles += report.cycles.cycles;
            inner += report.observed.inner_events;
            outer += report.observed.outer_events;
        }
    };
    round();  // warms up
    // Later rounds meet the DRAM's refreshes elsewhere: theirs depend on how many there are.
    const std::uint64_t first_cycles = cycles;
    const ProcessorStopwatch stopwatch;
    do {
        round();
        ++rounds;
    } while (stopwatch.seconds() < seconds);
    return {{"macs", macs},
            {"cycles", first_cycles},
            {"inner_events", inner},
            {"outer_events", outer},
            {"processor_seconds", stopwatch.seconds() / rounds}};
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() < 3) {
        std::cerr << "gemm_rate CONFIG SECONDS (M,N,K... | x.npy w.npy y.npy)\n";
        return 2;
    }
    const bool has_values = arguments[2].ends_with(".npy") && arguments.size() == 5;
    Matrix<std::int32_t> x;
    Matrix<std::int16_t> w;
    std::vector<models::GemmShape> shapes;
    if (has_values) {
        x = read_npy_integer(arguments[2]).cast<std::int32_t>();
        w = read_npy_integer(arguments[3]).cast<std::int16_t>();
        shapes.push_back({x.rows(), w.rows(), w.cols()});
    } else {
        for (std::size_t i = 2; i < arguments.size(); ++i)
            shapes.push_back(parse_shape(arguments[i]));
    }
    const sim::Config config = sim::load_config(arguments[0], {});
    const models::HardwareConfig& hardware = config.hardware;
    models::set_simulation_resolution();
    sim::Platform platform("platform", hardware, platform_size(shapes, hardware, has_values));
    std::vector<Operands> operands;
    for (const models::GemmShape& shape : shapes) {
        if (has_values) {
            const std::vector<double> steps(static_cast<std::size_t>(shape.n), 1.0);
            operands.push_back({platform.store_weights(w, steps, hardware),
                                platform.store_activations(x, hardware)});
        } else {
            operands.push_back({platform.reserve_weights(shape.n, shape.k, hardware, false), {}});
        }
    }
    nlohmann::json measured;
    Matrix<std::int64_t> outputs;
    platform.run([&] {
        for (std::size_t i = 0; i < shapes.size() && !has_values; ++i) {
            operands[i].activations = platform.quantize(
                Matrix<float>::Zero(shapes[i].m, shapes[i].k), nullptr, {}, hardware);
        }
        measured = measure(platform, operands, std::stod(arguments[1]), outputs);
    });
    if (has_values) write_npy(arguments[4], outputs);
    std::cout << measured << '\n';
    return 0;
}

}  // namespace

int sc_main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}

int main(int argc, char** argv) {
    setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
    return sc_core::sc_elab_and_sim(argc, argv);
}
