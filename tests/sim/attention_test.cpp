// SPDX-License-Identifier: Apache-2.0
// Attention on the hardware against loops in double precision and plain integers, its traffic and
// its overflows against arithmetic by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "quant/certificate.h"
#include "sim/hardware_attention.h"
#include "tests/sim/small_hardware.h"

namespace axesim::sim {
namespace {

workloads::LlamaShape attention_shape() {
    workloads::LlamaShape shape;
    shape.blocks = 2;
    shape.hidden = 64;
    shape.ffn = 32;
    shape.heads = 4;
    shape.kv_heads = 2;
    shape.head_size = 16;
    return shape;
}

constexpr Index kSequences = 2, kPositions = 19;

Config config_of(int bits, int kv_cache_bits) {
    Config config;
    config.hardware = small_hardware();
    config.hardware.accumulator = {.inner_bits = 32, .tile_size = 16};
    config.hardware.output_format = models::OutputFormat::float32;
    config.hardware.buffers = {16, 16, 16, true};
    config.attention.bits = bits;
    config.attention.kv_cache_bits = kv_cache_bits;
    return config;
}

/// As wide as the attention.
models::HardwareConfig hardware_of(const Config& config) {
    models::HardwareConfig hardware = config.hardware;
    hardware.weight_bits = config.attention.kv_cache_bits;
    hardware.activations.bits = config.attention.bits;
    return hardware;
}

Matrix<float> random_values(Index rows, Index columns, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> pick(0.2F);
    return Matrix<float>::NullaryExpr(rows, columns, [&] { return pick(random); });
}

/// Projections of all positions of all sequences, and what attention makes of them on the hardware.
struct Bench {
    explicit Bench(const Config& design)
        : config(design),
          shape(attention_shape()),
          q(random_values(kSequences * kPositions, shape.heads * shape.head_size, 1)),
          k(random_values(kSequences * kPositions, shape.kv_heads * shape.head_size, 2)),
          v(random_values(kSequences * kPositions, shape.kv_heads * shape.head_size, 3)) {}

    /// Rows [first, first + count) of every sequence.
    static Matrix<float> part(const Matrix<float>& all, Index first, Index count) {
        Matrix<float> rows(kSequences * count, all.cols());
        for (Index s = 0; s < kSequences; ++s) {
            rows.middleRows(s * count, count) = all.middleRows(s * kPositions + first, count);
        }
        return rows;
    }

    /// The outputs of `steps` new positions at a time, one sequence after the other.
    Matrix<float> run(const std::vector<Index>& steps) {
        const auto formats = attention_formats(config);
        const models::HardwareConfig hardware = hardware_of(config);
        const MemoryNeeds needs{.sequences = kSequences,
                                .tokens = kSequences * kPositions,
                                .longest_new = kPositions,
                                .longest_first = kPositions,
                                .longest = kPositions};
        PlatformSize size;
        size.other_bytes = ModelMemory::bytes(shape, needs, formats, hardware);
        models::set_simulation_resolution();
        Platform platform("platform", hardware, size);
        const ModelMemory memory(shape, needs, formats, hardware,
                                 [&](std::uint64_t bytes) { return platform.allocate(bytes); });
        Recorder recorder(platform);
        std::optional<models::Hadamard> rotation;
        if (config.attention.rotation) rotation.emplace(shape.head_size);
        Matrix<float> output(q.rows(), q.cols());
        platform.run([&] {
            HardwareAttention attention(platform, recorder, memory, *formats, shape.head_size,
                                        rotation);
            recorder.start(records);
            workloads::KeptPositions unused;
            Index past = 0;
            for (const Index length : steps) {
                const workloads::RotaryTable rotary(shape, past, length);
                const workloads::AttentionStep step{.shape = shape,
                                                    .rotary = rotary,
                                                    .block = 1,
                                                    .sequences = kSequences,
                                                    .past = past,
                                                    .length = length,
                                                    .kept = unused};
                workloads::Activations step_q = part(q, past, length);
                workloads::Activations step_k = part(k, past, length);
                const workloads::Activations made =
                    attention.attend(step, step_q, step_k, part(v, past, length));
                const Matrix<float>& out = made.values();
                for (Index s = 0; s < kSequences; ++s) {
                    output.middleRows(s * kPositions + past, length) =
                        out.middleRows(s * length, length);
                }
                past += length;
            }
        });
        counts = platform.counts();
        return output;
    }

    Config config;
    workloads::LlamaShape shape;
    Matrix<float> q, k, v;
    LayerRecords records;
    models::Counts counts;
};

/// Codes of a row, step and zero point, by the definition in axe.md: symmetric, or from 0 on.
struct Codes {
    std::vector<std::int64_t> codes;
    double step = 1;
    std::int64_t zero_point = 0;
};

Codes codes_of(const Eigen::RowVectorXd& row, int bits, bool symmetric) {
    Codes result;
    const double most = std::max(row.maxCoeff(), 0.0), least = std::min(row.minCoeff(), 0.0);
    const double top = std::exp2(symmetric ? bits - 1 : bits) - 1;
    result.step = static_cast<float>((symmetric ? std::max(most, -least) : most - least) / top);
    if (!symmetric) result.zero_point = std::llround(std::nearbyint(-least / result.step));
    for (const double x : row) {
        const double low = symmetric ? -top - 1 : -static_cast<double>(result.zero_point);
        const double high = symmetric ? top : top - static_cast<double>(result.zero_point);
        result.codes.push_back(
            std::llround(std::nearbyint(std::clamp(x / result.step, low, high))) +
            result.zero_point);
    }
    return result;
}

/// One head of one sequence as the hardware has to compute it; products and sums are exact.
class Emulation {
public:
    Emulation(const Bench& bench, Index sequence) : bench_(bench) {
        const workloads::RotaryTable rotary(bench.shape, 0, kPositions);
        q_ = bench.q.middleRows(sequence * kPositions, kPositions);
        k_ = bench.k.middleRows(sequence * kPositions, kPositions);
        v_ = bench.v.middleRows(sequence * kPositions, kPositions);
        rotary.rotate(q_);
        rotary.rotate(k_);
    }

    Codes query(Index position, Index head) const {
        return codes_of(turned(q_, position, head) / std::sqrt(16.0), bench_.config.attention.bits,
                        false);
    }
    Codes key(Index position, Index kv_head) const {
        return codes_of(turned(k_, position, kv_head), bench_.config.attention.kv_cache_bits, true);
    }
    Codes value(Index position, Index kv_head) const {
        return codes_of(v_.row(position).segment(kv_head * 16, 16).cast<double>(),
                        bench_.config.attention.kv_cache_bits, true);
    }

    Eigen::RowVectorXd output(Index position, Index head) const {
        const Index kv_head = head / 2;
        const Codes query_codes = query(position, head);
        Eigen::RowVectorXd scores(position + 1);
        for (Index j = 0; j <= position; ++j) {
            const Codes key_codes = key(j, kv_head);
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < 16; ++i) {
                sum += (query_codes.codes[i] - query_codes.zero_point) * key_codes.codes[i];
            }
            scores(j) = query_codes.step * key_codes.step * static_cast<double>(sum);
        }
        Eigen::RowVectorXd weighted = (scores.array() - scores.maxCoeff()).exp();
        weighted /= weighted.sum();
        for (Index j = 0; j <= position; ++j) weighted(j) *= value(j, kv_head).step;
        const Codes probabilities = codes_of(weighted, bench_.config.attention.bits, false);
        Eigen::RowVectorXd result = Eigen::RowVectorXd::Zero(16);
        for (Index j = 0; j <= position; ++j) {
            const Codes codes = value(j, kv_head);
            for (Index i = 0; i < 16; ++i) {
                result(i) += probabilities.step *
                             static_cast<double>(probabilities.codes[static_cast<std::size_t>(j)] *
                                                 codes.codes[static_cast<std::size_t>(i)]);
            }
        }
        return result;
    }

private:
    /// A head, rotated by Sylvester's matrix of order 16 where the design asks for it.
    Eigen::RowVectorXd turned(const Matrix<float>& x, Index position, Index head) const {
        const Eigen::RowVectorXd row = x.row(position).segment(head * 16, 16).cast<double>();
        if (!bench_.config.attention.rotation) return row;
        Eigen::RowVectorXd result = Eigen::RowVectorXd::Zero(16);
        for (unsigned to = 0; to < 16; ++to) {
            for (unsigned from = 0; from < 16; ++from) {
                const double sign = __builtin_parity(from & to) != 0 ? -0.25 : 0.25;
                result(to) += sign * row(from);
            }
        }
        return result;
    }

    const Bench& bench_;
    Matrix<float> q_, k_, v_;
};

/// Twelve bits: one code more or less, which the last bit of a float may decide, is far below what
/// any wrong element would cost.
constexpr double kOneCode = 2e-3;

void expect_emulation(const Bench& bench, const Matrix<float>& output) {
    for (Index s = 0; s < kSequences; ++s) {
        const Emulation emulation(bench, s);
        for (Index position = 0; position < kPositions; ++position) {
            for (Index head = 0; head < bench.shape.heads; ++head) {
                const Eigen::RowVectorXd expected = emulation.output(position, head);
                const Eigen::RowVectorXd found =
                    output.row(s * kPositions + position).segment(head * 16, 16).cast<double>();
                ASSERT_LT((found - expected).cwiseAbs().maxCoeff(), kOneCode)
                    << "sequence " << s << ", position " << position << ", head " << head;
            }
        }
    }
}

TEST(HardwareAttention, EqualsAnEmulation) {
    Bench bench(config_of(12, 11));
    expect_emulation(bench, bench.run({kPositions}));
}

TEST(HardwareAttention, DecodingContinuesAPrefill) {
    Bench bench(config_of(12, 11));
    bench.config.attention.rotation = false;
    expect_emulation(bench, bench.run({kPositions - 3, 1, 1, 1}));
}

// Blocks of 8 positions (4 rows of the array times 4 folds, over 2 heads a group), each of which
// sees those before it: 8, 16 and 18 of the prefill, then 19.
TEST(HardwareAttention, MovesTheCacheOnce) {
    Bench bench(config_of(7, 5));
    bench.run({kPositions - 1, 1});
    const std::uint64_t heads = kSequences * 2;
    const std::uint64_t written = heads * 2 * 19 * 16 * 5;  // keys and values
    const std::uint64_t read =
        heads * 2 * (8 + 16 + 18 + 19) * 16 * 5;  // for each block, all so far
    const auto& traffic = bench.counts.traffic[static_cast<std::size_t>(models::Stream::kv_cache)];
    EXPECT_EQ(traffic.payload_bits, written + read);
    // A key has a scale and a sum, a value a scale, which the softmax reads; 16 channels of values
    // have two words in every product.
    const std::uint64_t words = heads * (19 * 3 + (8 + 16 + 18 + 19) * 3 + 4 * 16 * 2);
    EXPECT_EQ(traffic.metadata_bits, words * 32);
    // Above the diagonal, only what shares a block is computed: rows of 2 heads, depth 16.
    const std::uint64_t macs = heads * 2 * 16 * 2 * (8 * 8 + 8 * 16 + 2 * 18 + 1 * 19);
    EXPECT_EQ(bench.counts.compute.macs, macs);
    const models::CycleCounts& cycles = bench.counts.cycles;
    EXPECT_EQ(cycles.cycles, cycles.busy + cycles.fill_drain + cycles.stall_dram +
                                 cycles.stall_buffer + cycles.stall_vector);
}

TEST(HardwareAttention, ATileThatIsTooLongOverflowsAndIsCounted) {
    Config config = config_of(6, 6);
    config.hardware.accumulator.inner_bits = 13;
    config.hardware.accumulator.overflow = OverflowMode::wrap;
    config.attention.tile_size = 16;
    Bench bench(config);
    bench.run({kPositions});
    std::uint64_t expected = 0;
    for (Index s = 0; s < kSequences; ++s) {
        const Emulation emulation(bench, s);
        for (Index position = 0; position < kPositions; ++position) {
            const Index seen = std::min((position / 8 + 1) * 8, kPositions);  // of its block
            for (Index head = 0; head < 4; ++head) {
                const Codes query = emulation.query(position, head);
                for (Index j = 0; j < seen; ++j) {
                    const Codes key = emulation.key(j, head / 2);
                    std::int64_t sum = 0;
                    for (std::size_t i = 0; i < 16; ++i) {
                        sum += query.codes[i] * key.codes[i];
                        if (sum >= -4096 && sum <= 4095) continue;
                        ++expected;
                        sum += sum < 0 ? 8192 : -8192;
                    }
                }
            }
        }
    }
    EXPECT_GT(expected, 0U);
    const LayerRecord& scores = bench.records.at({1, Operation::attention_scores});
    EXPECT_EQ(scores.observed.inner_events, expected);
}

TEST(HardwareAttention, TheAutomaticTileIsTheLongestThatIsCertified) {
    Config config = config_of(6, 6);
    config.hardware.accumulator = {.inner_bits = 16, .tile_size = 64};
    const auto certified = [&](std::int64_t tile_size) {
        config.attention.tile_size = tile_size;
        const models::GemmFormat format = attention_formats(config)->values.gemm();
        return quant::certify(format.weights, format.activations, format.accumulator, 1000)
            .certified;
    };
    // 63 * 31 * 16 = 31,248 fits 16 bits, and twice that does not.
    EXPECT_EQ(attention_formats(config)->scores.accumulator.tile_size, 16);
    EXPECT_TRUE(certified(0));
    EXPECT_TRUE(certified(16));
    EXPECT_FALSE(certified(32));
    config.hardware.accumulator.inner_bits = 32;
    config.attention.tile_size = 0;
    EXPECT_EQ(attention_formats(config)->scores.accumulator.tile_size, 64);
    config.hardware.accumulator.tile_size = 0;  // monolithic
    EXPECT_EQ(attention_formats(config)->scores.accumulator.tile_size, 0);
}

}  // namespace
}  // namespace axesim::sim
