// SPDX-License-Identifier: Apache-2.0
// The vector kernel behind unpack(), for the instruction set found at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace axesim::models {

/// Where elements of `bits` (2..16) lie: element i starts at bit `start` + i `stride` of `memory`,
/// with stride in bits..16.
struct BitRun {
    std::span<const std::byte> memory;
    std::int64_t start = 0;
    int stride = 0;
    int bits = 0;
    bool is_signed = false;
};

/// Reads the first elements of a run into `values`, as many as come in groups of eight whose loads
/// of 16 bytes stay inside the memory; returns how many. The rest is the caller's.
std::int64_t unpack_groups(const BitRun& run, std::span<std::int32_t> values);
std::int64_t unpack_groups(const BitRun& run, std::span<std::int16_t> values);

}  // namespace axesim::models
