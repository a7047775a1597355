// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/schedule.h"

#include <algorithm>

namespace axesim::sim {

Schedule::Schedule(const std::vector<SharedKeys>& points) {
    for (const SharedKeys& keys : points) add(keys);
}

void Schedule::add(SharedKeys keys) {
    for (const std::string& key : keys) shared_.try_emplace(key, Shared::nowhere);
    points_.push_back(std::move(keys));
    states_.push_back(State::waiting);
}

void Schedule::skip(std::size_t point) {
    states_[point] = State::done;
    for (const std::string& key : points_[point]) shared_[key] = Shared::there;
}

bool Schedule::may_start(std::size_t point) const {
    return states_[point] == State::waiting &&
           std::ranges::all_of(points_[point], [&](const std::string& key) {
               return shared_.at(key) != Shared::in_work;
           });
}

std::vector<std::size_t> Schedule::start(std::size_t most) {
    std::vector<std::size_t> started;
    for (std::size_t point = 0; point < points_.size() && started.size() < most; ++point) {
        if (!may_start(point)) continue;
        states_[point] = State::running;
        started.push_back(point);
        for (const std::string& key : points_[point]) {
            if (shared_[key] == Shared::there) continue;
            shared_[key] = Shared::in_work;
            maker_[key] = point;
        }
    }
    return started;
}

void Schedule::finish(std::size_t point, bool failed) {
    states_[point] = State::done;
    for (const std::string& key : points_[point]) {
        const auto maker = maker_.find(key);
        if (maker == maker_.end() || maker->second != point) continue;
        shared_[key] = failed ? Shared::nowhere : Shared::there;
        maker_.erase(maker);
    }
}

}  // namespace axesim::sim
