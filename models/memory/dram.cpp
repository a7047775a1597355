// SPDX-License-Identifier: Apache-2.0
#include "models/memory/dram.h"

#include <algorithm>
#include <cstring>

namespace axesim::models {

namespace {
constexpr std::uint64_t kFsPerPs = 1000;

std::int64_t to_ps(const sc_core::sc_time& time) {
    return static_cast<std::int64_t>(time.value() / kFsPerPs);
}
sc_core::sc_time from_ps(std::int64_t ps) {
    return sc_core::sc_time::from_value(static_cast<std::uint64_t>(ps) * kFsPerPs);
}
}  // namespace

tlm::tlm_extension_base* DramAcceptExtension::clone() const {
    return new DramAcceptExtension(*this);
}
void DramAcceptExtension::copy_from(const tlm::tlm_extension_base& other) {
    *this = static_cast<const DramAcceptExtension&>(other);
}

Dram::Dram(const sc_core::sc_module_name& name, const DramConfig& config, std::uint64_t bytes,
           bool has_contents)
    : sc_module(name),
      config_(config),
      map_(config),
      size_(bytes),
      bytes_(has_contents ? bytes : 0),
      channels_(static_cast<std::size_t>(config.channels), DramChannelTiming(config)) {
    target_socket.register_b_transport(this, &Dram::b_transport);
    target_socket.register_transport_dbg(this, &Dram::transport_dbg);
}

bool Dram::move(tlm::tlm_generic_payload& payload) {
    const std::uint64_t address = payload.get_address();
    const std::uint64_t length = payload.get_data_length();
    if (payload.get_byte_enable_ptr() != nullptr) {
        payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
        return false;
    }
    if (address > size_ || length > size_ - address) {
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return false;
    }
    if (!bytes_.empty() && payload.get_data_ptr() != nullptr) {
        std::byte* here = bytes_.data() + address;
        if (payload.is_read()) std::memcpy(payload.get_data_ptr(), here, length);
        if (payload.is_write()) std::memcpy(here, payload.get_data_ptr(), length);
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return true;
}

void Dram::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    if (!move(payload) || payload.get_data_length() == 0) return;
    const auto atom_bytes = static_cast<std::uint64_t>(config_.atom_bits / 8);
    const auto first = static_cast<std::int64_t>(payload.get_address() / atom_bytes);
    const auto end = static_cast<std::int64_t>(
        (payload.get_address() + payload.get_data_length() + atom_bytes - 1) / atom_bytes);
    const sc_core::sc_time& now = sc_core::sc_time_stamp();
    const std::int64_t arrival_ps = to_ps(now + delay);
    std::int64_t done_ps = arrival_ps;
    std::int64_t accept_ps = arrival_ps;
    for (int c = 0; c < config_.channels; ++c) {
        const std::int64_t local_first = map_.atoms_of_channel(first, c);
        const std::int64_t local_end = map_.atoms_of_channel(end, c);
        if (local_end == local_first) continue;
        DramChannelTiming& channel = channels_[static_cast<std::size_t>(c)];
        const std::int64_t end_ps =
            channel.transfer(local_first, local_end - local_first, payload.is_write(), arrival_ps);
        done_ps = std::max(done_ps, end_ps);
        accept_ps = std::max(accept_ps, channel.last_column_ps());
    }
    delay = from_ps(done_ps) - now;
    if (auto* accept = payload.get_extension<DramAcceptExtension>()) {
        accept->next_accept_ps = accept_ps;
    }
}

unsigned int Dram::transport_dbg(tlm::tlm_generic_payload& payload) {
    return move(payload) ? payload.get_data_length() : 0;
}

DramCounts Dram::counts() const {
    DramCounts total;
    for (const DramChannelTiming& channel : channels_) total += channel.counts();
    return total;
}

}  // namespace axesim::models
