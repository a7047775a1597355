// SPDX-License-Identifier: Apache-2.0
// The commands of the DRAM model against an independent checker of every JEDEC constraint, and its
// closed forms against the walk atom by atom.
#include <gtest/gtest.h>

#include <array>

#include "tests/models/dram_trace_checker.h"
#include "tests/models/dram_traffic.h"

namespace axesim::models {
namespace {

std::vector<DramCommand> trace_of(const DramConfig& config,
                                  const std::vector<DramRequest>& requests) {
    DramChannelTiming channel(config);
    std::vector<DramCommand> trace;
    channel.trace_to([&](const DramCommand& command) { trace.push_back(command); });
    std::int64_t arrival = 0;
    for (const DramRequest& request : requests) send(channel, request, arrival);
    return trace;
}

bool is_column(const DramCommand& command) {
    return command.kind == DramCommandKind::read || command.kind == DramCommandKind::write;
}

TEST(DramTrace, RandomTrafficKeepsEveryConstraintOnAllDevicesAndPolicies) {
    const std::vector<DramRequest> requests = random_requests(150, 40, 1);
    for (const DramConfig& config : all_designs()) {
        const std::vector<DramCommand> trace = trace_of(config, requests);
        const std::vector<std::string> violations = trace_violations(config, trace);
        EXPECT_TRUE(violations.empty())
            << describe(config) << ": " << violations.size() << " such as " << violations[0];
        const auto refreshes = std::count_if(trace.begin(), trace.end(), [](const auto& command) {
            return command.kind == DramCommandKind::refresh;
        });
        EXPECT_GT(refreshes, 1) << describe(config);
    }
}

TEST(DramTrace, MovesEachAtomOnceToThePlaceOfItsAddress) {
    const std::vector<DramRequest> requests = random_requests(60, 40, 2);
    for (const DramConfig& config : all_designs()) {
        const DramAddressMap map(config);
        DramChannelTiming channel(config);
        std::vector<DramPlace> moved;
        channel.trace_to([&](const DramCommand& command) {
            if (is_column(command)) moved.push_back(command.place);
        });
        std::int64_t arrival = 0;
        for (const DramRequest& request : requests) {
            moved.clear();
            send(channel, request, arrival);
            ASSERT_EQ(moved.size(), static_cast<std::size_t>(request.count)) << describe(config);
            for (std::int64_t atom = 0; atom < request.count; ++atom) {
                const DramPlace place = map.place(request.first + atom);
                EXPECT_EQ(std::count(moved.begin(), moved.end(), place), 1) << describe(config);
            }
        }
    }
}

/// Negative control: when the table of the checker asks for a little more than that of the model,
/// the trace breaks it. So the checker sees each constraint, and the model wastes no time on it.
TEST(DramTrace, TheCheckerFiresOnEachConstraintThatIsNotKept) {
    const std::vector<std::pair<const char*, std::int64_t DramConfig::*>> fields{
        {"burst", &DramConfig::t_burst_ps},
        {"cwl", &DramConfig::t_cwl_ps},
        {"rcd_read", &DramConfig::t_rcd_read_ps},
        {"rcd_write", &DramConfig::t_rcd_write_ps},
        {"rp", &DramConfig::t_rp_ps},
        {"rp_all", &DramConfig::t_rp_all_ps},
        {"ras", &DramConfig::t_ras_ps},
        {"rc", &DramConfig::t_rc_ps},
        {"ccd_s", &DramConfig::t_ccd_s_ps},
        {"ccd_l", &DramConfig::t_ccd_l_ps},
        {"rrd_s", &DramConfig::t_rrd_s_ps},
        {"rrd_l", &DramConfig::t_rrd_l_ps},
        {"faw", &DramConfig::t_faw_ps},
        {"wr", &DramConfig::t_wr_ps},
        {"wtr_s", &DramConfig::t_wtr_s_ps},
        {"wtr_l", &DramConfig::t_wtr_l_ps},
        {"rtw", &DramConfig::t_rtw_ps},
        {"rtp", &DramConfig::t_rtp_ps},
        {"refi", &DramConfig::t_refi_ps},
        {"rfc", &DramConfig::t_rfc_ps}};
    // Times that hide no constraint behind another one.
    DramConfig config = shipped_dram("lpddr5_6400");
    config.t_rrd_l_ps = 7500;
    config.t_faw_ps = 40000;
    const std::vector<DramRequest> requests = random_requests(400, 40, 3);
    std::vector<DramCommand> trace = trace_of(config, requests);
    config.policy.address_mapping =
        "rorachcobgba";  // activates of one bank group follow each other
    const std::vector<DramCommand> banks_first = trace_of(config, requests);
    ASSERT_TRUE(trace_violations(config, trace).empty());
    ASSERT_TRUE(trace_violations(config, banks_first).empty());
    for (const auto& [name, field] : fields) {
        DramConfig stricter = config;
        stricter.*field += 1;
        EXPECT_FALSE(trace_violations(stricter, trace).empty() &&
                     trace_violations(stricter, banks_first).empty())
            << name;
    }
}

TEST(DramTrace, TheCheckerFiresOnABrokenTrace) {
    const DramConfig config = shipped_dram("ddr4_3200");
    const std::vector<DramCommand> trace = trace_of(config, random_requests(50, 40, 4));
    ASSERT_TRUE(trace_violations(config, trace).empty());
    for (const DramCommandKind kind :
         {DramCommandKind::activate, DramCommandKind::precharge, DramCommandKind::precharge_all}) {
        std::vector<DramCommand> broken = trace;
        const auto first = std::find_if(broken.begin(), broken.end(),
                                        [&](const auto& command) { return command.kind == kind; });
        ASSERT_NE(first, broken.end());
        broken.erase(first);
        EXPECT_FALSE(trace_violations(config, broken).empty());
    }
    std::vector<DramCommand> broken = trace;
    std::find_if(broken.begin(), broken.end(), is_column)->place.row += 1;
    EXPECT_FALSE(trace_violations(config, broken).empty());
    broken = trace;
    std::erase_if(broken,
                  [](const auto& command) { return command.kind == DramCommandKind::refresh; });
    broken.push_back({100 * config.t_refi_ps, DramCommandKind::precharge_all, {}});
    EXPECT_FALSE(trace_violations(config, broken).empty());
}

/// A channel with a trace walks atom by atom; one without advances rows of hits in closed form.
void expect_same_times(const DramConfig& config, const std::vector<DramRequest>& requests) {
    DramChannelTiming fast(config), walking(config);
    std::uint64_t columns = 0;
    walking.trace_to([&](const DramCommand& command) { columns += is_column(command) ? 1U : 0U; });
    std::int64_t fast_arrival = 0, walking_arrival = 0;
    for (const DramRequest& request : requests) {
        ASSERT_EQ(send(fast, request, fast_arrival), send(walking, request, walking_arrival))
            << describe(config);
        ASSERT_EQ(fast.last_column_ps(), walking.last_column_ps()) << describe(config);
    }
    const DramCounts a = fast.counts(), b = walking.counts();
    EXPECT_EQ(a.row_hits, b.row_hits) << describe(config);
    EXPECT_EQ(a.row_misses, b.row_misses) << describe(config);
    EXPECT_EQ(a.activates, b.activates) << describe(config);
    EXPECT_EQ(a.refreshes, b.refreshes) << describe(config);
    EXPECT_EQ(a.read_bits, b.read_bits) << describe(config);
    EXPECT_EQ(a.written_bits, b.written_bits) << describe(config);
    EXPECT_EQ(columns, a.row_hits + a.row_misses) << describe(config);
}

TEST(DramClosedForm, GivesTheTimesAndCountsOfTheWalk) {
    for (const DramConfig& config : all_designs()) {
        expect_same_times(config, random_requests(300, 64, 5));
        expect_same_times(config, random_requests(60, 3000, 6));
    }
}

TEST(DramClosedForm, GivesTheSameForDevicesThatNobodyBuilds) {
    std::mt19937 random(7);
    const auto between = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    for (int i = 0; i < 60; ++i) {
        DramConfig config = shipped_dram(all_devices()[static_cast<std::size_t>(i) % 6]);
        config.bank_groups = between(1, 6);
        config.banks_per_group = between(1, 8);
        config.page_bytes = config.atom_bits / 8 * between(1, 48);
        config.t_ccd_s_ps = config.t_burst_ps + between(0, 1) * 700;
        config.t_ccd_l_ps = config.t_ccd_s_ps + between(0, 20) * 700;
        config.t_refi_ps = between(0, 2) * 1'000'000;
        config.t_rfc_ps = 100'000;
        config.policy = {kMappings[static_cast<std::size_t>(i) % kMappings.size()],
                         DramPagePolicy::open,
                         i % 2 == 0 ? DramScheduling::in_order : DramScheduling::fr_fcfs};
        expect_same_times(config, random_requests(200, 500, static_cast<unsigned>(i)));
    }
}

/// Two streams in turns, as tiles of two operands come: rows that are open stay so or are closed by
/// the other stream, and runs begin and end within a turn of the banks.
TEST(DramClosedForm, GivesTheSameWhereStreamsTakeTurns) {
    std::mt19937 random(8);
    for (const DramConfig& config : all_designs()) {
        const std::int64_t rows = DramAddressMap(config).atoms_of_open_rows();
        for (const std::int64_t atoms : {std::int64_t{32}, std::int64_t{7}, 2 * rows}) {
            std::vector<DramRequest> requests;
            std::array<std::int64_t, 2> next{0, rows * 5 + 3};
            for (std::size_t i = 0; i < 200; ++i) {
                std::int64_t& first = next[i % 2];
                if (random() % 8 == 0) first += static_cast<std::int64_t>(random() % 4) * rows + 5;
                const std::int64_t ahead = i % 50 == 0 ? -config.t_refi_ps : 100'000;
                requests.push_back({first, atoms, random() % 16 == 0, ahead});
                first += atoms;
            }
            expect_same_times(config, requests);
        }
    }
}

TEST(DramFrFcfs, PassesNoAtomOverTooOften) {
    for (DramConfig config : all_designs()) {
        if (config.policy.scheduling != DramScheduling::fr_fcfs) continue;
        const DramAddressMap map(config);
        DramChannelTiming channel(config);
        std::vector<DramPlace> order;
        channel.trace_to([&](const DramCommand& command) {
            if (is_column(command)) order.push_back(command.place);
        });
        constexpr std::int64_t kAtoms = 3000;
        channel.transfer(0, kAtoms, false, 0);
        for (std::int64_t atom = 0; atom < kAtoms; ++atom) {
            const auto turn = std::find(order.begin(), order.end(), map.place(atom));
            // 31 may be in the queue with it, and 32 pass it while it is the oldest.
            ASSERT_LE(turn - order.begin(), atom + 31 + 32) << describe(config);
        }
    }
}

}  // namespace
}  // namespace axesim::models
