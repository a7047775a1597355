// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/makespan.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace axesim::sim {

Makespan makespan_of(const std::vector<PointLoad>& points, int jobs, int cores, int rate_threads) {
    Schedule schedule;
    for (std::size_t i = 0; i < points.size(); ++i) {
        schedule.add(points[i].keys);
        if (points[i].is_done) schedule.skip(i);
    }
    using End = std::pair<double, std::size_t>;
    std::priority_queue<End, std::vector<End>, std::greater<>> running;
    Makespan makespan;
    double held = 0;
    while (true) {
        const auto started = schedule.start(static_cast<std::size_t>(jobs) - running.size());
        const int threads = threads_of_each(cores, running.size() + started.size());
        for (const std::size_t point : started) {
            const PointLoad& load = points[point];
            running.emplace(makespan.seconds + load.alone + load.shared * rate_threads / threads,
                            point);
            held += load.bytes;
        }
        makespan.most_bytes = std::max(makespan.most_bytes, held);
        if (running.empty()) return makespan;
        const auto [end, point] = running.top();
        running.pop();
        makespan.seconds = end;
        held -= points[point].bytes;
        schedule.finish(point, false);
    }
}

}  // namespace axesim::sim
