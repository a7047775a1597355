// SPDX-License-Identifier: Apache-2.0
// An integer GEMM on the verilated output_stationary_array, with as little around it as there can
// be: operands are packed beforehand, results are only unpacked.
//   verilated_array x.npy w.npy y.npy    x [tokens, K], w [out, K], y int64 [tokens, out];
// prints MACs, cycles, overflow events and the processor time of the cycles as JSON.
// ROWS, COLUMNS, WEIGHT_BITS, ACTIVATION_BITS and OUTER_BITS are those of the model.
#include <verilated.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "Voutput_stationary_array.h"
#include "common/npy.h"
#include "common/stopwatch.h"

namespace {

using axesim::Index;
using Codes = axesim::Matrix<std::int64_t>;

/// Words of a port for each step of each block of `height` rows: [blocks][K][words].
class PortWords {
public:
    PortWords(const Codes& codes, Index height, int bits)
        : depth_(codes.cols()), words_((height * bits + 31) / 32) {
        const Index blocks = (codes.rows() + height - 1) / height;
        data_.resize(static_cast<std::size_t>(blocks * depth_ * words_));
        for (Index row = 0; row < codes.rows(); ++row) {
            for (Index k = 0; k < depth_; ++k)
                put(at(row / height, k), row % height, codes(row, k), bits);
        }
    }
    const std::uint32_t* at(Index block, Index k) const {
        return data_.data() + (block * depth_ + k) * words_;
    }
    std::size_t bytes() const { return static_cast<std::size_t>(words_) * 4; }

private:
    std::uint32_t* at(Index block, Index k) { return data_.data() + (block * depth_ + k) * words_; }
    static void put(std::uint32_t* words, Index place, std::int64_t code, int bits) {
        for (int bit = 0; bit < bits; ++bit) {
            const Index at = place * bits + bit;
            words[at / 32] |= static_cast<std::uint32_t>((code >> bit) & 1) << (at % 32);
        }
    }

    Index depth_, words_;
    std::vector<std::uint32_t> data_;
};

std::int64_t result(const std::uint32_t* words, Index place) {
    std::int64_t value = 0;
    for (int bit = 0; bit < OUTER_BITS; ++bit) {
        const Index at = place * OUTER_BITS + bit;
        value |= static_cast<std::int64_t>((words[at / 32] >> (at % 32)) & 1) << bit;
    }
    return (value >> (OUTER_BITS - 1)) != 0 ? value - (std::int64_t{1} << OUTER_BITS) : value;
}

int run(const char* x_path, const char* w_path, const char* y_path) {
    const Codes x = axesim::read_npy_integer(x_path), w = axesim::read_npy_integer(w_path);
    const PortWords activations(x, ROWS, ACTIVATION_BITS), weights(w, COLUMNS, WEIGHT_BITS);
    const Index row_blocks = (x.rows() + ROWS - 1) / ROWS;
    const Index column_blocks = (w.rows() + COLUMNS - 1) / COLUMNS;
    const Index folds = row_blocks * column_blocks;
    Codes y(x.rows(), w.rows());

    VerilatedContext context;
    Voutput_stationary_array array(&context);
    const auto tick = [&] {
        array.clock = 1;
        array.eval();
    };
    const auto settle = [&] {
        array.clock = 0;
        array.eval();
    };
    array.reset = 1;
    settle();
    tick();
    array.reset = 0;
    array.depth = static_cast<std::uint16_t>(x.cols());

    std::uint64_t cycles = 0, inner_events = 0, outer_events = 0;
    Index started = 0, drained = 0, k = 0, row = 0;
    const axesim::ProcessorStopwatch stopwatch;
    while (drained < folds) {
        if (started > 0 && k < x.cols()) {
            const Index fold = started - 1;
            std::memcpy(&array.activations, activations.at(fold / column_blocks, k),
                        activations.bytes());
            std::memcpy(&array.weights, weights.at(fold % column_blocks, k), weights.bytes());
        }
        array.start = started < folds ? 1 : 0;
        settle();
        cycles += array.busy;
        inner_events += array.inner_events;
        outer_events += array.outer_events;
        if (array.results_valid) {
            const Index token = drained / column_blocks * ROWS + row;
            const Index first = drained % column_blocks * COLUMNS;
            for (Index c = 0; token < y.rows() && c < std::min<Index>(COLUMNS, y.cols() - first);
                 ++c) {
                y(token, first + c) = result(array.results.data(), c);
            }
            if (++row == ROWS) row = 0, ++drained;
        }
        if (array.fetch) ++k;
        if (array.start && array.ready) ++started, k = 0;
        tick();
    }
    const double seconds = stopwatch.seconds();
    array.final();
    axesim::write_npy(y_path, y);
    std::cout << nlohmann::json({{"macs", x.rows() * x.cols() * w.rows()},
                                 {"cycles", cycles},
                                 {"inner_events", inner_events},
                                 {"outer_events", outer_events},
                                 {"processor_seconds", seconds}})
              << '\n';
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 4) return run(argv[1], argv[2], argv[3]);
        std::cerr << "verilated_array x.npy w.npy y.npy\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
