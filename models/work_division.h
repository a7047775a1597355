// SPDX-License-Identifier: Apache-2.0
// How work is divided among clusters, as plain functions.
#pragma once

#include <optional>

#include "models/accelerator.h"
#include "models/counts.h"
#include "models/hardware_config.h"

namespace axesim::models {

/// [first, first + count) of things that are numbered.
struct Share {
    Index first = 0, count = 0;
};
/// Of `total` things divided into `parts` shares that differ by one at the most, larger ones first.
Share share_of(Index total, int parts, int part);

/// What this cluster does of a GEMM: its share of the output channels or tokens, with the results
/// behind those of the clusters before it. Nothing when there is nothing left for it. Weights that
/// lie depth first are not divided, since each column of them would lie in pieces: such a GEMM is
/// always divided by tokens.
std::optional<GemmCommand> part_of(const GemmCommand& whole, ClusterSplit split, int clusters,
                                   int cluster);

/// What this cluster does of a pass: its share of the rows, and of all that is moved and computed
/// for them. Nothing when there are no rows left for it.
std::optional<VectorCommand> part_of(const VectorCommand& whole, int clusters, int cluster);

/// `sum` over the clusters, divided by their number so that the causes still add up to the cycles:
/// each of them is rounded by less than a cycle. sum.cycles is a multiple of the number.
CycleCounts mean_over_clusters(const CycleCounts& sum, int clusters);

}  // namespace axesim::models
