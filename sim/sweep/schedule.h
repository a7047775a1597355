// SPDX-License-Identifier: Apache-2.0
// Which point of a sweep comes next, so that what several points need is computed by one of them
// while the others do something else or wait.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace axesim::sim {

/// What a point can share: points with an equal text share that.
using SharedKeys = std::vector<std::string>;

/// Threads of each of so many processes at a time.
inline int threads_of_each(int cores, std::size_t processes) {
    return std::max(1, cores / std::max(1, static_cast<int>(processes)));
}

class Schedule {
public:
    Schedule() = default;
    /// The keys of each point.
    explicit Schedule(const std::vector<SharedKeys>& points);

    /// One more point, behind the others.
    void add(SharedKeys keys);
    /// `point` need not run: an earlier sweep did it.
    void skip(std::size_t point);
    /// Up to `most` points that may start now, the first ones first. Points that share a key with a
    /// running one which is the first to need it have to wait.
    std::vector<std::size_t> start(std::size_t most);
    /// A point has ended. What it should have computed for others is there if it has not failed.
    void finish(std::size_t point, bool failed);

private:
    enum class Shared { nowhere, in_work, there };
    enum class State { waiting, running, done };

    bool may_start(std::size_t point) const;

    std::vector<SharedKeys> points_;
    std::vector<State> states_;
    std::map<std::string, Shared> shared_;
    std::map<std::string, std::size_t> maker_;  ///< of what is in work
};

}  // namespace axesim::sim
