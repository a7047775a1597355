// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <systemc>
#include <vector>

#include "models/counts.h"
#include "models/hardware_config.h"
#include "models/simulation_clock.h"

namespace axesim::models {

/// What lies between the memory interfaces of several clusters and the DRAM that they share. An
/// interface has one request a cycle taken; requests reach the arbiter latency_cycles later and are
/// served first come, first served, those of one cycle by the number of their cluster. All clusters
/// share a channel for the data of reads and one for those of writes, each of bits_per_cycle: the
/// data of a request cross in its turn, beside the DRAM's transfer, and end no sooner than that.
/// What comes back (data, or the word that they are written) takes latency_cycles again.
///
/// Initiators may run ahead of SystemC's time: b_transport waits until that has caught up, so that
/// the DRAM sees the requests of all of them in the order of time. Its delay is then the rest.
class Interconnect : public sc_core::sc_module {
public:
    /// One a cluster.
    using TargetSocket = tlm_utils::simple_target_socket_tagged<Interconnect>;
    sc_core::sc_vector<TargetSocket> cluster_sockets;
    tlm_utils::simple_initiator_socket<Interconnect> dram_socket{"dram_socket"};

    Interconnect(const sc_core::sc_module_name& name, const InterconnectConfig& config,
                 int clusters, const SimulationClock& clock);

    /// Bits that crossed since the start.
    const InterconnectCounts& counts() const { return counts_; }

private:
    SC_HAS_PROCESS(Interconnect);

    struct Request {
        int cluster;
        std::uint64_t cycle;  ///< when the interface made it
        tlm::tlm_generic_payload* payload;
        std::uint64_t done_cycle = 0;  ///< result
        sc_core::sc_event granted;
    };

    void b_transport(int cluster, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int transport_dbg(int cluster, tlm::tlm_generic_payload& payload);
    void arbitrate();
    void serve(Request& request);

    InterconnectConfig config_;
    const SimulationClock& clock_;
    std::vector<Request*> waiting_;
    sc_core::sc_event next_edge_;
    std::uint64_t last_arrival_ = 0;                  ///< cycle when the DRAM saw the last request
    std::uint64_t reads_free_ = 0, writes_free_ = 0;  ///< cycles when the channels are
    InterconnectCounts counts_;
};

}  // namespace axesim::models
