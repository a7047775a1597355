// SPDX-License-Identifier: Apache-2.0
// Integer weights on disk instead of in memory, so that a model may have more of them than the
// machine has memory. The file has no name: nothing of it outlives the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>

#include "common/matrix.h"
#include "workloads/llama.h"

namespace axesim::sim {

class IntegerStore {
public:
    /// Makes `folder` if need be. Throws RunError when no file can be made in it.
    explicit IntegerStore(const std::filesystem::path& folder);
    ~IntegerStore();
    IntegerStore(const IntegerStore&) = delete;
    IntegerStore& operator=(const IntegerStore&) = delete;

    /// Throws RunError when they cannot be written.
    void put(const workloads::LinearId& id, const Matrix<std::int16_t>& codes);
    /// What was put for `id`, which must have been. Throws RunError when it cannot be read.
    Matrix<std::int16_t> get(const workloads::LinearId& id) const;

private:
    struct Place {
        std::int64_t offset;
        Index rows, columns;
    };

    std::filesystem::path folder_;
    int file_ = -1;
    std::int64_t end_ = 0;
    std::map<workloads::LinearId, Place> places_;
};

}  // namespace axesim::sim
