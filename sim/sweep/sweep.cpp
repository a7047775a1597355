// SPDX-License-Identifier: Apache-2.0
// axesim sweep: the points of a sweep, each by a worker process, into one table.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "common/error.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/safetensors_file.h"
#include "reports/summary.h"
#include "reports/sweep_table.h"
#include "sim/checkpoint.h"
#include "sim/commands.h"
#include "sim/shared_work.h"
#include "sim/sweep/objectives.h"
#include "sim/sweep/pareto.h"
#include "sim/sweep/point_worker.h"
#include "sim/sweep/points.h"
#include "sim/sweep/schedule.h"
#include "sim/sweep/worker.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kSchema = "axesim.sweep/1";

/// What the folder of a sweep is for.
Json sweep_json(const SweepOptions& options, const Sweep& sweep, const SweepFile& file) {
    Json points = Json::object();
    for (const SweepPoint& point : sweep.points) {
        points[point.name] = sha256_hex(bytes_of(point.config_yaml));
    }
    Json json{{"schema", kSchema},
              {"program_sha256", sha256_of_file("/proc/self/exe")},
              {"columns", sweep.columns},
              {"config_sha256", points}};
    // The points of a search follow from its file and what that refers to.
    if (file.search) {
        std::string text = read_text_file(options.config) + read_text_file(file.base);
        for (const std::string& set : options.overrides) text += set + "\n";
        json["search_sha256"] = sha256_hex(bytes_of(text));
    }
    return json;
}

/// Writes DIR/sweep.json, unless DIR is already that of another sweep.
void claim(const SweepOptions& options, const Sweep& sweep, const SweepFile& file) {
    const fs::path& folder = options.out;
    const fs::path path = folder / "sweep.json";
    const Json wanted = sweep_json(options, sweep, file);
    if (fs::exists(path)) {
        const Json found = Json::parse(read_text_file(path), nullptr, false);
        if (found == wanted) return;
        if (!found.is_object() || found.value("schema", Json()) != kSchema) {
            throw UserError(path.string() + ": is not that of a sweep; choose another --out");
        }
        if (found.value("program_sha256", Json()) != wanted["program_sha256"]) {
            throw UserError(folder.string() +
                            ": holds points that another build of axesim made, which may round "
                            "differently; choose another --out");
        }
        if (!options.resume) {
            throw UserError(folder.string() +
                            ": holds another sweep; choose another --out, or --resume to go on "
                            "with the points that both have");
        }
    }
    write_file_atomically(path, [&](std::ostream& out) { out << wanted.dump(2) << "\n"; });
}

SharedKeys shared_keys(const SweepPoint& point) {
    const Json& config = point.resolved;
    return {
        "values " + values_config(config).dump(),
        "integers " + config.at("workload").at("model").dump() + integers_config(config).dump()};
}

/// The points that each point waits for: the first one to have a key makes what all with it share.
Json list_json(const Sweep& sweep) {
    std::map<std::string, std::string> makers;
    Json points = Json::array();
    for (const SweepPoint& point : sweep.points) {
        std::set<std::string> after;
        for (const std::string& key : shared_keys(point)) {
            const auto [maker, is_first] = makers.emplace(key, point.name);
            if (!is_first) after.insert(maker->second);
        }
        points.push_back({{"name", point.name}, {"after", after}});
    }
    return points;
}

/// The points of a sweep and its table.
class SweepRun {
public:
    SweepRun(const SweepOptions& options, std::vector<std::string> columns,
             std::vector<Objective> objectives = {})
        : options_(options),
          worker_(options),
          columns_(std::move(columns)),
          objectives_(std::move(objectives)),
          cores_(omp_get_max_threads()),
          jobs_(options.jobs > 0 ? options.jobs : cores_),
          progress_(Progress::detect_style(options.quiet)) {}

    /// Some more points, those that are not finished as far as workers allow at a time; `expected`
    /// is how many there will be in all. Their objectives, nothing for those that failed.
    std::vector<std::optional<Objectives>> run(const std::vector<SweepPoint>& more,
                                               std::size_t expected) {
        const std::size_t first = points_.size();
        points_.insert(points_.end(), more.begin(), more.end());
        lines_.resize(points_.size());
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

    void end() { progress_.finish(); }

    std::size_t points() const { return points_.size(); }
    std::size_t failed() const { return failed_; }
    fs::path table() const { return options_.out / "sweep.csv"; }

    /// The lines of some points, as a table of their own.
    void write_lines(const fs::path& path, const std::vector<std::size_t>& points) const {
        write_file_atomically(path, [&](std::ostream& out) {
            out << reports::sweep_header(columns_);
            for (const std::size_t point : points) out << lines_[point];
        });
    }

private:
    void note(std::size_t point, const std::optional<Json>& result, const std::string& error) {
        const SweepPoint& p = points_[point];
        lines_[point] = reports::sweep_line(p.name, p.values, result.value_or(Json()), error);
        if (result) values_[point] = values_of(objectives_, *result);
        if (!error.empty()) ++failed_;
    }

    /// What an earlier run of this sweep has finished, and what cannot run.
    void take_over(std::size_t first, std::size_t expected) {
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

    void start_some() {
        const auto free = static_cast<std::size_t>(jobs_) - running_.size();
        const std::vector<std::size_t> points = schedule_.start(free);
        // The first to need what all others share has all cores for it.
        const auto workers = static_cast<int>(running_.size() + points.size());
        const int threads = std::max(1, cores_ / std::max(1, workers));
        for (const std::size_t point : points) {
            running_[worker_.start(points_[point], threads)] = point;
        }
    }

    void finish(std::size_t point, int status) {
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

    void write_table() const {
        std::vector<std::size_t> all(points_.size());
        std::iota(all.begin(), all.end(), 0);
        write_lines(table(), all);
    }

    const SweepOptions& options_;
    const PointWorker worker_;
    const std::vector<std::string> columns_;
    const std::vector<Objective> objectives_;
    const int cores_, jobs_;
    std::vector<SweepPoint> points_;
    std::vector<std::string> lines_;  ///< of the table; empty: not finished
    std::vector<std::optional<Objectives>> values_;
    Schedule schedule_;
    std::map<pid_t, std::size_t> running_;  ///< points by their workers
    std::size_t done_ = 0, failed_ = 0;
    Progress progress_;
};

/// Looks for the front; what it found as text.
std::string search(SweepRun& run, const Sweep& sweep, const SweepFile& file,
                   const SweepOptions& options) {
    const ParetoSearch& search = *file.search;
    const std::vector<Objective> objectives = objectives_named(search.objectives);
    const DesignSpace space(file, options.overrides);
    const auto budget = static_cast<std::size_t>(search.budget);
    const std::size_t expected = sweep.points.size() + budget;

    std::vector<NamedDesign> designs;
    std::vector<std::size_t> points;  // their numbers
    const auto run_all = [&](const std::vector<SweepPoint>& some) {
        const std::size_t first = run.points();
        auto values = run.run(some, expected);
        for (std::size_t i = 0; i < some.size(); ++i) {
            if (!values[i]) continue;
            designs.push_back({some[i].name, *values[i]});
            points.push_back(first + i);
        }
        return values;
    };
    run_all(sweep.points);
    std::optional<NamedDesign> reference;
    if (!search.reference.empty()) {
        if (points.empty() || points.front() != 0) {
            throw RunError(sweep.points.front().name + ": the reference failed; see its line in " +
                           run.table().string());
        }
        reference = designs.front();  // which is no design of the space
        designs.erase(designs.begin());
        points.erase(points.begin());
    }
    search_front({.axis_sizes = space.axis_sizes(),
                  .objectives = objectives.size(),
                  .allowed = [&](const Combination& c) { return space.allows(c); },
                  .run =
                      [&](const std::vector<Combination>& combinations) {
                          std::vector<SweepPoint> some;
                          for (const Combination& c : combinations) some.push_back(space.point(c));
                          return run_all(some);
                      }},
                 budget, search.seed);
    run.end();
    std::vector<Objectives> values;
    for (const NamedDesign& design : designs) values.push_back(design.values);
    std::vector<NamedDesign> front;
    std::vector<std::size_t> lines;
    for (const std::size_t i : front_of(values)) {
        front.push_back(designs[i]);
        lines.push_back(points[i]);
    }
    const fs::path path = options.out / "front.csv";
    run.write_lines(path, lines);
    return fmt::format(
        "{}: no other of these {} designs is better in one objective and as good in "
        "all\n{}{}",
        path.string(), designs.size(), describe_front(objectives, front),
        reference ? describe_cheapest(objectives, designs, *reference) : "");
}

/// One point for somebody else who sees to the order of points and puts the table together.
int run_point(const SweepOptions& options, const Sweep& sweep) {
    const auto point = std::ranges::find(sweep.points, options.point, &SweepPoint::name);
    if (point == sweep.points.end()) {
        throw UserError("option --point: the sweep has no point " + options.point +
                        " (see axesim sweep --list)");
    }
    const PointWorker worker(options);
    auto result = worker.result_of(*point);
    int status = 0;
    if (!result) {
        worker.start(*point, omp_get_max_threads());
        status = wait_for_worker().status;
        if (status == 0) result = worker.result_of(*point);
    }
    print_to_stdout((result ? reports::summary_line(*result) : worker.error_of(*point, status)) +
                    "\n");
    // A point that failed by itself would do so again: that is its result. A killed one would not.
    return status < 0 ? 1 : 0;
}

}  // namespace

int sweep_command(const SweepOptions& options) {
    const SweepFile file = read_sweep_file(options.config);
    const Sweep sweep = plan_sweep(file, options.overrides);
    if (file.search && (options.list || !options.point.empty())) {
        throw UserError(file.search->where, fmt::format("strategy: pareto finds its points while "
                                                        "it runs, so that --{} has none",
                                                        options.list ? "list" : "point"));
    }
    if (options.list) {
        print_to_stdout(list_json(sweep).dump(1) + "\n");
        return 0;
    }
    require_writable_directory(options.out);
    if (!options.point.empty()) {
        claim(options, sweep, file);
        return run_point(options, sweep);
    }
    const auto lock = FileLock::try_take(options.out / "sweep.lock");
    if (!lock) throw UserError(options.out.string() + ": another axesim sweep is at work there");
    claim(options, sweep, file);
    SweepRun run(
        options, sweep.columns,
        file.search ? objectives_named(file.search->objectives) : std::vector<Objective>());
    std::string found;
    if (file.search) {
        found = search(run, sweep, file, options);
    } else {
        run.run(sweep.points, sweep.points.size());
        run.end();
    }
    print_to_stdout(fmt::format("{}: {} points{}\n{}", run.table().string(), run.points(),
                                run.failed() > 0 ? fmt::format(", {} failed", run.failed()) : "",
                                found));
    return run.failed() > 0 ? 1 : 0;
}

}  // namespace axesim::sim
