// SPDX-License-Identifier: Apache-2.0
// Traces of events made by hand. tests/cli/trace_test.py checks those of whole runs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "reports/trace/dram_runs.h"
#include "reports/trace/perfetto_trace.h"
#include "reports/trace/vcd_trace.h"
#include "tests/reports/example_result.h"

namespace axesim::reports {
namespace {

using models::ArrayState;
using models::DramCommand;
using models::DramCommandKind;

models::DramConfig dram() {
    models::DramConfig config;
    config.bank_groups = 2;
    config.banks_per_group = 2;
    config.t_burst_ps = 2500;
    config.t_cl_ps = 20000;
    config.t_cwl_ps = 10000;
    config.t_rcd_read_ps = 18000;
    config.t_rcd_write_ps = 8000;
    config.t_rp_ps = 15000;
    config.t_rp_all_ps = 17000;
    config.t_rfc_ps = 200000;
    return config;
}

DramCommand command(std::int64_t time_ps, DramCommandKind kind, std::int64_t row = 0,
                    int column = 0) {
    return {time_ps, kind, {.bank_group = 1, .bank = 0, .column = column, .row = row}};
}

TEST(DramRuns, LastAsLongAsTheTableSays) {
    const auto run = [](DramCommandKind kind) { return bank_run(command(1000, kind), dram()); };
    EXPECT_EQ(run(DramCommandKind::activate).end_ps, 9000);
    EXPECT_EQ(run(DramCommandKind::precharge).end_ps, 16000);
    EXPECT_EQ(run(DramCommandKind::precharge_all).end_ps, 18000);
    EXPECT_EQ(run(DramCommandKind::refresh).end_ps, 201000);
    EXPECT_EQ(run(DramCommandKind::read).end_ps, 3500);
    const DramRun read = bus_run(command(1000, DramCommandKind::read, 7), dram());
    EXPECT_EQ(read.begin_ps, 21000);
    EXPECT_EQ(read.end_ps, 23500);
    EXPECT_EQ(bus_run(command(1000, DramCommandKind::write), dram()).begin_ps, 11000);
}

TEST(DramRuns, JoinColumnsOfOneRow) {
    DramRunJoiner joiner(5000);
    const auto add = [&](std::int64_t time, DramCommandKind kind, std::int64_t row) {
        return joiner.add(bank_run(command(time, kind, row), dram()));
    };
    EXPECT_FALSE(add(0, DramCommandKind::read, 3));
    EXPECT_FALSE(add(2500, DramCommandKind::read, 3));
    EXPECT_FALSE(add(10000, DramCommandKind::read, 3));
    const auto same_row = add(17501, DramCommandKind::read, 3);  // a pause that is too long
    ASSERT_TRUE(same_row);
    EXPECT_EQ(same_row->commands, 3U);
    EXPECT_EQ(same_row->begin_ps, 0);
    EXPECT_EQ(same_row->end_ps, 12500);
    EXPECT_TRUE(add(20001, DramCommandKind::write, 3));
    EXPECT_TRUE(add(22501, DramCommandKind::write, 4));
    const auto cut = add(23000, DramCommandKind::precharge, 4);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->end_ps, 23000);
    EXPECT_TRUE(joiner.take());
    EXPECT_FALSE(joiner.take());
}

/// An operation of 30 ns with an event of each kind.
void play(TraceWriter& trace) {
    trace.begin_operation("prefill", "model.layers.0.x", 100'000);
    trace.buffer(0, models::Stream::weights, 1, 101'000);
    trace.dram(0, command(100'000, DramCommandKind::activate, 5));
    trace.dram(0, command(120'000, DramCommandKind::read, 5));
    trace.dram(0, command(122'500, DramCommandKind::read, 5, 1));
    trace.transfer(0, {models::Stream::weights, false, false, 500, 512}, {100'000, 125'000});
    trace.array(0, ArrayState::stall_dram, {100'000, 125'000});
    trace.array(0, ArrayState::busy, {125'000, 130'000});
    trace.vector_unit(0, models::VectorTask::scale, {129'000, 130'000});
    trace.end_operation(130'000);
    trace.finish("one \"operation\"");
}

models::HardwareConfig hardware() {
    models::HardwareConfig config = example_hardware();
    config.dram = dram();
    return config;
}

TEST(PerfettoTrace, IsJsonWithTheEvents) {
    std::ostringstream out;
    PerfettoTrace trace(out, hardware());
    play(trace);
    const auto json = nlohmann::json::parse(out.str());
    EXPECT_EQ(json["displayTimeUnit"], "ns");
    EXPECT_EQ(json["otherData"]["note"], "one \"operation\"");
    EXPECT_EQ(json["traceEvents"].size(), trace.events());
    std::vector<nlohmann::json> shown;
    for (const auto& event : json["traceEvents"]) {
        if (event["ph"] != "M") shown.push_back(event);
    }
    ASSERT_EQ(shown.size(), 9U);
    const auto of_name = [&](const std::string& name) {
        const auto found =
            std::ranges::find_if(shown, [&](const auto& event) { return event["name"] == name; });
        return found == shown.end() ? nlohmann::json() : *found;
    };
    EXPECT_EQ(of_name("busy")["ts"], 0.125);
    EXPECT_EQ(of_name("busy")["dur"], 0.005);
    EXPECT_NE(of_name("busy")["cname"], of_name("stall_dram")["cname"]);
    EXPECT_EQ(of_name("RD")["args"]["commands"], 2);
    EXPECT_EQ(of_name("ACT")["dur"], 0.008);
    EXPECT_EQ(of_name("read")["args"]["bytes"], 64);
    EXPECT_EQ(of_name("weights slots")["args"]["in use"], 1);
    EXPECT_EQ(of_name("model.layers.0.x")["args"]["part"], "prefill");
    EXPECT_EQ(shown[6]["args"]["bits"], 512);  // on the data bus, without a pause
}

TEST(VcdTrace, WritesChangesInTheOrderOfTime) {
    std::ostringstream out;
    VcdTrace trace(out, hardware());
    play(trace);
    const std::string text = out.str();
    const std::string body = text.substr(text.find("$end\n#0"));
    // Signals are numbered from "!": operation, 5 states, vector unit, 4 streams, 3 buffers, bus.
    EXPECT_EQ(body.substr(body.find("#100000")),
              "#100000\nsprefill:model.layers.0.x !\n1$\n1(\n"
              "#101000\nb1 ,\n"
              "#125000\n1\"\n0$\n0(\n"
              "#129000\n1'\n"
              "#130000\n0\"\n0'\nb0 ,\n"
              "#140000\n1/\n#145000\n0/\n"
              "s- !\n$comment one \"operation\" $end\n");
    for (const char* name : {"operation", "busy", "stall_vector", "kv_cache", "read_data"}) {
        EXPECT_NE(text.find(std::string(" ") + name + " "), std::string::npos) << name;
    }
}

TEST(VcdTrace, HasRoomForEverySlot) {
    for (const auto& [prefetched, most] : {std::pair{1, 1}, {3, 2}, {15, 4}}) {
        models::HardwareConfig config = hardware();
        config.memory_interface.prefetch_tiles = prefetched;
        std::ostringstream out;
        const VcdTrace trace(out, config);
        const std::string range = "weights [" + std::to_string(most) + ":0] $end";
        EXPECT_NE(out.str().find(range), std::string::npos) << range;
    }
}

}  // namespace
}  // namespace axesim::reports
