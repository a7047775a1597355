// SPDX-License-Identifier: Apache-2.0
// The RTL's packers and unpackers against models/memory/packing.h, all widths and layouts, with and
// without pauses on both sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "Vstream_sweep.h"
#include "models/memory/packing.h"
#include "tests/rtl/verilated_model.h"

namespace axesim::rtl {
namespace {

using Words = std::vector<std::uint64_t>;
constexpr std::size_t kStreams =
    std::extent_v<std::remove_reference_t<decltype(Vstream_sweep::kind)>>;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// One side of a stream on the ports of a module: the words that go in and those that come out.
struct Flow {
    Words in, out;
    std::size_t sent = 0;
    bool done = false;
    int cycles = 0;
};

struct Ports {
    CData &in_valid, &in_ready, &in_last;
    QData& in;
    CData &out_valid, &out_ready, &out_last;
    QData& out;
};

/// What one stream is: elements, the same as the simulator lays them out, as words on the bus.
struct Case {
    models::PackingFormat format;
    int lanes = 0, bus_bits = 0;
    std::vector<std::int32_t> elements;
    std::vector<std::byte> memory;  ///< as many bytes as the elements need

    Words element_words() const {
        Words words;
        for (std::size_t i = 0; i < elements.size(); i += static_cast<std::size_t>(lanes)) {
            std::uint64_t word = 0;
            for (std::size_t lane = 0; lane < static_cast<std::size_t>(lanes); ++lane) {
                if (i + lane >= elements.size()) break;
                const auto code = static_cast<std::uint64_t>(elements[i + lane]) &
                                  ((std::uint64_t{1} << format.element_bits) - 1);
                word |= code << (static_cast<int>(lane) * format.element_bits);
            }
            words.push_back(word);
        }
        return words;
    }

    /// The rest of the last word, beyond the memory, is `filler`.
    Words bus_words(std::byte filler) const {
        const auto bytes = static_cast<std::size_t>(bus_bits / 8);
        Words words(static_cast<std::size_t>(
            divide_up(static_cast<std::int64_t>(memory.size()), bus_bits / 8)));
        for (std::size_t i = 0; i < words.size() * bytes; ++i) {
            const std::byte byte = i < memory.size() ? memory[i] : filler;
            words[i / bytes] |= std::to_integer<std::uint64_t>(byte) << (8 * (i % bytes));
        }
        return words;
    }
};

Case draw_case(Vstream_sweep& sweep, std::size_t i, std::mt19937& random) {
    constexpr models::Layout kLayouts[] = {models::Layout::padded_byte, models::Layout::padded_pow2,
                                           models::Layout::packed, models::Layout::aligned_fields};
    Case c;
    c.format.layout = kLayouts[std::min<int>(sweep.kind[i], 3)];
    c.format.element_bits = sweep.element_bits[i];
    c.format.word_bits = sweep.word_bits[i];
    c.lanes = sweep.lanes[i];
    c.bus_bits = sweep.bus_bits[i];
    c.elements.resize(std::uniform_int_distribution<std::size_t>(1, 400)(random));
    const int high = (1 << (c.format.element_bits - 1)) - 1;
    for (auto& element : c.elements) {
        element = std::uniform_int_distribution<std::int32_t>(-high - 1, high)(random);
    }
    const auto count = static_cast<std::int64_t>(c.elements.size());
    c.memory.resize(static_cast<std::size_t>(divide_up(c.format.stream_bits(count), 8)));
    models::pack(std::span<const std::int32_t>(c.elements), 0, c.format, c.memory);
    return c;
}

class Streams : public testing::TestWithParam<bool> {
protected:
    /// Sends all words, takes all until the last; `pauses`: either side now and then does not.
    template <class PortsOf>
    void run(std::vector<Flow>& flows, PortsOf ports_of) {
        const bool pauses = GetParam();
        const auto pause = [&] { return pauses && random_() % 3 == 0; };
        for (int cycle = 0; cycle < 20000; ++cycle) {
            bool all_done = true;
            for (std::size_t i = 0; i < flows.size(); ++i) {
                Flow& flow = flows[i];
                const Ports ports = ports_of(i);
                ports.in_valid = flow.sent < flow.in.size() && !pause();
                ports.in_last = flow.sent + 1 == flow.in.size();
                ports.in = flow.sent < flow.in.size() ? flow.in[flow.sent] : 0;
                ports.out_ready = !flow.done && !pause();
                all_done &= flow.done;
            }
            if (all_done) return;
            sweep_.settle();
            for (std::size_t i = 0; i < flows.size(); ++i) {
                Flow& flow = flows[i];
                const Ports ports = ports_of(i);
                flow.cycles += flow.done ? 0 : 1;
                if (ports.in_valid && ports.in_ready) ++flow.sent;
                if (!(ports.out_valid && ports.out_ready)) continue;
                flow.out.push_back(ports.out);
                flow.done = ports.out_last;
            }
            sweep_.tick();
        }
        FAIL() << "a stream does not end";
    }

    void run_packers(std::vector<Flow>& flows) {
        run(flows, [&](std::size_t i) {
            return Ports{sweep_->pack_in_valid[i],  sweep_->pack_in_ready[i],
                         sweep_->pack_in_last[i],   sweep_->pack_in[i],
                         sweep_->pack_out_valid[i], sweep_->pack_out_ready[i],
                         sweep_->pack_out_last[i],  sweep_->pack_out[i]};
        });
    }

    void run_unpackers(std::vector<Flow>& flows) {
        run(flows, [&](std::size_t i) {
            return Ports{sweep_->unpack_in_valid[i],  sweep_->unpack_in_ready[i],
                         sweep_->unpack_in_last[i],   sweep_->unpack_in[i],
                         sweep_->unpack_out_valid[i], sweep_->unpack_out_ready[i],
                         sweep_->unpack_out_last[i],  sweep_->unpack_out[i]};
        });
    }

    std::vector<Case> draw_cases() {
        std::vector<Case> cases;
        for (std::size_t i = 0; i < kStreams; ++i)
            cases.push_back(draw_case(*sweep_.operator->(), i, random_));
        return cases;
    }

    /// `out` starts with `expected`, and what may follow is zero.
    static void expect_words(const Words& out, const Words& expected, std::size_t stream) {
        ASSERT_GE(out.size(), expected.size()) << "stream " << stream;
        for (std::size_t i = 0; i < out.size(); ++i) {
            ASSERT_EQ(out[i], i < expected.size() ? expected[i] : 0)
                << "word " << i << " of stream " << stream;
        }
    }

    /// Without pauses the side with more words decides: one every cycle, but for filling and
    /// ending. In aligned_fields whole words are filled on the way, and two gearboxes may wait for
    /// each other now and then.
    static void expect_full_speed(const Flow& flow, const Case& c, std::size_t stream) {
        const std::size_t words = std::max(flow.in.size(), flow.out.size());
        auto most = static_cast<int>(words) + 4;
        if (c.format.layout == models::Layout::aligned_fields) {
            most += most / 10 + 2 * c.format.word_bits / c.bus_bits;
        }
        EXPECT_LE(flow.cycles, most) << "stream " << stream;
    }

    std::mt19937 random_{1};
    Clocked<Vstream_sweep> sweep_;
};

TEST_P(Streams, PackersWriteWhatTheSimulatorWrites) {
    for (int round = 0; round < 4; ++round) {
        const std::vector<Case> cases = draw_cases();
        std::vector<Flow> flows(kStreams);
        for (std::size_t i = 0; i < kStreams; ++i) flows[i].in = cases[i].element_words();
        run_packers(flows);
        for (std::size_t i = 0; i < kStreams; ++i) {
            expect_words(flows[i].out, cases[i].bus_words(std::byte{0}), i);
            if (!GetParam()) expect_full_speed(flows[i], cases[i], i);
        }
    }
}

TEST_P(Streams, UnpackersReadWhatTheSimulatorWrote) {
    for (int round = 0; round < 4; ++round) {
        const std::vector<Case> cases = draw_cases();
        std::vector<Flow> flows(kStreams);
        for (std::size_t i = 0; i < kStreams; ++i) {
            // What follows a stream in memory is not part of it.
            flows[i].in = cases[i].bus_words(std::byte{0x5a});
        }
        run_unpackers(flows);
        for (std::size_t i = 0; i < kStreams; ++i) {
            const Words expected = cases[i].element_words();
            ASSERT_GE(flows[i].out.size(), expected.size()) << "stream " << i;
            for (std::size_t e = 0; e < cases[i].elements.size(); ++e) {
                const auto lanes = static_cast<std::size_t>(cases[i].lanes);
                const auto at = static_cast<int>(e % lanes) * cases[i].format.element_bits;
                const std::uint64_t mask = (std::uint64_t{1} << cases[i].format.element_bits) - 1;
                ASSERT_EQ(flows[i].out[e / lanes] >> at & mask, expected[e / lanes] >> at & mask)
                    << "element " << e << " of stream " << i;
            }
            if (!GetParam()) expect_full_speed(flows[i], cases[i], i);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Pauses, Streams, testing::Bool(), [](const auto& parameter) {
    return parameter.param ? "with_pauses" : "at_full_speed";
});

}  // namespace
}  // namespace axesim::rtl
