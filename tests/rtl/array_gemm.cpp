// SPDX-License-Identifier: Apache-2.0
// An integer GEMM on an array of the RTL, for tests that compare it with `axesim gemm`:
//   rtl_array_gemm                              the arrays and their parameters, as JSON
//   rtl_array_gemm ARRAY x.npy w.npy y.npy      x [tokens, K], w [out, K], y int64 [tokens, out];
//                                               prints cycles and overflow events as JSON
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "Varray_cases.h"
#include "common/npy.h"
#include "tests/rtl/verilated_model.h"

namespace axesim::rtl {
namespace {

using Codes = Matrix<std::int64_t>;
constexpr std::size_t kArrays =
    std::extent_v<std::remove_reference_t<decltype(Varray_cases::rows)>>;

class ArrayGemm {
public:
    explicit ArrayGemm(std::size_t array) : array_(array) {}

    nlohmann::json parameters() {
        return {{"rows", cases_->rows[array_]},
                {"columns", cases_->columns[array_]},
                {"lanes", cases_->lanes[array_]},
                {"weight_bits", cases_->weight_bits[array_]},
                {"activation_bits", cases_->activation_bits[array_]},
                {"activation_signed", cases_->activation_signed[array_] != 0},
                {"inner_bits", cases_->inner_bits[array_]},
                {"outer_bits", cases_->outer_bits[array_]},
                {"tile_size", cases_->tile_size[array_]},
                {"overflow", cases_->saturates[array_] != 0 ? "saturate" : "wrap"},
                {"dataflow",
                 cases_->weights_stay[array_] != 0 ? "weight_stationary" : "output_stationary"}};
    }

    Codes multiply(const Codes& x, const Codes& w) {
        return cases_->weights_stay[array_] != 0 ? with_held_weights(x, w) : with_held_sums(x, w);
    }

    nlohmann::json observed() const {
        return {
            {"cycles", cycles_}, {"inner_events", inner_events_}, {"outer_events", outer_events_}};
    }

private:
    struct Fold {
        Index first_token, first_channel;
    };

    /// All folds of an output-stationary array, one right after the other.
    Codes with_held_sums(const Codes& x, const Codes& w) {
        const Index rows = cases_->rows[array_];
        const Index columns = cases_->columns[array_];
        y_.resize(x.rows(), w.rows());
        cases_->depth = static_cast<std::uint16_t>(x.cols());
        std::vector<Fold> folds;
        for (Index m = 0; m < x.rows(); m += rows) {
            for (Index n = 0; n < w.rows(); n += columns) folds.push_back({m, n});
        }
        std::size_t started = 0, drained = 0;
        Index k = 0, row = 0;
        while (drained < folds.size()) {
            // Operands are those of the fold that runs; with `fetch` the next products are taken.
            if (started > 0) put_operands(x, w, folds[started - 1], k);
            cases_->start[array_] = started < folds.size();
            observe();
            if (cases_->results_valid[array_]) {
                take_results(folds[drained], row);
                if (++row == rows) row = 0, ++drained;
            }
            if (cases_->fetch[array_]) k += step_products(k, x.cols());
            if (cases_->start[array_] && cases_->ready[array_]) ++started, k = 0;
            cases_.tick();
        }
        return y_;
    }

    /// Products first_k .. end_k - 1 of a tile or of whole tiles, of one column's width of
    /// channels.
    struct HeldFold {
        Index first_channel, first_k, end_k;
        bool tile_first, tile_last;
    };

    /// Folds of a weight-stationary array, along the depth first. None holds the end of a tile and
    /// a part of the next.
    std::vector<HeldFold> held_folds(Index depth, Index channels) {
        const Index column = Index{cases_->rows[array_]} * cases_->lanes[array_];
        const Index tile = cases_->tile_size[array_] > 0 ? Index{cases_->tile_size[array_]} : depth;
        std::vector<HeldFold> folds;
        for (Index n = 0; n < channels; n += cases_->columns[array_]) {
            for (Index k = 0; k < depth;) {
                const Index in_tile = k % tile;
                const Index most =
                    tile > column ? std::min(column, tile - in_tile) : column / tile * tile;
                const Index end = std::min(k + most, depth);
                folds.push_back({n, k, end, in_tile == 0, end == depth || end % tile == 0});
                k = end;
            }
        }
        return folds;
    }

    /// All folds of a weight-stationary array, one right after the other; what it leaves of each
    /// token lies here in between.
    Codes with_held_weights(const Codes& x, const Codes& w) {
        const Index rows = cases_->rows[array_];
        outer_.setZero(x.rows(), w.rows());
        inner_.setZero(x.rows(), w.rows());
        cases_->tokens = static_cast<std::uint16_t>(x.rows());
        const std::vector<HeldFold> folds = held_folds(x.cols(), w.rows());
        std::size_t started = 0, drained = 0;
        Index row = 0, token = 0, outer_token = 0, result = 0;
        while (drained < folds.size()) {
            if (cases_->results_valid[array_]) {  // registers: there before this cycle's operands
                take_record(folds[drained], result);
                if (++result == x.rows()) result = 0, ++drained;
            }
            if (started > 0) {
                const HeldFold& fold = folds[started - 1];
                put_weights(w, fold, rows - 1 - row);
                put_token(x, fold, token, outer_token);
            }
            cases_->start[array_] = started < folds.size();
            if (started < folds.size()) {
                cases_->tile_first = folds[started].tile_first;
                cases_->tile_last = folds[started].tile_last;
                cases_->outer_first = folds[started].first_k == 0;
            }
            observe();
            row += cases_->fetch_weights[array_];
            token += cases_->fetch[array_];
            outer_token += cases_->fetch_outer[array_];
            if (cases_->start[array_] && cases_->ready[array_]) {
                ++started;
                row = token = outer_token = 0;
            }
            cases_.tick();
        }
        return outer_;
    }

    void observe() {
        cases_.settle();
        cycles_ += cases_->busy[array_];
        inner_events_ += cases_->inner_events[array_];
        outer_events_ += cases_->outer_events[array_];
    }

    /// The products that a row of units holds: rows follow the depth, tile after tile. What is not
    /// there has zero weights.
    void put_weights(const Codes& w, const HeldFold& fold, Index row) {
        const Index lanes = cases_->lanes[array_];
        for (Index c = 0; c < cases_->columns[array_]; ++c) {
            const Index channel = fold.first_channel + c;
            for (Index lane = 0; lane < lanes; ++lane) {
                const Index k = fold.first_k + row * lanes + lane;
                const bool there = channel < w.rows() && k < fold.end_k;
                cases_->weights[c][lane] =
                    there ? static_cast<std::uint8_t>(w(channel, k)) : std::uint8_t{0};
            }
        }
    }

    /// Activations beyond the fold are whatever comes next in memory: their weights are zero.
    void put_token(const Codes& x, const HeldFold& fold, Index token, Index outer_token) {
        const Index lanes = cases_->lanes[array_];
        for (Index r = 0; r < cases_->rows[array_]; ++r) {
            for (Index lane = 0; lane < lanes; ++lane) {
                const Index k = std::min(fold.first_k + r * lanes + lane, x.cols() - 1);
                cases_->activations[r][lane] =
                    static_cast<std::uint8_t>(x(std::min(token, x.rows() - 1), k));
            }
        }
        for (Index c = 0; c < cases_->columns[array_]; ++c) {
            const Index channel = std::min(fold.first_channel + c, inner_.cols() - 1);
            cases_->partial_inner[c] =
                static_cast<std::uint64_t>(inner_(std::min(token, inner_.rows() - 1), channel));
            cases_->partial_outer[c] = static_cast<std::uint64_t>(
                outer_(std::min(outer_token, outer_.rows() - 1), channel));
        }
    }

    void take_record(const HeldFold& fold, Index token) {
        for (Index c = 0; c < cases_->columns[array_]; ++c) {
            const Index channel = fold.first_channel + c;
            if (channel >= outer_.cols()) return;
            outer_(token, channel) = static_cast<std::int64_t>(cases_->results[array_][c]);
            inner_(token, channel) = static_cast<std::int64_t>(cases_->results_inner[array_][c]);
        }
    }

    /// A step's products do not cross the end of a tile.
    Index step_products(Index k, Index depth) {
        const Index tile = cases_->tile_size[array_] > 0 ? cases_->tile_size[array_] : depth;
        return std::min<Index>({cases_->lanes[array_], tile - k % tile, depth - k});
    }

    /// Lanes that a step does not use carry what comes next in memory: the array ignores it.
    void put_operands(const Codes& x, const Codes& w, const Fold& fold, Index k) {
        const auto code = [](const Codes& from, Index row, Index column) {
            return row < from.rows() && column < from.cols()
                       ? static_cast<std::uint8_t>(from(row, column))
                       : std::uint8_t{0};
        };
        for (Index lane = 0; lane < cases_->lanes[array_]; ++lane) {
            for (Index r = 0; r < cases_->rows[array_]; ++r)
                cases_->activations[r][lane] = code(x, fold.first_token + r, k + lane);
            for (Index c = 0; c < cases_->columns[array_]; ++c)
                cases_->weights[c][lane] = code(w, fold.first_channel + c, k + lane);
        }
    }

    void take_results(const Fold& fold, Index row) {
        const Index token = fold.first_token + row;
        if (token >= y_.rows()) return;
        for (Index c = 0; c < cases_->columns[array_]; ++c) {
            if (fold.first_channel + c >= y_.cols()) return;
            y_(token, fold.first_channel + c) =
                static_cast<std::int64_t>(cases_->results[array_][c]);
        }
    }

    std::size_t array_;
    Clocked<Varray_cases> cases_;
    Codes y_;
    Codes inner_, outer_;  // records of a weight-stationary array, by token and channel
    std::uint64_t cycles_ = 0, inner_events_ = 0, outer_events_ = 0;
};

int run(const std::vector<std::string>& arguments) {
    if (arguments.empty()) {
        nlohmann::json arrays;
        for (std::size_t i = 0; i < kArrays; ++i) arrays.push_back(ArrayGemm(i).parameters());
        std::cout << arrays << '\n';
        return 0;
    }
    if (arguments.size() != 4) {
        std::cerr << "rtl_array_gemm [ARRAY x.npy w.npy y.npy]\n";
        return 2;
    }
    ArrayGemm gemm(std::stoul(arguments[0]));
    write_npy(arguments[3],
              gemm.multiply(read_npy_integer(arguments[1]), read_npy_integer(arguments[2])));
    std::cout << gemm.observed() << '\n';
    return 0;
}

}  // namespace
}  // namespace axesim::rtl

int main(int argc, char** argv) {
    try {
        return axesim::rtl::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
