// SPDX-License-Identifier: Apache-2.0
#include "workloads/synthetic_llama.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "common/error.h"
#include "common/parallel.h"

namespace axesim::workloads {

namespace {

/// Streams of random numbers that must not meet: linear layers take 0, 1, ... below these.
constexpr std::uint64_t kEmbeddingStream = std::uint64_t{1} << 40;
constexpr std::uint64_t kOutlierStream = kEmbeddingStream + 1, kTokenStream = kEmbeddingStream + 2;

constexpr Index kOneOutlierIn = 512;  ///< channels
constexpr float kOutlier = 20.0F;     ///< times the spread of the others
constexpr Index kRows = 64;

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): any seed is as good as any other.
class Random {
public:
    Random(std::uint64_t seed, std::uint64_t stream, std::uint64_t row) : state_(seed) {
        for (const std::uint64_t part : {stream, row}) state_ = next() ^ part;
    }
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    /// Normal values, two at a time (Box and Muller, 1958).
    void fill(float* values, Index count, float spread) {
        constexpr float kUnit = 0x1p-32F;
        for (Index i = 0; i < count; i += 2) {
            const std::uint64_t bits = next();
            const float u = (static_cast<float>(bits >> 32) + 0.5F) * kUnit;
            const float angle =
                static_cast<float>(bits & 0xFFFFFFFF) * kUnit * 2.0F * std::numbers::pi_v<float>;
            const float radius = spread * std::sqrt(-2.0F * std::log(std::min(u, 1.0F)));
            values[i] = radius * std::cos(angle);
            if (i + 1 < count) values[i + 1] = radius * std::sin(angle);
        }
    }

private:
    std::uint64_t state_;
};

Matrix<float> random_matrix(Index rows, Index columns, std::uint64_t seed, std::uint64_t stream) {
    Matrix<float> result(rows, columns);
    const float spread = 1.0F / std::sqrt(static_cast<float>(columns));
    for_blocks(rows, kRows, [&](Index first, Index count) {
        for (Index row = first; row < first + count; ++row) {
            Random(seed, stream, static_cast<std::uint64_t>(row))
                .fill(result.row(row).data(), columns, spread);
        }
    });
    return result;
}

}  // namespace

SyntheticLlama::SyntheticLlama(LlamaShape shape, std::uint64_t seed)
    : shape_(std::move(shape)), seed_(seed) {
    Random random(seed_, kOutlierStream, 0);
    for (Index i = 0; i < (shape_.hidden + kOneOutlierIn - 1) / kOneOutlierIn; ++i) {
        outliers_.push_back(
            static_cast<Index>(random.next() % static_cast<std::uint64_t>(shape_.hidden)));
    }
}

Matrix<float> SyntheticLlama::linear(const LinearId& id) const {
    const auto stream = static_cast<std::uint64_t>(id.block) * kLinearKinds.size() +
                        static_cast<std::uint64_t>(id.kind);
    return random_matrix(shape_.linear_outputs(id.kind), shape_.linear_inputs(id.kind), seed_,
                         stream);
}

std::vector<float> SyntheticLlama::attention_norm(Index) const { return final_norm(); }
std::vector<float> SyntheticLlama::ffn_norm(Index) const { return final_norm(); }
std::vector<float> SyntheticLlama::final_norm() const {
    return std::vector<float>(static_cast<std::size_t>(shape_.hidden), 1.0F);
}

Matrix<float> SyntheticLlama::embed(std::span<const TokenId> tokens) const {
    Matrix<float> hidden(static_cast<Index>(tokens.size()), shape_.hidden);
    for (Index row = 0; row < hidden.rows(); ++row) {
        const TokenId token = tokens[static_cast<std::size_t>(row)];
        if (token < 0 || token >= shape_.vocabulary) {
            throw UserError(fmt::format("{} is no token of {} (allowed: 0 to {})", token,
                                        shape_.name, shape_.vocabulary - 1));
        }
        Random(seed_, kEmbeddingStream, static_cast<std::uint64_t>(token))
            .fill(hidden.row(row).data(), shape_.hidden, 1.0F);
        for (const Index channel : outliers_) hidden(row, channel) *= kOutlier;
    }
    return hidden;
}

Matrix<float> SyntheticLlama::lm_head() const {
    return random_matrix(shape_.vocabulary, shape_.hidden, seed_, kEmbeddingStream);
}

std::vector<TokenId> RandomTokenizer::encode(std::string_view text) const {
    Random random(seed_, kTokenStream, 0);
    std::vector<TokenId> tokens(text.size());
    for (TokenId& token : tokens) {
        token = static_cast<TokenId>(random.next() % static_cast<std::uint64_t>(vocabulary_));
    }
    return tokens;
}

}  // namespace axesim::workloads
