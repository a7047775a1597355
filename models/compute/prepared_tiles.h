// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>

#include "models/compute/gemm.h"
#include "models/memory/buffer.h"

namespace axesim::models {

/// Tiles of an operand in the form that the kernels want: prepared when they are first used, kept
/// because the array asks for the same ones again and again.
template <class Prepared, class Element>
class PreparedTiles {
public:
    using Contents = std::shared_ptr<const TileContents<Element>>;

    /// The tile that came in these chunks of depth, one or more. They come together, so the last
    /// one stands for all of them.
    const Prepared& of(std::span<const Contents> chunks, const GemmFormat& format) {
        const auto found = tiles_.find(chunks.back());
        if (found != tiles_.end()) return found->second;
        const auto elements = joined(chunks);
        if (elements_ + elements->size() > kMostElements) clear();
        elements_ += elements->size();
        if constexpr (std::is_same_v<Prepared, PreparedWeights>) {
            return tiles_.try_emplace(chunks.back(), *elements, format, joined_scales(chunks))
                .first->second;
        } else {
            return tiles_.try_emplace(chunks.back(), elements, format).first->second;
        }
    }

    void clear() {
        tiles_.clear();
        elements_ = 0;
    }

private:
    static std::shared_ptr<const Matrix<Element>> joined(std::span<const Contents> chunks) {
        const Matrix<Element>& first = chunks.front()->elements;
        if (chunks.size() == 1) return {chunks.front(), &first};
        return std::make_shared<const Matrix<Element>>(
            side_by_side<Element>(chunks, [](const auto& chunk) { return &chunk.elements; }));
    }
    static TileScales joined_scales(std::span<const Contents> chunks) {
        return side_by_side<TileScales::Scalar>(
            chunks, [](const auto& chunk) { return &chunk.tile_scales; });
    }
    template <class T, class Part>
    static Matrix<T> side_by_side(std::span<const Contents> chunks, Part part) {
        Index columns = 0;
        for (const Contents& chunk : chunks) columns += part(*chunk)->cols();
        Matrix<T> all(part(*chunks.front())->rows(), columns);
        Index column = 0;
        for (const Contents& chunk : chunks) {
            const Matrix<T>& next = *part(*chunk);
            all.middleCols(column, next.cols()) = next;
            column += next.cols();
        }
        return all;
    }

    /// A quarter to half a GiB, with what is made of them.
    static constexpr Index kMostElements = Index{1} << 26;

    std::map<Contents, Prepared> tiles_;
    Index elements_ = 0;  ///< in all of them
};

}  // namespace axesim::models
