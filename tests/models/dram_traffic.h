// SPDX-License-Identifier: Apache-2.0
// Random requests to a DRAM channel, and the devices and policies to try them on.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "models/memory/dram_timing.h"
#include "tests/models/cost_tables.h"

namespace axesim::models {

inline const std::vector<std::string>& all_devices() {
    static const std::vector<std::string> kNames = sim::dram_names();
    return kNames;
}

/// The bank group, the column, or the bank lowest, and mixtures.
inline const std::vector<std::string> kMappings{"rorabacobgch", "rochrababgco", "rorachcobgba",
                                                "rarobgcobach", "rorabgbachco"};

/// Every device with every mapping, page policy and scheduling.
inline std::vector<DramConfig> all_designs() {
    std::vector<DramConfig> designs;
    for (const std::string& name : all_devices()) {
        DramConfig config = shipped_dram(name);
        for (const std::string& mapping : kMappings) {
            for (const DramPagePolicy page : {DramPagePolicy::open, DramPagePolicy::closed}) {
                for (const DramScheduling scheduling :
                     {DramScheduling::in_order, DramScheduling::fr_fcfs}) {
                    config.policy = {mapping, page, scheduling};
                    designs.push_back(config);
                }
            }
        }
    }
    return designs;
}

inline std::string describe(const DramConfig& config) {
    return config.name + " " + config.policy.address_mapping +
           (config.policy.page == DramPagePolicy::open ? " open" : " closed") +
           (config.policy.scheduling == DramScheduling::fr_fcfs ? " fr_fcfs" : " in_order");
}

struct DramRequest {
    std::int64_t first, count;
    bool write;
    std::int64_t ahead_ps;  ///< how long before the last column command it arrives, or after (< 0)
};

/// Requests in a few streams that mostly go on where they were, read and write, some queued early,
/// some after an idle time; lengths up to `most_atoms`.
inline std::vector<DramRequest> random_requests(std::size_t count, std::int64_t most_atoms,
                                                unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t end) {
        return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random);
    };
    std::vector<std::int64_t> streams(3);
    std::vector<DramRequest> requests;
    bool write = false;
    while (requests.size() < count) {
        if (below(4) == 0) write = !write;
        std::int64_t& next = streams[static_cast<std::size_t>(below(3))];
        if (below(3) == 0) next = below(1 << 16);
        const std::int64_t atoms = 1 + below(below(2) == 0 ? 8 : most_atoms);
        const std::int64_t ahead = below(20) == 0 ? -below(10'000'000) : below(4) * 40'000 - 20'000;
        requests.push_back({next, atoms, write, ahead});
        next += atoms;
    }
    return requests;
}

/// Sends a request when it arrives. Returns the end of its data.
inline std::int64_t send(DramChannelTiming& channel, const DramRequest& request,
                         std::int64_t& arrival_ps) {
    arrival_ps = std::max(arrival_ps, channel.last_column_ps() - request.ahead_ps);
    return channel.transfer(request.first, request.count, request.write, arrival_ps);
}

}  // namespace axesim::models
