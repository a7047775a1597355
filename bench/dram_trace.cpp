// SPDX-License-Identifier: Apache-2.0
// Prints the commands of the DRAM model for reads and writes of mixed lengths and places, one a
// line in the order of their times, so that another simulator can replay or check them:
//     dram_trace TABLE MAPPING (open|closed) (in_order|fr_fcfs) REQUESTS
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "common/error.h"
#include "models/memory/dram_timing.h"
#include "sim/config/costs_files.h"

namespace {

using namespace axesim::models;

/// A third of the requests goes on where the one before ended; 1 .. 64 atoms; a few idle times.
std::vector<DramCommand> trace_of(const DramConfig& config, int requests) {
    DramChannelTiming channel(config);
    std::vector<DramCommand> trace;
    channel.trace_to([&](const DramCommand& command) { trace.push_back(command); });
    std::mt19937 random(1);
    std::int64_t next = 0, arrival = 0;
    for (int i = 0; i < requests; ++i) {
        if (random() % 3 != 0) next = static_cast<std::int64_t>(random() % (1U << 20));
        const auto atoms = static_cast<std::int64_t>(1 + random() % 64);
        if (random() % 16 == 0)
            arrival = channel.last_column_ps() + static_cast<std::int64_t>(random() % 2'000'000);
        channel.transfer(next, atoms, random() % 3 == 0, arrival);
        next += atoms;
    }
    std::stable_sort(trace.begin(), trace.end(),
                     [](const auto& a, const auto& b) { return a.time_ps < b.time_ps; });
    return trace;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        fmt::print(stderr,
                   "usage: dram_trace TABLE MAPPING (open|closed) (in_order|fr_fcfs) REQUESTS\n");
        return 2;
    }
    try {
        DramConfig config = axesim::sim::load_dram(argv[1]);
        config.policy = {
            argv[2],
            std::string(argv[3]) == "closed" ? DramPagePolicy::closed : DramPagePolicy::open,
            std::string(argv[4]) == "fr_fcfs" ? DramScheduling::fr_fcfs : DramScheduling::in_order};
        fmt::print("time_ps,command,bank_group,bank,row,column\n");
        for (const DramCommand& command : trace_of(config, std::stoi(argv[5]))) {
            const DramPlace& place = command.place;
            fmt::print("{},{},{},{},{},{}\n", command.time_ps, mnemonic(command.kind),
                       place.bank_group, place.bank, place.row, place.column);
        }
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 2;
    }
    return 0;
}
