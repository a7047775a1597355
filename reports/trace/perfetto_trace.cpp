// SPDX-License-Identifier: Apache-2.0
#include "reports/trace/perfetto_trace.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace axesim::reports {

namespace {

using models::ArrayState;
using models::DramCommandKind;

// The viewer's processes are the parts of the hardware, threads their tracks. Those of one cluster
// follow each other, then come the DRAM's channels.
constexpr int kAccelerator = 1, kMemoryInterface = 2, kBuffers = 3, kOfCluster = 3;
constexpr int kOperations = 1, kArray = 2, kVectorUnit = 3;
constexpr int kDataBus = 1, kAllBanks = 2, kFirstBank = 3;

std::string json_text(const std::string& text) { return nlohmann::json(text).dump(); }

std::string microseconds(std::int64_t ps) {
    constexpr std::int64_t kPsPerUs = 1'000'000;
    return fmt::format("{}.{:06}", ps / kPsPerUs, ps % kPsPerUs);
}

/// Names of colours that chrome://tracing has; Perfetto chooses its own by the name of the state.
const char* color(ArrayState state) {
    switch (state) {
        case ArrayState::busy:
            return "good";
        case ArrayState::fill_drain:
            return "yellow";
        case ArrayState::stall_dram:
            return "terrible";
        case ArrayState::stall_buffer:
            return "bad";
        case ArrayState::stall_vector:
            break;
    }
    return "vsync_highlight_color";
}

/// The process of a cluster's part.
int process_of(int part, int cluster) { return part + cluster * kOfCluster; }

int thread_of(models::Stream stream) { return static_cast<int>(stream) + 1; }

}  // namespace

PerfettoTrace::PerfettoTrace(std::ostream& out, const models::HardwareConfig& hardware)
    : out_(out), dram_(hardware.dram), clusters_(hardware.clusters) {
    const int banks = dram_.bank_groups * dram_.banks_per_group;
    const std::int64_t turn_ps = banks * dram_.t_burst_ps;
    for (int channel = 0; channel < dram_.channels; ++channel) {
        channels_.push_back(
            {DramRunJoiner(0), DramRunJoiner(0),
             std::vector<DramRunJoiner>(static_cast<std::size_t>(banks), DramRunJoiner(turn_ps))});
    }
    out_ << "{\"displayTimeUnit\": \"ns\",\n\"traceEvents\": [";
    name_tracks();
}

int PerfettoTrace::first_channel() const { return process_of(kAccelerator, clusters_); }

void PerfettoTrace::name_tracks() {
    for (int c = 0; c < clusters_; ++c) {
        const std::string of = clusters_ > 1 ? fmt::format("cluster {}: ", c) : "";
        const int accelerator = process_of(kAccelerator, c);
        name({accelerator, kOperations}, of + "accelerator", "operations");
        name({accelerator, kArray}, of + "accelerator", "FMA array");
        name({accelerator, kVectorUnit}, of + "accelerator", "vector unit");
        for (const models::Stream stream : models::kStreams) {
            name({process_of(kMemoryInterface, c), thread_of(stream)}, of + "memory interface",
                 trace_name(stream));
        }
        name({process_of(kBuffers, c), 1}, of + "buffers", "slots in use");
    }
    for (int channel = 0; channel < dram_.channels; ++channel) {
        const int process = first_channel() + channel;
        const std::string channel_name = fmt::format("DRAM channel {}", channel);
        name({process, kDataBus}, channel_name, "data bus");
        name({process, kAllBanks}, channel_name, "all banks");
        for (int bank = 0; bank < dram_.bank_groups * dram_.banks_per_group; ++bank) {
            name({process, kFirstBank + bank}, channel_name,
                 fmt::format("bank {}.{}", bank % dram_.bank_groups, bank / dram_.bank_groups));
        }
    }
}

void PerfettoTrace::name(const Track& track, const std::string& process,
                         const std::string& thread) {
    const auto metadata = [&](const char* kind, const std::string& arguments) {
        event(fmt::format(R"({{"ph": "M", "pid": {}, "tid": {}, "name": "{}", "args": {{{}}}}})",
                          track.process, track.thread, kind, arguments));
    };
    if (track.thread == 1) metadata("process_name", fmt::format(R"("name": "{}")", process));
    metadata("thread_name", fmt::format(R"("name": "{}")", thread));
    metadata("thread_sort_index", fmt::format(R"("sort_index": {})", track.thread));
}

void PerfettoTrace::event(const std::string& text) {
    out_ << (first_ ? "\n" : ",\n") << text;
    first_ = false;
    count_event();
}

/// `more`: further members of the event, each after a comma.
void PerfettoTrace::interval(const Track& track, const std::string& name,
                             models::TraceInterval when, const std::string& more) {
    event(fmt::format(R"({{"ph": "X", "pid": {}, "tid": {}, "ts": {}, "dur": {}, "name": {}{}}})",
                      track.process, track.thread, microseconds(when.begin_ps),
                      microseconds(when.end_ps - when.begin_ps), json_text(name), more));
}

void PerfettoTrace::begin_operation(const std::string& part, const std::string& name,
                                    std::int64_t time_ps) {
    part_ = part;
    operation_ = name;
    operation_begin_ps_ = time_ps;
}

void PerfettoTrace::end_operation(std::int64_t time_ps) {
    for (int c = 0; c < dram_.channels; ++c) {
        Channel& channel = channels_[static_cast<std::size_t>(c)];
        const int process = first_channel() + c;
        bus(c, channel.bus.take());
        bank({process, kAllBanks}, channel.all_banks.take());
        for (std::size_t i = 0; i < channel.banks.size(); ++i) {
            bank({process, kFirstBank + static_cast<int>(i)}, channel.banks[i].take());
        }
    }
    for (int c = 0; c < clusters_; ++c) {
        interval({process_of(kAccelerator, c), kOperations}, operation_,
                 {operation_begin_ps_, time_ps},
                 fmt::format(R"(, "args": {{"part": {}}})", json_text(part_)));
    }
}

void PerfettoTrace::finish(const std::string& note) {
    out_ << "\n],\n\"otherData\": {\"note\": " << json_text(note) << "}}\n";
}

void PerfettoTrace::array(int cluster, ArrayState state, models::TraceInterval when) {
    interval({process_of(kAccelerator, cluster), kArray}, trace_name(state), when,
             fmt::format(R"(, "cname": "{}")", color(state)));
}

void PerfettoTrace::vector_unit(int cluster, models::VectorTask task, models::TraceInterval when) {
    interval({process_of(kAccelerator, cluster), kVectorUnit},
             task == models::VectorTask::scale ? "scale" : "pass", when);
}

void PerfettoTrace::transfer(int cluster, const models::TransferTrace& transfer,
                             models::TraceInterval when) {
    interval({process_of(kMemoryInterface, cluster), thread_of(transfer.stream)},
             transfer.write ? "write" : "read", when,
             fmt::format(R"(, "args": {{"bytes": {}, "payload_bits": {}, "metadata": {}}})",
                         transfer.moved_bits / 8, transfer.payload_bits, transfer.metadata));
}

void PerfettoTrace::buffer(int cluster, models::Stream of, std::size_t slots_in_use,
                           std::int64_t time_ps) {
    event(fmt::format(
        R"({{"ph": "C", "pid": {}, "ts": {}, "name": "{} slots", "args": {{"in use": {}}}}})",
        process_of(kBuffers, cluster), microseconds(time_ps), trace_name(of), slots_in_use));
}

void PerfettoTrace::dram(int channel, const models::DramCommand& command) {
    Channel& joined = channels_[static_cast<std::size_t>(channel)];
    const int process = first_channel() + channel;
    const DramRun run = bank_run(command, dram_);
    if (command.kind == DramCommandKind::refresh ||
        command.kind == DramCommandKind::precharge_all) {
        bank({process, kAllBanks}, joined.all_banks.add(run));
        return;
    }
    const int index = command.place.bank * dram_.bank_groups + command.place.bank_group;
    bank({process, kFirstBank + index}, joined.banks[static_cast<std::size_t>(index)].add(run));
    if (is_column(command.kind)) bus(channel, joined.bus.add(bus_run(command, dram_)));
}

void PerfettoTrace::bus(int channel, const std::optional<DramRun>& run) {
    if (!run) return;
    const auto atom_bits = static_cast<std::uint64_t>(dram_.atom_bits);
    interval({first_channel() + channel, kDataBus},
             run->kind == DramCommandKind::write ? "write" : "read", {run->begin_ps, run->end_ps},
             fmt::format(R"(, "args": {{"bits": {}}})", run->commands * atom_bits));
}

void PerfettoTrace::bank(const Track& track, const std::optional<DramRun>& run) {
    if (!run) return;
    const bool has_row = is_column(run->kind) || run->kind == DramCommandKind::activate;
    interval(
        track, mnemonic(run->kind), {run->begin_ps, run->end_ps},
        has_row ? fmt::format(R"(, "args": {{"row": {}, "commands": {}}})", run->row, run->commands)
                : "");
}

}  // namespace axesim::reports
