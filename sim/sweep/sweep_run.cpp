// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/sweep_run.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <numeric>

#include "common/files.h"
#include "reports/html_report.h"
#include "reports/saved_results.h"
#include "reports/summary.h"
#include "reports/sweep_database.h"
#include "reports/sweep_table.h"
#include "sim/checkpoint.h"
#include "sim/shared_work.h"
#include "sim/sweep/worker.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

SharedKeys shared_keys(const SweepPoint& point) {
    const Json& config = point.resolved;
    return {
        "values " + values_config(config).dump(),
        "integers " + config.at("workload").at("model").dump() + integers_config(config).dump()};
}

SweepRun::SweepRun(const SweepOptions& options, std::vector<std::string> columns,
                   std::vector<Objective> objectives)
    : options_(options),
      worker_(options),
      columns_(std::move(columns)),
      objectives_(std::move(objectives)),
      cores_(omp_get_max_threads()),
      jobs_(options.jobs > 0 ? options.jobs : cores_),
      progress_(Progress::detect_style(options.quiet)) {}

std::vector<std::optional<Objectives>> SweepRun::run(const std::vector<SweepPoint>& more,
                                                     std::size_t expected) {
    const std::size_t first = points_.size();
    points_.insert(points_.end(), more.begin(), more.end());
    lines_.resize(points_.size());
    errors_.resize(points_.size());
    values_.resize(points_.size());
    take_over(first, expected);
    write_table();
    start_some();
    while (!running_.empty()) {
        const WorkerEnd end = wait_for_worker();
        const auto worker = running_.find(end.pid);
        if (worker == running_.end()) continue;
        const std::size_t point = worker->second;
        running_.erase(worker);
        finish(point, end.status);
        start_some();
    }
    return {values_.begin() + static_cast<std::ptrdiff_t>(first), values_.end()};
}

void SweepRun::end() {
    progress_.finish();
    reports::SweepDatabase database(columns_);
    bool any = false;
    for (std::size_t point = 0; point < points_.size(); ++point) {
        const SweepPoint& p = points_[point];
        const auto result = worker_.result_of(p);
        any = any || result;
        database.add(p.name, p.values, result.value_or(Json()), errors_[point]);
    }
    write_file_atomically(options_.out / "sweep.sqlite",
                          [&](std::ostream& out) { out << database.bytes(); });
    if (any) {
        reports::write_html_report(options_.out / "report.html",
                                   reports::read_results({options_.out}));
    }
}

void SweepRun::write_lines(const fs::path& path, const std::vector<std::size_t>& points) const {
    write_file_atomically(path, [&](std::ostream& out) {
        out << reports::sweep_header(columns_);
        for (const std::size_t point : points) out << lines_[point];
    });
}

void SweepRun::note(std::size_t point, const std::optional<Json>& result,
                    const std::string& error) {
    const SweepPoint& p = points_[point];
    lines_[point] = reports::sweep_line(p.name, p.values, result.value_or(Json()), error);
    if (result) values_[point] = values_of(objectives_, *result);
    errors_[point] = error;
    if (!error.empty()) ++failed_;
}

/// What an earlier run of this sweep has finished, and what cannot run.
void SweepRun::take_over(std::size_t first, std::size_t expected) {
    for (std::size_t point = first; point < points_.size(); ++point) {
        const std::string& error = points_[point].error;
        schedule_.add(error.empty() ? shared_keys(points_[point]) : SharedKeys());
        const auto result = error.empty() ? worker_.result_of(points_[point]) : std::nullopt;
        if (!result && error.empty()) continue;
        note(point, result, error);
        schedule_.skip(point);
        if (!error.empty()) progress_.note(points_[point].name + ": " + error);
        ++done_;
    }
    if (first == 0 && done_ > 0) {
        progress_.note(fmt::format("{}: {} of {} points are finished already",
                                   options_.out.string(), done_, expected));
    }
    progress_.start("sweep", std::max(expected, points_.size()), done_);
}

void SweepRun::start_some() {
    const auto free = static_cast<std::size_t>(jobs_) - running_.size();
    const std::vector<std::size_t> points = schedule_.start(free);
    // The first to need what all others share has all cores for it.
    const int threads = threads_of_each(cores_, running_.size() + points.size());
    for (const std::size_t point : points) {
        running_[worker_.start(points_[point], threads)] = point;
    }
}

void SweepRun::finish(std::size_t point, int status) {
    const auto result = status == 0 ? worker_.result_of(points_[point]) : std::nullopt;
    const std::string error = result ? "" : worker_.error_of(points_[point], status);
    schedule_.finish(point, !result);
    note(point, result, error);
    write_table();
    const std::string& name = points_[point].name;
    progress_.note(result ? reports::summary_line(*result) : name + ": " + error);
    progress_.advance(1, name);
    ++done_;
}

void SweepRun::write_table() const {
    std::vector<std::size_t> all(points_.size());
    std::iota(all.begin(), all.end(), 0);
    write_lines(table(), all);
}

}  // namespace axesim::sim
