// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the FMA array and its accumulators, as plain functions: an integer GEMM with
// two-stage accumulation, bit for bit and overflow event for overflow event (design.md section 3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/integer_format.h"
#include "common/matrix.h"

namespace axesim::models {

enum class AccumulatorStage { inner, outer };

/// The place of an overflow event. `k` is the depth index of the first product of the step that
/// overflowed (inner), or of the first product of the tile that was being added (outer).
struct OverflowPlace {
    std::int64_t token = 0;
    std::int64_t channel = 0;
    std::int64_t k = 0;
    AccumulatorStage stage = AccumulatorStage::inner;

    auto operator<=>(const OverflowPlace&) const = default;
};

/// What the accumulators saw. Merging is associative and commutative, so it does not depend on the
/// order in which blocks were computed.
struct AccumulatorObservation {
    std::uint64_t inner_events = 0;
    std::uint64_t outer_events = 0;
    /// Least place of any event in the order token, channel, k, inner before outer.
    std::optional<OverflowPlace> first_overflow;
    /// Extremes of the inner accumulator at the ends of tiles (what it hands to the outer one) and
    /// of the outer accumulator after each tile. 0 is always included.
    IntegerRange inner_seen{0, 0};
    IntegerRange outer_seen{0, 0};

    void merge(const AccumulatorObservation& other);
    bool operator==(const AccumulatorObservation&) const = default;
};

/// One integer GEMM: what the array multiplies and how it accumulates.
struct GemmFormat {
    IntegerRange weights;      ///< codes that a weight may take
    IntegerRange activations;  ///< codes that an activation may take
    AccumulatorFormat accumulator;

    bool operator==(const GemmFormat&) const = default;
};

/// outputs[token][channel] = two-stage sum over k of activations[token][k] * weights[channel][k],
/// for activations [tokens, K], weights [channels, K] (any values inside the format's ranges),
/// outputs [tokens, channels] = the outer accumulator. Each inner value is multiplied by its
/// entry of `tile_scales` on its way to the outer accumulator; what is observed of the inner one is
/// not. `OverflowMode::trap` only counts and wraps here; the caller stops the run. K >= 1. This is
/// the definition: a step-by-step loop, slow.
AccumulatorObservation gemm_reference(const Matrix<std::int32_t>& activations,
                                      const Matrix<std::int16_t>& weights, const GemmFormat& format,
                                      Matrix<std::int64_t>& outputs,
                                      const TileScales& tile_scales = {});

/// Activations in the form that the fast kernels want, made once for all weights of a format.
class PreparedActivations {
public:
    /// Packs codes [tokens, K] for weights of this depth in `format`. Throws std::invalid_argument
    /// when one of them lies outside the format.
    PreparedActivations(std::shared_ptr<const Matrix<std::int32_t>> codes,
                        const GemmFormat& format);
    ~PreparedActivations();
    PreparedActivations(PreparedActivations&&) noexcept;
    PreparedActivations& operator=(PreparedActivations&&) noexcept;

private:
    friend class PreparedWeights;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The same result, the same counts, the same observation, fast. Parts whose bounds prove that no
/// step can overflow are summed in any order; the rest run step by step, vectorized over channels.
/// Weights are prepared once and used for many tokens.
class PreparedWeights {
public:
    /// Packs weights [channels, K] for the kernels and computes, per channel and tile, the bounds
    /// from the actual codes and scales. Throws std::invalid_argument when one of them lies outside
    /// the format.
    PreparedWeights(const Matrix<std::int16_t>& weights, const GemmFormat& format,
                    const TileScales& tile_scales = {});
    ~PreparedWeights();
    PreparedWeights(PreparedWeights&&) noexcept;
    PreparedWeights& operator=(PreparedWeights&&) noexcept;

    Index channels() const;
    Index depth() const;
    /// True when no activations in range can make any step of any channel overflow: the data
    /// themselves are the certificate.
    bool overflow_free() const;

    /// Same contract as gemm_reference; the activations are of the same depth and format. Uses the
    /// threads that OpenMP allows; no result depends on their number.
    AccumulatorObservation multiply(const PreparedActivations& activations,
                                    Matrix<std::int64_t>& outputs) const;
    AccumulatorObservation multiply(const Matrix<std::int32_t>& activations,
                                    Matrix<std::int64_t>& outputs) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace axesim::models
