// SPDX-License-Identifier: Apache-2.0
#include "models/memory/memory_interface.h"

#include <algorithm>

#include "models/tlm_command.h"

namespace axesim::models {

BurstRange bursts_of(const PackingFormat& format, std::int64_t first_element, std::int64_t elements,
                     int burst_bits) {
    const auto size = static_cast<std::uint64_t>(burst_bits);
    const auto begin = static_cast<std::uint64_t>(format.bit_offset(first_element));
    const auto end = static_cast<std::uint64_t>(format.bit_offset(first_element + elements - 1)) +
                     static_cast<std::uint64_t>(format.container_bits());
    const std::uint64_t first = begin / size;
    return {first, (end + size - 1) / size - first, end - begin};
}

namespace {

/// Elements after which the layout starts a byte again.
std::int64_t elements_per_period(const PackingFormat& format) {
    return format.layout == Layout::aligned_fields ? format.word_bits / format.element_bits : 8;
}

/// `data` is null where values are not simulated.
void set_up(tlm::tlm_generic_payload& payload, tlm::tlm_command direction, std::uint64_t address,
            std::byte* data, std::uint64_t length) {
    payload.set_command(direction);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(data));
    payload.set_data_length(static_cast<unsigned int>(length));
    payload.set_streaming_width(static_cast<unsigned int>(length));
    payload.set_byte_enable_ptr(nullptr);
    payload.set_dmi_allowed(false);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

}  // namespace

StagedRun::StagedRun(const TransferCommand& command, const BurstRange& range, int burst_bits)
    : burst_bytes_(static_cast<std::uint64_t>(burst_bits / 8)) {
    const std::int64_t period = elements_per_period(command.format);
    const std::int64_t base = command.first_element / period * period;
    const auto base_byte = static_cast<std::uint64_t>(command.format.bit_offset(base) / 8);
    const std::uint64_t burst_byte = range.first_burst * burst_bytes_;
    const std::uint64_t begin = std::min(base_byte, burst_byte);
    first_in_period_ = command.first_element - base;
    lead_ = burst_byte - begin;
    period_begin_ = base_byte - begin;
    bytes_.resize(lead_ + range.bursts * burst_bytes_);
}

std::span<std::byte> StagedRun::bursts(std::uint64_t first, std::uint64_t count) {
    return std::span(bytes_).subspan(lead_ + first * burst_bytes_, count * burst_bytes_);
}

void StagedRun::pack(const TransferCommand& command) {
    const auto memory = std::span(bytes_).subspan(period_begin_);
    if (command.narrow.empty()) {
        models::pack(std::span<const std::int32_t>(command.wide), first_in_period_, command.format,
                     memory);
    } else {
        models::pack(std::span<const std::int16_t>(command.narrow), first_in_period_,
                     command.format, memory);
    }
}

void StagedRun::unpack(const TransferCommand& command) const {
    const auto memory = std::span(bytes_).subspan(period_begin_);
    if (command.narrow.empty()) {
        models::unpack(memory, first_in_period_, command.format, command.is_signed, command.wide);
    } else {
        models::unpack(memory, first_in_period_, command.format, command.is_signed, command.narrow);
    }
}

MemoryInterface::MemoryInterface(const sc_core::sc_module_name& name,
                                 const MemoryInterfaceConfig& config, const SimulationClock& clock)
    : sc_module(name), config_(config), clock_(clock), trace_(clock) {
    payload_.set_extension(accept_);
    command_socket.register_b_transport(this, &MemoryInterface::b_transport);
    SC_THREAD(serve);
}

void MemoryInterface::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* command = received_command<TransferCommand>(payload);
    if (command == nullptr || command->elements == 0) return;
    const BurstRange range =
        bursts_of(command->format, command->first_element, command->elements, config_.burst_bits());
    Request request{
        .command = command, .range = range, .staged = {}, .asked_cycle = clock_.now(), .done = {}};
    if (command->has_values()) request.staged.emplace(*command, range, config_.burst_bits());
    if (request.staged && command->write) store(request);
    if (command->continues) take_kept_burst(request);
    if (request.bursts_done < range.bursts) {
        queues_[static_cast<std::size_t>(command->stream)].push_back(&request);
        // A delta later, so that all requests of this instant are seen whatever order they ran in.
        work_.notify(sc_core::SC_ZERO_TIME);
        wait(request.done);
    } else if (!command->queued) {
        clock_.wait_until(request.done_cycle);
    }
    command->done_cycle = request.done_cycle;
    if (request.staged) request.staged->unpack(*command);
    keep_last_burst(request);
    count(request);
}

/// Its data may still be on their way, but never later than those of a burst behind it.
void MemoryInterface::take_kept_burst(Request& request) {
    const LastBurst& kept = last_burst_[static_cast<std::size_t>(request.command->stream)];
    const auto burst_bytes = static_cast<std::uint64_t>(config_.burst_bits() / 8);
    if (kept.address != request.command->address + request.range.first_burst * burst_bytes) return;
    if (request.staged) std::ranges::copy(kept.bytes, request.staged->bursts(0, 1).begin());
    request.bursts_done = request.bursts_kept = 1;
    request.done_cycle = bus_free_;
}

void MemoryInterface::keep_last_burst(Request& request) {
    LastBurst& kept = last_burst_[static_cast<std::size_t>(request.command->stream)];
    const BurstRange& range = request.range;
    kept = {};
    if (request.command->write || request.command->metadata) return;
    kept.address =
        request.command->address + (range.first_burst + range.bursts - 1) *
                                       static_cast<std::uint64_t>(config_.burst_bits() / 8);
    if (!request.staged) return;
    const auto last = request.staged->bursts(range.bursts - 1, 1);
    kept.bytes.assign(last.begin(), last.end());
}

void MemoryInterface::serve() {
    while (true) {
        Request* request = next_request();
        if (request == nullptr) {
            wait(work_);
            look_ahead();
            continue;
        }
        move_batch(*request);
        if (request->bursts_done == request->range.bursts) {
            queues_[static_cast<std::size_t>(request->command->stream)].pop_front();
            const std::uint64_t done = request->command->queued ? cycle_ : request->done_cycle;
            request->done.notify(clock_.time_of(done - now_));
            noticed_ = std::min(noticed_, done);
        }
    }
}

/// After a wait: until when is this the only process?
void MemoryInterface::look_ahead() {
    now_ = clock_.now();
    cycle_ = std::max(cycle_, now_);
    noticed_ = now_ + clock_.cycles_in(sc_core::sc_time_to_pending_activity());
}

/// Suspends serve() only where another process could do something before that edge, or at it.
void MemoryInterface::advance_to(std::uint64_t cycle) {
    if (cycle <= cycle_) return;
    cycle_ = cycle;
    if (cycle < noticed_) return;
    wait(clock_.time_of(cycle - now_));
    look_ahead();
}

MemoryInterface::Request* MemoryInterface::next_request() {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const std::size_t stream = (turn_ + i) % queues_.size();
        if (!queues_[stream].empty()) {
            turn_ = stream + 1;
            return queues_[stream].front();
        }
    }
    return nullptr;
}

void MemoryInterface::move_batch(Request& request) {
    // Room in the DRAM's queue: the batch kOutstanding before this one has left it.
    std::uint64_t& slot = accepted_[batches_++ % kOutstanding];
    advance_to(slot);

    const std::uint64_t bursts =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(config_.batch_bursts),
                                request.range.bursts - request.bursts_done);
    const auto burst_bytes = static_cast<std::uint64_t>(config_.burst_bits() / 8);
    std::byte* data =
        request.staged ? request.staged->bursts(request.bursts_done, bursts).data() : nullptr;
    const std::uint64_t first_burst = request.range.first_burst + request.bursts_done;
    set_up(payload_, request.command->write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
           request.command->address + first_burst * burst_bytes, data, bursts * burst_bytes);
    sc_core::sc_time delay = clock_.time_of(cycle_ - now_);
    dram_socket->b_transport(payload_, delay);
    if (clock_.now() != now_) look_ahead();  // it waited for its turn among several interfaces
    if (payload_.is_response_error()) {
        SC_REPORT_ERROR("axesim/memory_interface", payload_.get_response_string().c_str());
    }

    // The on-chip bus moves one beat a cycle, beside the DRAM's transfers.
    const std::uint64_t beats = bursts * static_cast<std::uint64_t>(config_.burst_beats);
    const std::uint64_t dram_done = now_ + clock_.cycles_in(delay);
    bus_free_ = std::max(bus_free_ + beats, dram_done);
    slot = clock_.cycle_at(accept_->next_accept_ps);
    if (bus_free_ > dram_done) slot = std::max(slot, bus_free_ - beats);
    request.done_cycle = bus_free_;
    request.bursts_done += bursts;
}

/// A masked write leaves the rest of its first and last burst as it is.
void MemoryInterface::store(Request& request) {
    const std::uint64_t bursts = request.range.bursts;
    move_bursts(request, 0, 1, tlm::TLM_READ_COMMAND);
    if (bursts > 1) move_bursts(request, bursts - 1, 1, tlm::TLM_READ_COMMAND);
    request.staged->pack(*request.command);
    move_bursts(request, 0, bursts, tlm::TLM_WRITE_COMMAND);
    request.staged.reset();
}

/// Between the DRAM and what is staged, without time.
void MemoryInterface::move_bursts(Request& request, std::uint64_t first, std::uint64_t count,
                                  tlm::tlm_command direction) {
    const auto burst_bytes = static_cast<std::uint64_t>(config_.burst_bits() / 8);
    tlm::tlm_generic_payload payload;
    set_up(payload, direction,
           request.command->address + (request.range.first_burst + first) * burst_bytes,
           request.staged->bursts(first, count).data(), count * burst_bytes);
    dram_socket->transport_dbg(payload);
    if (payload.is_response_error()) {
        SC_REPORT_ERROR("axesim/memory_interface", payload.get_response_string().c_str());
    }
}

/// A kept burst was counted when it was moved, and what this command uses of it as a tail: the
/// difference below may be below zero for one command, but not for the two of them.
void MemoryInterface::count(const Request& request) {
    const TransferCommand& command = *request.command;
    const BurstRange& range = request.range;
    const std::uint64_t moved = range.bursts - request.bursts_kept;
    TrafficCounts& traffic = traffic_[static_cast<std::size_t>(command.stream)];
    const std::uint64_t payload = static_cast<std::uint64_t>(command.elements) *
                                  static_cast<std::uint64_t>(command.format.element_bits);
    const std::uint64_t transferred = moved * static_cast<std::uint64_t>(config_.burst_bits());
    (command.metadata ? traffic.metadata_bits : traffic.payload_bits) += payload;
    traffic.padding_bits += range.used_bits - payload;
    traffic.burst_tail_bits += transferred - range.used_bits;
    traffic.transferred_bits += transferred;
    traffic.bursts += moved;
    std::uint64_t& arrived = arrived_[static_cast<std::size_t>(command.stream)];
    trace_.transfer({.stream = command.stream,
                     .write = command.write,
                     .metadata = command.metadata,
                     .payload_bits = payload,
                     .moved_bits = transferred},
                    std::max(request.asked_cycle, arrived), request.done_cycle);
    arrived = request.done_cycle;
}

}  // namespace axesim::models
