// SPDX-License-Identifier: Apache-2.0
// What each command of `axesim` does, given its options. options.h makes these structs from the
// command line; commands.cpp does the work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace axesim::sim {

/// What a command prints on stdout.
enum class OutputText { text, json };

/// Options of every command that starts from a config.
struct ConfigOptions {
    std::filesystem::path config;
    std::vector<std::string> overrides;  ///< "key.path=value", in the order given
    int threads = 0;     ///< 0: all cores. main() has set it; no result depends on it
    bool quiet = false;  ///< no progress on stderr
};

enum class TraceFormat { perfetto, vcd };

/// What a run writes of what happens inside the hardware.
struct TraceOptions {
    TraceFormat format = TraceFormat::perfetto;
    std::string layers = "model.layers.0.*";  ///< pattern over the names of operations
    std::uint64_t events = 1'000'000;         ///< after so many, no operation is begun
};

/// axesim --config FILE ...: quantize, simulate, evaluate, report.
struct RunOptions : ConfigOptions {
    std::filesystem::path out;          ///< folder for results; empty: print only
    std::filesystem::path cache;        ///< folder of work that runs share; empty: none
    std::filesystem::path against;      ///< folder of the results to compare with; empty: none
    bool dry_run = false;               ///< only tell what would run, and about how long
    bool export_weights = false;        ///< write quantized.safetensors there (needs `out`)
    std::optional<TraceOptions> trace;  ///< written there (needs `out`)
    OutputText format = OutputText::text;
};

/// axesim quantize --config FILE --out DIR: quantize and certify a model, simulate nothing.
struct QuantizeOptions : ConfigOptions {
    std::filesystem::path out;
};

/// axesim quantize --config FILE --weights w.npy --inputs x.npy --output q.npy: one matrix.
struct QuantizeMatrixOptions : ConfigOptions {
    std::filesystem::path weights;           ///< float [out, K]
    std::filesystem::path inputs;            ///< float [samples, K], of the float network
    std::filesystem::path quantized_inputs;  ///< float [samples, K]; empty: the same as `inputs`
    std::filesystem::path scales;            ///< float [out]; empty: from the weights
    std::filesystem::path output;            ///< written: int32 [out, K]
};

/// axesim verify DIR: re-check the certificate of exported integers.
struct VerifyOptions {
    std::filesystem::path directory;
};

/// axesim gemm: one integer matrix product through the simulated hardware.
struct GemmOptions : ConfigOptions {
    std::filesystem::path activations;  ///< int [tokens, K]
    std::filesystem::path weights;      ///< int [out, K]
    std::filesystem::path output;       ///< written: int64 [tokens, out], the outer accumulators
    OutputText format = OutputText::text;
};

/// axesim sweep --config SWEEP.yaml --out DIR: many design points, each by a process of its own.
struct SweepOptions : ConfigOptions {
    std::filesystem::path out;
    std::filesystem::path cache;  ///< folder of work that the points share; empty: in `out`
    int jobs = 0;                 ///< worker processes at a time; 0: as many as cores
    bool resume = false;          ///< also in a folder that holds another sweep
    bool list = false;            ///< only print the points
    bool dry_run = false;         ///< only tell what would run, and about how long
    std::string point;            ///< run only this one, write no table; empty: all
    OutputText format = OutputText::text;  ///< of a dry run
};

/// What `axesim report` writes.
enum class ReportFormat { html, markdown, csv };

/// axesim report DIR...: one report of results on disk.
struct ReportOptions {
    std::vector<std::filesystem::path> folders;  ///< of runs and of sweeps
    std::filesystem::path out;  ///< file; empty: html into the first folder, others on stdout
    ReportFormat format = ReportFormat::html;
};

/// Prints and flushes. Throws RunError when standard output cannot take it (full disk, closed).
void print_to_stdout(const std::string& text);

// Each returns the exit status (0 done, 1 failed) or throws UserError or RunError. They print their
// result on stdout and progress on stderr.
int run_command(const RunOptions& options);
int quantize_command(const QuantizeOptions& options);
int quantize_matrix_command(const QuantizeMatrixOptions& options);
int verify_command(const VerifyOptions& options);
int gemm_command(const GemmOptions& options);
int sweep_command(const SweepOptions& options);
int report_command(const ReportOptions& options);

}  // namespace axesim::sim
