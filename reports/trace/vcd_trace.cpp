// SPDX-License-Identifier: Apache-2.0
#include "reports/trace/vcd_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>

namespace axesim::reports {

namespace {

constexpr const char* kNoOperation = "-";

/// Printable characters, "!" to "~", as digits.
std::string identifier(std::size_t number) {
    constexpr std::size_t kFirst = 33, kDigits = 94;
    std::string text;
    do {
        text += static_cast<char>(kFirst + number % kDigits);
        number /= kDigits;
    } while (number > 0);
    return text;
}

}  // namespace

VcdTrace::VcdTrace(std::ostream& out, const models::HardwareConfig& hardware)
    : out_(out), dram_(hardware.dram) {
    out_ << "$version axesim $end\n$timescale 1 ps $end\n";
    declare_all(hardware.clusters, hardware.memory_interface.prefetch_tiles + 1);
    out_ << "$enddefinitions $end\n#0\n$dumpvars\n";
    out_ << fmt::format("s{} {}\n", kNoOperation, identifier(operation_));
    for (Signal signal = operation_ + 1; signal < bits_.size(); ++signal) write_value(signal);
    out_ << "$end\n";
}

void VcdTrace::declare_all(int clusters, int slots) {
    const int slot_bits = std::bit_width(static_cast<unsigned>(slots));
    scope("axesim");
    bits_.push_back(0);
    values_.push_back(0);
    out_ << fmt::format("$var string 1 {} operation $end\n", identifier(operation_));
    for (int c = 0; c < clusters; ++c) {
        if (clusters > 1) scope(fmt::format("cluster_{}", c));
        clusters_.push_back(declare_cluster(slot_bits));
        if (clusters > 1) end_scope();
    }
    for (int channel = 0; channel < dram_.channels; ++channel) {
        scope(fmt::format("dram_channel_{}", channel));
        const Signal read = declare("read_data", 1), write = declare("write_data", 1);
        channels_.push_back({read, write, DramRunJoiner(0)});
        end_scope();
    }
    end_scope();
}

VcdTrace::Cluster VcdTrace::declare_cluster(int slot_bits) {
    Cluster cluster;
    scope("array");
    for (const models::ArrayState state : models::kArrayStates) {
        cluster.array[static_cast<std::size_t>(state)] = declare(trace_name(state), 1);
    }
    end_scope();
    scope("vector_unit");
    cluster.vector_unit = declare("busy", 1);
    end_scope();
    scope("memory_interface");
    for (const models::Stream stream : models::kStreams) {
        cluster.streams[static_cast<std::size_t>(stream)] = declare(trace_name(stream), 1);
    }
    end_scope();
    scope("buffer_slots");
    for (const models::Stream stream : models::kBufferStreams) {
        cluster.buffers[static_cast<std::size_t>(stream)] = declare(trace_name(stream), slot_bits);
    }
    end_scope();
    return cluster;
}

VcdTrace::Signal VcdTrace::declare(const std::string& name, int bits) {
    const Signal signal = bits_.size();
    bits_.push_back(bits);
    values_.push_back(0);
    const std::string range = bits > 1 ? fmt::format(" [{}:0]", bits - 1) : "";
    out_ << fmt::format("$var wire {} {} {}{} $end\n", bits, identifier(signal), name, range);
    return signal;
}

void VcdTrace::scope(const std::string& name) { out_ << "$scope module " << name << " $end\n"; }
void VcdTrace::end_scope() { out_ << "$upscope $end\n"; }

void VcdTrace::set(Signal signal, std::uint64_t value, std::int64_t time_ps) {
    changes_.push_back({time_ps, signal, value});
}

void VcdTrace::raise(Signal signal, models::TraceInterval when) {
    set(signal, 1, when.begin_ps);
    set(signal, 0, when.end_ps);
}

void VcdTrace::begin_operation(const std::string& part, const std::string& name,
                               std::int64_t time_ps) {
    if (time_ps > operation_end_ps_) write_operation(kNoOperation, operation_end_ps_);
    write_operation(part + ":" + name, time_ps);
}

void VcdTrace::end_operation(std::int64_t time_ps) {
    // Tiles stay in the buffers, but nobody will use them.
    for (const Cluster& cluster : clusters_) {
        for (const Signal buffer : cluster.buffers) set(buffer, 0, time_ps);
    }
    for (std::size_t c = 0; c < channels_.size(); ++c) raise_bus(c, channels_[c].runs.take());
    write_changes();
    operation_end_ps_ = time_ps;
}

void VcdTrace::write_operation(const std::string& text, std::int64_t time_ps) {
    advance(time_ps);
    out_ << fmt::format("s{} {}\n", text, identifier(operation_));
    count_event();
}

void VcdTrace::advance(std::int64_t time_ps) {
    if (time_ps <= time_ps_) return;
    time_ps_ = time_ps;
    out_ << fmt::format("#{}\n", time_ps_);
}

void VcdTrace::write_value(Signal signal) {
    if (bits_[signal] == 1) {
        out_ << fmt::format("{}{}\n", values_[signal], identifier(signal));
    } else {
        out_ << fmt::format("b{:b} {}\n", values_[signal], identifier(signal));
    }
}

/// In the order of time; of changes of a signal at one time, the last counts.
void VcdTrace::write_changes() {
    std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
        return std::tie(a.time_ps, a.signal) < std::tie(b.time_ps, b.signal);
    });
    for (std::size_t i = 0; i < changes_.size(); ++i) {
        const Change& change = changes_[i];
        const bool last = i + 1 == changes_.size() || changes_[i + 1].time_ps != change.time_ps ||
                          changes_[i + 1].signal != change.signal;
        if (!last || values_[change.signal] == change.value) continue;
        advance(change.time_ps);
        values_[change.signal] = change.value;
        write_value(change.signal);
        count_event();
    }
    changes_.clear();
}

void VcdTrace::finish(const std::string& note) {
    write_operation(kNoOperation, operation_end_ps_);
    out_ << "$comment " << note << " $end\n";
}

void VcdTrace::array(int cluster, models::ArrayState state, models::TraceInterval when) {
    raise(of(cluster).array[static_cast<std::size_t>(state)], when);
}

void VcdTrace::vector_unit(int cluster, models::VectorTask, models::TraceInterval when) {
    raise(of(cluster).vector_unit, when);
}

void VcdTrace::transfer(int cluster, const models::TransferTrace& transfer,
                        models::TraceInterval when) {
    raise(of(cluster).streams[static_cast<std::size_t>(transfer.stream)], when);
}

void VcdTrace::buffer(int cluster, models::Stream stream, std::size_t slots_in_use,
                      std::int64_t time_ps) {
    set(of(cluster).buffers[static_cast<std::size_t>(stream)], slots_in_use, time_ps);
}

void VcdTrace::dram(int channel, const models::DramCommand& command) {
    if (!is_column(command.kind)) return;
    const auto c = static_cast<std::size_t>(channel);
    raise_bus(c, channels_[c].runs.add(bus_run(command, dram_)));
}

void VcdTrace::raise_bus(std::size_t channel, const std::optional<DramRun>& run) {
    if (!run) return;
    const Channel& bus = channels_[channel];
    const bool write = run->kind == models::DramCommandKind::write;
    raise(write ? bus.write : bus.read, {run->begin_ps, run->end_ps});
}

}  // namespace axesim::reports
