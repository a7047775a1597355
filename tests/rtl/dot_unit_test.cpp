// SPDX-License-Identifier: Apache-2.0
// The RTL's dot units against gemm_reference: every sum and every overflow event of every unit of
// the sweep, over dot products that follow each other without a pause or with gaps.
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "Vdot_unit_sweep_1.h"
#include "Vdot_unit_sweep_16.h"
#include "Vdot_unit_sweep_4.h"
#include "models/compute/gemm.h"
#include "tests/models/gemm_cases.h"
#include "tests/rtl/verilated_model.h"

namespace axesim::rtl {
namespace {

using models::Codes;

constexpr int kWidths = 7;  // 2..8 bits
#ifdef AXESIM_RTL_ONE_INNER_WIDTH
constexpr bool kEveryWidthInSum = false;
#else
constexpr bool kEveryWidthInSum = true;
#endif

template <class ModuleOfSweep, int kLanes>
struct Sweep {
    using Module = ModuleOfSweep;
    static constexpr int lanes = kLanes;
    static constexpr std::size_t units =
        std::extent_v<std::remove_reference_t<decltype(Module::inner_bits)>>;
};

/// One dot product on all units: operands for each width, and how its depth is cut.
struct DotProduct {
    Index depth = 0;
    Index tile = 0;
    Matrix<std::int16_t> weights[kWidths];
    Matrix<std::int32_t> activations[2][kWidths];  ///< unsigned, signed codes
};

/// What the units gave for one dot product.
template <std::size_t kUnits>
struct Observed {
    std::array<std::int64_t, kUnits> outer{};
    std::array<std::uint64_t, kUnits> inner_events{}, outer_events{};
};

IntegerRange activation_range(bool is_signed, int bits) {
    return is_signed ? signed_range(bits) : unsigned_range(bits);
}

std::vector<DotProduct> draw_dot_products(std::size_t count, int lanes, unsigned seed) {
    models::CaseGenerator random(seed);
    const auto any_kind = [&] {
        return static_cast<Codes>(random.integer(0, models::kCodesKinds - 1));
    };
    std::vector<DotProduct> all(count);
    for (DotProduct& dot : all) {
        dot.tile = lanes * random.integer(1, 8);
        dot.depth = random.integer(1, 5 * dot.tile);
        for (int i = 0; i < kWidths; ++i) {
            const int bits = kLeastWidth + i;
            dot.weights[i] =
                random.codes<std::int16_t>(1, dot.depth, signed_range(bits), any_kind());
            for (const bool is_signed : {false, true}) {
                dot.activations[is_signed][i] = random.codes<std::int32_t>(
                    1, dot.depth, activation_range(is_signed, bits), any_kind());
            }
        }
    }
    return all;
}

/// Products begin .. begin + count of a row, the unused lanes 0.
template <class T>
std::vector<std::int64_t> lane_codes(const Matrix<T>& codes, Index begin, Index count, int lanes) {
    std::vector<std::int64_t> of_lanes(static_cast<std::size_t>(lanes));
    for (Index k = 0; k < count; ++k) of_lanes[static_cast<std::size_t>(k)] = codes(0, begin + k);
    return of_lanes;
}

/// Runs dot products through all units at once.
template <class S>
class Driver {
public:
    explicit Driver(unsigned seed) : random_(seed) {}

    std::vector<Observed<S::units>> run(const std::vector<DotProduct>& dots) {
        observed_.resize(dots.size());
        for (std::size_t i = 0; i < dots.size(); ++i) run(dots[i], i);
        idle(3);
        return observed_;
    }

    Clocked<typename S::Module>& sweep() { return sweep_; }

private:
    void run(const DotProduct& dot, std::size_t number) {
        for (Index tile = 0; tile < dot.depth; tile += dot.tile) {
            const Index tile_end = std::min(tile + dot.tile, dot.depth);
            for (Index k = tile; k < tile_end; k += S::lanes) {
                const Index count = std::min<Index>(S::lanes, tile_end - k);
                if (random_.integer(0, 9) == 0) idle(random_.integer(1, 3));
                for (int i = 0; i < kWidths; ++i) put_operands(dot, i, k, count);
                sweep_->step = 1;
                sweep_->tile_first = k == tile;
                sweep_->tile_last = k + count == tile_end;
                sweep_->outer_first = tile == 0;
                if (tile_end == dot.depth && k + count == tile_end) ends_ = number;
                cycle(number);
            }
        }
    }

    void put_operands(const DotProduct& dot, int i, Index k, Index count) {
        const int bits = kLeastWidth + i;
        put_codes(sweep_->weights[i], lane_codes(dot.weights[i], k, count, S::lanes), bits);
        for (const bool is_signed : {false, true}) {
            put_codes(sweep_->activations[is_signed][i],
                      lane_codes(dot.activations[is_signed][i], k, count, S::lanes), bits);
        }
    }

    /// Cycles without a step: operands stay, flags mean nothing.
    void idle(Index cycles) {
        for (Index i = 0; i < cycles; ++i) {
            sweep_->step = 0;
            sweep_->tile_first = random_.integer(0, 1) == 1;
            sweep_->tile_last = random_.integer(0, 1) == 1;
            sweep_->outer_first = random_.integer(0, 1) == 1;
            cycle({});
        }
    }

    /// One clock cycle, a step of dot product `stepping` or of none. Sums are there in the second
    /// cycle after a dot product's last step, and only then for certain.
    void cycle(std::optional<std::size_t> stepping) {
        sweep_.settle();
        for (std::size_t unit = 0; unit < S::units; ++unit) {
            if (sweep_->inner_overflow[unit] != 0) {
                ASSERT_TRUE(stepping.has_value());
                ++observed_[*stepping].inner_events[unit];
            }
            if (sweep_->outer_overflow[unit] != 0) {
                ASSERT_TRUE(stepped_.has_value());
                ++observed_[*stepped_].outer_events[unit];
            }
            if (ended_twice_ago_) {
                observed_[*ended_twice_ago_].outer[unit] =
                    static_cast<std::int64_t>(sweep_->outer[unit]);
            }
        }
        sweep_.tick();
        stepped_ = stepping;
        ended_twice_ago_ = ended_;
        ended_ = ends_;
        ends_.reset();
    }

    Clocked<typename S::Module> sweep_;
    models::CaseGenerator random_;
    std::vector<Observed<S::units>> observed_;
    std::optional<std::size_t> stepped_;  ///< dot product of the cycle before
    std::optional<std::size_t> ends_, ended_, ended_twice_ago_;
};

/// How the units' results differ from gemm_reference's.
struct Differences {
    std::uint64_t compared = 0;
    std::uint64_t sums = 0, inner_events = 0, outer_events = 0;
    std::uint64_t with_overflow = 0;  ///< compared results with an event
    std::uint64_t all_inner_events = 0, all_outer_events = 0;
    std::set<int> inner_widths;

    std::uint64_t total() const { return sums + inner_events + outer_events; }
};

/// `tell` may change what the reference is told about the units.
template <class S, class Tell>
Differences compare(std::size_t count, unsigned seed, Tell tell) {
    const std::vector<DotProduct> dots = draw_dot_products(count, S::lanes, seed);
    Driver<S> driver(seed);
    const auto observed = driver.run(dots);
    auto& sweep = driver.sweep();
    Differences found;
    for (std::size_t unit = 0; unit < S::units; ++unit) {
        if (sweep->inner_bits[unit] == 0) continue;
        found.inner_widths.insert(sweep->inner_bits[unit]);
        const int weight_bits = sweep->weight_bits[unit];
        const int activation_bits = sweep->activation_bits[unit];
        const bool is_signed = sweep->activation_signed[unit] != 0;
        models::GemmFormat format;
        format.weights = signed_range(weight_bits);
        format.activations = activation_range(is_signed, activation_bits);
        format.accumulator.inner_bits = sweep->inner_bits[unit];
        format.accumulator.outer_bits = sweep->outer_bits[unit];
        format.accumulator.lanes = S::lanes;
        format.accumulator.overflow =
            sweep->saturates[unit] != 0 ? OverflowMode::saturate : OverflowMode::wrap;
        for (std::size_t d = 0; d < dots.size(); ++d) {
            const DotProduct& dot = dots[d];
            format.accumulator.tile_size = dot.tile;
            models::GemmFormat told = format;
            tell(told);
            Matrix<std::int64_t> outer;
            const auto seen =
                models::gemm_reference(dot.activations[is_signed][activation_bits - kLeastWidth],
                                       dot.weights[weight_bits - kLeastWidth], told, outer);
            ++found.compared;
            found.sums += outer(0, 0) != observed[d].outer[unit];
            found.inner_events += seen.inner_events != observed[d].inner_events[unit];
            found.outer_events += seen.outer_events != observed[d].outer_events[unit];
            found.with_overflow += seen.inner_events + seen.outer_events > 0;
            found.all_inner_events += seen.inner_events;
            found.all_outer_events += seen.outer_events;
        }
    }
    return found;
}

template <class S>
class DotUnit : public testing::Test {};
using Sweeps = testing::Types<Sweep<Vdot_unit_sweep_1, 1>, Sweep<Vdot_unit_sweep_4, 4>,
                              Sweep<Vdot_unit_sweep_16, 16>>;
TYPED_TEST_SUITE(DotUnit, Sweeps);

TYPED_TEST(DotUnit, EqualsTheReference) {
    const Differences found = compare<TypeParam>(300, 1, [](const models::GemmFormat&) {});
    EXPECT_EQ(found.sums, 0);
    EXPECT_EQ(found.inner_events, 0);
    EXPECT_EQ(found.outer_events, 0);
    // Else the comparison would say too little.
    if (kEveryWidthInSum) {
        EXPECT_GT(found.with_overflow, found.compared / 20);
        EXPECT_GT(found.compared - found.with_overflow, found.compared / 20);
        EXPECT_GT(found.all_outer_events, 1000);
        EXPECT_EQ(found.inner_widths.size(), 19) << "P_I 6..24";
    }
    std::cout << TypeParam::lanes << " lanes: " << found.compared << " dot products, "
              << found.all_inner_events << " inner and " << found.all_outer_events
              << " outer overflow events, " << found.total() << " differences\n";
}

TYPED_TEST(DotUnit, DiffersFromWrongReferences) {
    if (!kEveryWidthInSum) GTEST_SKIP() << "of one width alone nothing may overflow";
    const Differences other_mode = compare<TypeParam>(40, 2, [](models::GemmFormat& format) {
        OverflowMode& mode = format.accumulator.overflow;
        mode = mode == OverflowMode::wrap ? OverflowMode::saturate : OverflowMode::wrap;
    });
    EXPECT_GT(other_mode.sums, other_mode.compared / 20);
    const Differences other_width = compare<TypeParam>(
        40, 3, [](models::GemmFormat& format) { ++format.accumulator.inner_bits; });
    EXPECT_GT(other_width.inner_events, other_width.compared / 20);
    const Differences other_tile = compare<TypeParam>(40, 4, [](models::GemmFormat& format) {
        format.accumulator.tile_size += TypeParam::lanes;
    });
    EXPECT_GT(other_tile.total(), other_tile.compared / 100);
}

}  // namespace
}  // namespace axesim::rtl
