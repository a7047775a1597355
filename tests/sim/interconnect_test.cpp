// SPDX-License-Identifier: Apache-2.0
// The interconnect of clusters against queues that are walked cycle by cycle.
#include "models/memory/interconnect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "models/memory/dram.h"

namespace axesim::models {
namespace {

constexpr std::uint64_t kDramCyclesPerByte = 1;
constexpr std::uint64_t kDramLatency = 7;

struct Arrival {
    std::uint64_t cycle, address;
    bool operator==(const Arrival&) const = default;
};

/// One request after the other: a cycle a byte, and the latency of the last on top.
struct StubDram {
    std::uint64_t free = 0;
    std::vector<Arrival> arrivals;

    /// Returns the cycle when it is done.
    std::uint64_t serve(std::uint64_t cycle, std::uint64_t address, std::uint64_t bytes) {
        arrivals.push_back({cycle, address});
        free = std::max(free, cycle) + bytes * kDramCyclesPerByte;
        return free + kDramLatency;
    }
};

class StubDramModule : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<StubDramModule> socket{"socket"};
    StubDram dram;

    StubDramModule(const sc_core::sc_module_name& name, const SimulationClock& clock)
        : sc_module(name), clock_(clock) {
        socket.register_b_transport(this, &StubDramModule::b_transport);
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        const std::uint64_t now = clock_.now();
        const std::uint64_t done = dram.serve(now + clock_.cycles_in(delay), payload.get_address(),
                                              payload.get_data_length());
        payload.get_extension<DramAcceptExtension>()->next_accept_ps =
            clock_.picoseconds(dram.free);
        delay = clock_.time_of(done - now);
    }

    const SimulationClock& clock_;
};

/// A request: what is known when it is made, and what came of it.
struct Traffic {
    int cluster = 0;
    std::uint64_t pause = 0;  ///< cycles after the request before it of this cluster is taken
    std::uint64_t ahead = 0;  ///< of these, cycles that the initiator runs ahead of SystemC's time
    std::uint64_t bytes = 0, address = 0;
    bool write = false;
    std::uint64_t asked = 0, done = 0, accepted = 0;  ///< results, cycles
};

/// Makes the requests of one cluster, one after the other, none waiting for data.
class Initiator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};

    Initiator(const sc_core::sc_module_name& name, const SimulationClock& clock)
        : sc_module(name), clock_(clock) {
        SC_THREAD(run);
    }
    std::vector<Traffic> traffic;

private:
    SC_HAS_PROCESS(Initiator);

    void run() {
        for (Traffic& request : traffic) {
            clock_.wait_cycles(request.pause - request.ahead);
            tlm::tlm_generic_payload payload;
            auto* accept = new DramAcceptExtension;
            payload.set_extension(accept);
            payload.set_command(request.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
            payload.set_address(request.address);
            payload.set_data_length(static_cast<unsigned int>(request.bytes));
            sc_core::sc_time delay = clock_.time_of(request.ahead);
            request.asked = clock_.now() + request.ahead;
            socket->b_transport(payload, delay);
            EXPECT_EQ(clock_.now(), request.asked + 1) << "a request a cycle is taken";
            request.done = clock_.now() + clock_.cycles_in(delay);
            request.accepted = clock_.cycle_at(accept->next_accept_ps);
        }
    }

    const SimulationClock& clock_;
};

struct Outcome {
    std::vector<Traffic> requests;  ///< in the order of time, then of clusters
    std::vector<Arrival> arrivals;
    InterconnectCounts counts;
};

Outcome simulate(const InterconnectConfig& config, const std::vector<std::vector<Traffic>>& work) {
    set_simulation_resolution();
    const SimulationClock clock(1050);
    StubDramModule dram("dram", clock);
    Interconnect interconnect("interconnect", config, static_cast<int>(work.size()), clock);
    interconnect.dram_socket.bind(dram.socket);
    // Made in an order that is not that of their numbers: which process runs first must not matter.
    std::map<std::size_t, std::unique_ptr<Initiator>> initiators;
    for (std::size_t i = work.size(); i-- > 0;) {
        const std::string name = "initiator" + std::to_string(i);
        initiators[i] = std::make_unique<Initiator>(name.c_str(), clock);
        initiators[i]->traffic = work[i];
        initiators[i]->socket.bind(interconnect.cluster_sockets[i]);
    }
    sc_core::sc_start();
    Outcome outcome;
    for (const auto& [i, initiator] : initiators) {
        outcome.requests.insert(outcome.requests.end(), initiator->traffic.begin(),
                                initiator->traffic.end());
    }
    std::ranges::stable_sort(outcome.requests, [](const Traffic& a, const Traffic& b) {
        return std::tie(a.asked, a.cluster) < std::tie(b.asked, b.cluster);
    });
    outcome.arrivals = dram.dram.arrivals;
    outcome.counts = interconnect.counts();
    return outcome;
}

/// Walks the cycles of one channel: its queue's head moves `width` bits in each from when it has
/// arrived on, and makes room when the last have crossed and the DRAM has them ready. Returns the
/// first and the end of the cycles in which each request is at the head.
struct Crossing {
    std::uint64_t begin = 0, end = 0;
};
class Channel {
public:
    explicit Channel(std::uint64_t width) : width_(width) {}

    Crossing cross(std::uint64_t arrived, std::uint64_t bytes, std::uint64_t ready) {
        while (cycle_ < arrived) ++cycle_;  // nobody is at the head
        Crossing crossing{.begin = cycle_};
        for (std::uint64_t bits = bytes * 8; bits > 0; ++cycle_) bits -= std::min(bits, width_);
        while (cycle_ < ready) ++cycle_;
        crossing.end = cycle_;
        return crossing;
    }

private:
    std::uint64_t width_, cycle_ = 0;
};

void expect_queues(const InterconnectConfig& config, const Outcome& outcome) {
    const auto width = static_cast<std::uint64_t>(config.bits_per_cycle);
    const auto latency = static_cast<std::uint64_t>(config.latency_cycles);
    Channel reads(width), writes(width);
    StubDram dram;
    InterconnectCounts counts;
    std::uint64_t last = 0;
    for (const Traffic& request : outcome.requests) {
        const std::uint64_t arrived = request.asked + latency;
        Crossing crossing;
        if (request.write) crossing = writes.cross(arrived, request.bytes, 0);
        last = std::max(last, request.write ? crossing.begin : arrived);
        const std::uint64_t ready = dram.serve(last, request.address, request.bytes);
        if (!request.write) crossing = reads.cross(arrived, request.bytes, ready);
        EXPECT_EQ(request.done, std::max(ready, crossing.end) + latency);
        EXPECT_GE(request.accepted, dram.free + latency);
        (request.write ? counts.written_bits : counts.read_bits) += request.bytes * 8;
    }
    EXPECT_EQ(outcome.arrivals, dram.arrivals);
    EXPECT_EQ(outcome.counts.read_bits, counts.read_bits);
    EXPECT_EQ(outcome.counts.written_bits, counts.written_bits);
}

/// Requests of all sizes, often of several clusters in one cycle.
std::vector<std::vector<Traffic>> random_work(int clusters, unsigned seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::uint64_t low, std::uint64_t high) {
        return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
    };
    std::vector<std::vector<Traffic>> work(static_cast<std::size_t>(clusters));
    std::uint64_t address = 0;
    for (int cluster = 0; cluster < clusters; ++cluster) {
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t pause = pick(0, 4) == 0 ? pick(0, 200) : pick(0, 2);
            work[static_cast<std::size_t>(cluster)].push_back({.cluster = cluster,
                                                               .pause = pause,
                                                               .ahead = pick(0, pause),
                                                               .bytes = pick(1, 60),
                                                               .address = address++,
                                                               .write = pick(0, 2) == 0});
        }
    }
    return work;
}

TEST(Interconnect, IsAQueueWithAChannelEachWay) {
    const InterconnectConfig config{64, 5};
    expect_queues(config, simulate(config, random_work(4, 1)));
}

TEST(Interconnect, NarrowOneHoldsTheDramUp) {
    const InterconnectConfig config{4, 1};  // the DRAM moves 8 bits a cycle
    const Outcome outcome = simulate(config, random_work(3, 2));
    expect_queues(config, outcome);
    std::uint64_t end = 0;
    for (const Traffic& request : outcome.requests) end = std::max(end, request.done);
    EXPECT_GE(end * 4, outcome.counts.read_bits);
}

TEST(Interconnect, ServesRequestsOfOneCycleByTheNumberOfTheirCluster) {
    std::vector<std::vector<Traffic>> work(5);
    for (int cluster = 0; cluster < 5; ++cluster) {
        const auto address = static_cast<std::uint64_t>(cluster);
        // Each gets there another way: some wait in SystemC's time, some run ahead of it.
        work[address] = {{.cluster = cluster,
                          .pause = 10,
                          .ahead = address * 2,
                          .bytes = 32,
                          .address = address}};
    }
    const Outcome outcome = simulate({32, 3}, work);
    const std::vector<Arrival> expected{{13, 0}, {13, 1}, {13, 2}, {13, 3}, {13, 4}};
    EXPECT_EQ(outcome.arrivals, expected);
    expect_queues({32, 3}, outcome);
}

}  // namespace
}  // namespace axesim::models
