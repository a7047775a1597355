// SPDX-License-Identifier: Apache-2.0
#include "models/mapping.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/rounding.h"

namespace axesim::models {

Fetches Mapping::fetches(const GemmShape& shape) const {
    const Index m_tiles = divide_up(shape.m, m_tile);
    const Index n_tiles = divide_up(shape.n, n_tile);
    if (k_chunk < shape.k) return {m_tiles, n_tiles};
    if (weights_outer) return {1, m_tiles > 1 ? n_tiles : 1};
    return {n_tiles > 1 ? m_tiles : 1, 1};
}

std::string Mapping::describe(const GemmShape& shape) const {
    const auto [weight_fetches, activation_fetches] = fetches(shape);
    return fmt::format(
        "tiles {} x {} x {}, loops {}, each {} tile stays while {} stream, weights fetched {}x, "
        "activations {}x",
        m_tile, n_tile, k_chunk,
        weights_outer ? "outputs, tokens, depth" : "tokens, outputs, depth",
        weights_outer ? "weight" : "activation", weights_outer ? "activations" : "weights",
        weight_fetches, activation_fetches);
}

Visits::Visits(const GemmShape& shape, const Mapping& mapping)
    : shape_(shape),
      mapping_(mapping),
      m_tiles_(divide_up(shape.m, mapping.m_tile)),
      n_tiles_(divide_up(shape.n, mapping.n_tile)),
      chunks_(divide_up(shape.k, mapping.k_chunk)) {}

/// Depth turns fastest, then the inner of the two loops over tiles.
Visits::Place Visits::place(Index step) const {
    const Index tile = step / chunks_;
    const Index inner = mapping_.weights_outer ? m_tiles_ : n_tiles_;
    return {.m = mapping_.weights_outer ? tile % inner : tile / inner,
            .n = mapping_.weights_outer ? tile / inner : tile % inner,
            .chunk = step % chunks_};
}

Visit Visits::operator[](Index step) const {
    const Place here = place(step);
    const Place before = step > 0 ? place(step - 1) : Place{};
    Visit visit;
    visit.first_m = here.m * mapping_.m_tile;
    visit.m = std::min(mapping_.m_tile, shape_.m - visit.first_m);
    visit.first_n = here.n * mapping_.n_tile;
    visit.n = std::min(mapping_.n_tile, shape_.n - visit.first_n);
    visit.first_k = here.chunk * mapping_.k_chunk;
    visit.k = std::min(mapping_.k_chunk, shape_.k - visit.first_k);
    visit.loads_weights = here.n != before.n || here.chunk != before.chunk;
    visit.loads_activations = here.m != before.m || here.chunk != before.chunk;
    visit.first_chunk = here.chunk == 0;
    visit.last_chunk = here.chunk == chunks_ - 1;
    return visit;
}

}  // namespace axesim::models
