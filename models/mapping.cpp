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

std::vector<Visit> schedule(const GemmShape& shape, const Mapping& mapping) {
    std::vector<Visit> visits;
    const Index m_tiles = divide_up(shape.m, mapping.m_tile);
    const Index n_tiles = divide_up(shape.n, mapping.n_tile);
    Index loaded_m = -1, loaded_n = -1, loaded_weight_k = -1, loaded_activation_k = -1;
    const auto visit_tile = [&](Index mi, Index ni) {
        for (Index k = 0; k < shape.k; k += mapping.k_chunk) {
            Visit visit;
            visit.first_m = mi * mapping.m_tile;
            visit.m = std::min(mapping.m_tile, shape.m - visit.first_m);
            visit.first_n = ni * mapping.n_tile;
            visit.n = std::min(mapping.n_tile, shape.n - visit.first_n);
            visit.first_k = k;
            visit.k = std::min(mapping.k_chunk, shape.k - k);
            visit.loads_weights = ni != loaded_n || k != loaded_weight_k;
            visit.loads_activations = mi != loaded_m || k != loaded_activation_k;
            visit.first_chunk = k == 0;
            visit.last_chunk = k + visit.k == shape.k;
            loaded_m = mi;
            loaded_n = ni;
            loaded_weight_k = loaded_activation_k = k;
            visits.push_back(visit);
        }
    };
    const Index outer = mapping.weights_outer ? n_tiles : m_tiles;
    const Index inner = mapping.weights_outer ? m_tiles : n_tiles;
    for (Index o = 0; o < outer; ++o) {
        for (Index i = 0; i < inner; ++i) {
            mapping.weights_outer ? visit_tile(i, o) : visit_tile(o, i);
        }
    }
    return visits;
}

}  // namespace axesim::models
