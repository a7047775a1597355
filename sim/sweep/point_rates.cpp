// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/point_rates.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "common/error.h"
#include "common/files.h"
#include "sim/sweep/worker.h"

namespace axesim::sim {

namespace {

constexpr std::size_t kSamples = 6;

/// What a process writes to it is in memory and nowhere else.
class MemoryFile {
public:
    MemoryFile() : fd_(::memfd_create("axesim", MFD_CLOEXEC)) {
        if (fd_ < 0) throw RunError(fmt::format("no memory file: {}", std::strerror(errno)));
    }
    ~MemoryFile() { ::close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    /// Also for processes that this one starts.
    std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", fd_); }
    std::string text() const { return read_text_file(path()); }

private:
    int fd_;
};

/// A dry run that is under way.
struct Probe {
    const SweepPoint* point = nullptr;
    std::unique_ptr<MemoryFile> out = std::make_unique<MemoryFile>();
    std::unique_ptr<MemoryFile> errors = std::make_unique<MemoryFile>();
};

pid_t start(const Probe& probe, bool with_values, int threads) {
    std::vector<std::string> arguments{
        "--config",  probe.point->base.string(), "--dry-run", "--quiet", "--format", "json",
        "--threads", std::to_string(threads)};
    for (const std::string& set : probe.point->sets) {
        arguments.insert(arguments.end(), {"--set", set});
    }
    if (!with_values) arguments.insert(arguments.end(), {"--set", "workload.timing_only=true"});
    return start_worker(arguments, probe.out->path(), probe.errors->path());
}

/// Some of them, different ones.
void draw_some(std::vector<const SweepPoint*>& points) {
    std::mt19937_64 generator(1);
    for (std::size_t i = points.size(); i > 1; --i) {
        std::swap(points[i - 1], points[generator() % i]);
    }
    points.resize(std::min(points.size(), kSamples));
}

}  // namespace

PointRates measure_points(std::vector<const SweepPoint*> points, bool with_values, int jobs,
                          int threads) {
    draw_some(points);
    PointRates mean;
    mean.points = points.size();
    const auto count = static_cast<double>(points.size());
    std::vector<MachineRates> rates;
    std::map<pid_t, Probe> running;
    auto next = points.begin();
    while (next != points.end() || !running.empty()) {
        while (next != points.end() && running.size() < static_cast<std::size_t>(jobs)) {
            Probe probe{.point = *next++};
            const pid_t pid = start(probe, with_values, threads);
            running.emplace(pid, std::move(probe));
        }
        const WorkerEnd end = wait_for_worker();
        const auto ended = running.find(end.pid);
        if (ended == running.end()) continue;
        const Probe probe = std::move(ended->second);
        running.erase(ended);
        if (end.status != 0) {
            throw RunError(probe.point->name + ": its dry run failed: " + probe.errors->text());
        }
        const auto json = nlohmann::ordered_json::parse(probe.out->text());
        rates.push_back(rates_from(json.at("seconds_per")));
        mean.load_seconds += json.at("stage_seconds").at("load").get<double>() / count;
        mean.process_bytes += json.at("process_mib").get<double>() * (1 << 20) / count;
    }
    mean.rates = mean_of(rates);
    return mean;
}

}  // namespace axesim::sim
