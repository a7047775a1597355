// SPDX-License-Identifier: Apache-2.0
// The axesim program: parse, dispatch, report. SystemC wants its own entry point, so main() hands
// over to it and sc_main() does the work.
#include <malloc.h>
#include <omp.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <systemc>

#include "sim/commands.h"
#include "sim/config/config.h"
#include "sim/exit_status.h"
#include "sim/options.h"

namespace {

using namespace axesim::sim;

void use_threads(const ConfigOptions& options) {
    if (options.threads > 0) omp_set_num_threads(options.threads);
}

struct Execute {
    int operator()(const ShowText& show) const {
        print_to_stdout(show.text);
        return 0;
    }
    int operator()(const ExplainOptions& options) const {
        print_to_stdout(explain(options.key));
        return 0;
    }
    int operator()(const RunOptions& options) const {
        use_threads(options);
        return run_command(options);
    }
    int operator()(const QuantizeOptions& options) const {
        use_threads(options);
        return quantize_command(options);
    }
    int operator()(const QuantizeMatrixOptions& options) const {
        use_threads(options);
        return quantize_matrix_command(options);
    }
    int operator()(const VerifyOptions& options) const { return verify_command(options); }
    int operator()(const GemmOptions& options) const {
        use_threads(options);
        return gemm_command(options);
    }
    int operator()(const SweepOptions& options) const {
        use_threads(options);  // for all workers together
        return sweep_command(options);
    }
    int operator()(const ReportOptions& options) const { return report_command(options); }
};

/// Threads that wait for each other sleep instead of spinning, unless the user wants otherwise:
/// spinning next to other processes (a sweep's workers, a build) makes a run several times slower.
/// The OpenMP library reads this when it is loaded, so the program starts once more with it set.
void sleep_while_waiting(char** argv) {
    constexpr const char* kPolicy = "OMP_WAIT_POLICY";
    if (getenv(kPolicy) != nullptr || getenv("GOMP_SPINCOUNT") != nullptr) return;
    setenv(kPolicy, "passive", 1);
    execv("/proc/self/exe", argv);  // returns only if it fails: then this process goes on
}

}  // namespace

int sc_main(int argc, char** argv) {
    return run_and_report(
        [&] {
            return std::visit(Execute{}, parse_options({argv + (argc > 0 ? 1 : 0), argv + argc}));
        },
        std::cerr);
}

int main(int argc, char** argv) {
    sleep_while_waiting(argv);
    // Matrices of many megabytes come and go layer by layer. Keeping their pages saves the kernel
    // from clearing them again each time, a tenth of a run's time. Those of large models are given
    // back: the work on them takes far longer, and their room is needed.
    constexpr int kLargestKept = 128 << 20;
    mallopt(M_MMAP_THRESHOLD, kLargestKept);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);  // keeps stderr for our own messages
    return sc_core::sc_elab_and_sim(argc, argv);
}
