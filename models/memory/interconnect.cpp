// SPDX-License-Identifier: Apache-2.0
#include "models/memory/interconnect.h"

#include <algorithm>

#include "models/memory/dram.h"

namespace axesim::models {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const InterconnectConfig& config,
                           int clusters, const SimulationClock& clock)
    : sc_module(name),
      cluster_sockets("cluster_socket", static_cast<std::size_t>(clusters)),
      config_(config),
      clock_(clock) {
    for (int cluster = 0; cluster < clusters; ++cluster) {
        TargetSocket& socket = cluster_sockets[static_cast<std::size_t>(cluster)];
        socket.register_b_transport(this, &Interconnect::b_transport, cluster);
        socket.register_transport_dbg(this, &Interconnect::transport_dbg, cluster);
    }
    SC_METHOD(arbitrate);
    sensitive << next_edge_;
    dont_initialize();
}

unsigned int Interconnect::transport_dbg(int /*cluster*/, tlm::tlm_generic_payload& payload) {
    return dram_socket->transport_dbg(payload);
}

void Interconnect::b_transport(int cluster, tlm::tlm_generic_payload& payload,
                               sc_core::sc_time& delay) {
    if (delay != sc_core::SC_ZERO_TIME) wait(delay);
    Request request{.cluster = cluster, .cycle = clock_.now(), .payload = &payload, .granted = {}};
    waiting_.push_back(&request);
    next_edge_.notify(clock_.time_of(1));
    wait(request.granted);
    delay = clock_.time_of(request.done_cycle - clock_.now());
}

/// At the edge after requests were made, when all of their cycle are known whatever order their
/// processes ran in.
void Interconnect::arbitrate() {
    const std::uint64_t now = clock_.now();
    const auto later =
        std::stable_partition(waiting_.begin(), waiting_.end(),
                              [&](const Request* request) { return request->cycle < now; });
    std::sort(waiting_.begin(), later,
              [](const Request* a, const Request* b) { return a->cluster < b->cluster; });
    std::for_each(waiting_.begin(), later, [&](Request* request) {
        serve(*request);
        request->granted.notify(sc_core::SC_ZERO_TIME);
    });
    waiting_.erase(waiting_.begin(), later);
}

void Interconnect::serve(Request& request) {
    tlm::tlm_generic_payload& payload = *request.payload;
    const auto latency = static_cast<std::uint64_t>(config_.latency_cycles);
    const std::uint64_t bits = std::uint64_t{payload.get_data_length()} * 8;
    const auto width = static_cast<std::uint64_t>(config_.bits_per_cycle);
    const std::uint64_t beats = (bits + width - 1) / width;
    const bool write = payload.is_write();
    std::uint64_t& channel_free = write ? writes_free_ : reads_free_;

    const std::uint64_t arrived = request.cycle + latency;
    const std::uint64_t crossing = std::max(arrived, channel_free);
    // The DRAM starts to write when data begin to arrive; it serves requests in their order.
    last_arrival_ = std::max(last_arrival_, write ? crossing : arrived);
    const std::uint64_t now = clock_.now();
    sc_core::sc_time delay = clock_.time_of(last_arrival_ - now);
    dram_socket->b_transport(payload, delay);
    const std::uint64_t dram_done = now + clock_.cycles_in(delay);
    const std::uint64_t crossed = std::max(crossing + beats, write ? 0 : dram_done);
    channel_free = crossed;
    request.done_cycle = std::max(crossed, dram_done) + latency;
    (write ? counts_.written_bits : counts_.read_bits) += bits;

    auto* accept = payload.get_extension<DramAcceptExtension>();
    if (accept == nullptr) return;
    std::uint64_t accepted = clock_.cycle_at(accept->next_accept_ps);
    if (crossed > dram_done) accepted = std::max(accepted, crossed - beats);
    accept->next_accept_ps = clock_.picoseconds(accepted + latency);
}

}  // namespace axesim::models
