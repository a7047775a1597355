// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <systemc>
#include <tlm>
#include <vector>

#include "models/memory/dram_timing.h"

namespace axesim::models {

/// When a DRAM access is complete is the transaction's delay; this extension, where an initiator
/// attaches it, also tells when the next access can be queued behind this one without a gap.
struct DramAcceptExtension : tlm::tlm_extension<DramAcceptExtension> {
    std::int64_t next_accept_ps = 0;  ///< absolute simulation time

    tlm::tlm_extension_base* clone() const override;
    void copy_from(const tlm::tlm_extension_base& other) override;
};

/// Off-chip memory: bytes that are really there, behind the row-buffer timing of its channels.
/// The address mapping spreads atoms over the channels. Plain TLM-2.0 base protocol reads and
/// writes of whole bytes, so another initiator (or another DRAM) can take a side.
class Dram : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<Dram> target_socket{"target_socket"};

    /// `bytes` is what the workload needs; accesses beyond it get an address error. An access with
    /// a null data pointer takes its time and is counted, but moves no data; without contents, none
    /// does.
    Dram(const sc_core::sc_module_name& name, const DramConfig& config, std::uint64_t bytes,
         bool has_contents = true);

    /// Counters since the start, summed over channels.
    DramCounts counts() const;

    /// From now on `trace` gets every command of this channel.
    void trace_to(int channel, DramTrace trace) {
        channels_.at(static_cast<std::size_t>(channel)).trace_to(std::move(trace));
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int transport_dbg(tlm::tlm_generic_payload& payload);
    bool move(tlm::tlm_generic_payload& payload);

    DramConfig config_;
    DramAddressMap map_;
    std::uint64_t size_;            ///< bytes
    std::vector<std::byte> bytes_;  ///< empty without contents
    std::vector<DramChannelTiming> channels_;
};

}  // namespace axesim::models
