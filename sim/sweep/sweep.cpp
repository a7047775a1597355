// SPDX-License-Identifier: Apache-2.0
// axesim sweep: the points of a sweep, each by a worker process, into one table.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>

#include "common/error.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/safetensors_file.h"
#include "reports/html_report.h"
#include "reports/json_report.h"
#include "reports/saved_results.h"
#include "reports/summary.h"
#include "reports/sweep_database.h"
#include "reports/sweep_table.h"
#include "sim/checkpoint.h"
#include "sim/commands.h"
#include "sim/shared_work.h"
#include "sim/sweep/points.h"
#include "sim/sweep/schedule.h"
#include "sim/sweep/worker.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kSchema = "axesim.sweep/1";

/// What the folder of a sweep is for.
Json sweep_json(const Sweep& sweep) {
    Json points = Json::object();
    for (const SweepPoint& point : sweep.points) {
        points[point.name] = sha256_hex(bytes_of(point.config_yaml));
    }
    return {{"schema", kSchema},
            {"program_sha256", sha256_of_file("/proc/self/exe")},
            {"columns", sweep.columns},
            {"config_sha256", points}};
}

/// Writes DIR/sweep.json, unless DIR is already that of another sweep.
void claim(const fs::path& folder, const Sweep& sweep, bool resume) {
    const fs::path path = folder / "sweep.json";
    const Json wanted = sweep_json(sweep);
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
        if (!resume) {
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

std::string last_line(const fs::path& path) {
    std::string text;
    try {
        text = read_text_file(path);
    } catch (const UserError&) {
        return "";
    }
    while (text.ends_with('\n')) text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

class SweepRun {
public:
    SweepRun(const SweepOptions& options, const Sweep& sweep)
        : options_(options),
          sweep_(sweep),
          cores_(omp_get_max_threads()),
          jobs_(options.jobs > 0 ? options.jobs : cores_),
          lines_(sweep.points.size()),
          errors_(sweep.points.size()),
          schedule_(keys_of(sweep)),
          progress_(Progress::detect_style(options.quiet)) {}

    /// Returns the number of points that failed.
    std::size_t run() {
        take_over();
        write_table();
        std::size_t failed = 0;
        start_some();
        while (!running_.empty()) {
            const WorkerEnd end = wait_for_worker();
            const auto worker = running_.find(end.pid);
            if (worker == running_.end()) continue;
            const std::size_t point = worker->second;
            running_.erase(worker);
            if (!finish(point, end.status)) ++failed;
            start_some();
        }
        progress_.finish();
        return failed;
    }

    /// The table as a database, and the page with figures, of all points together.
    void write_reports() const {
        reports::SweepDatabase database(sweep_.columns);
        bool any = false;
        for (std::size_t point = 0; point < sweep_.points.size(); ++point) {
            const SweepPoint& p = sweep_.points[point];
            const auto result = result_of(point);
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

    fs::path table() const { return options_.out / "sweep.csv"; }

private:
    static std::vector<SharedKeys> keys_of(const Sweep& sweep) {
        std::vector<SharedKeys> keys;
        for (const SweepPoint& point : sweep.points) keys.push_back(shared_keys(point));
        return keys;
    }

    fs::path folder(std::size_t point) const {
        return options_.out / "points" / sweep_.points[point].name;
    }

    /// The result of a point that is finished with just this config.
    std::optional<Json> result_of(std::size_t point) const {
        try {
            if (read_text_file(folder(point) / "config.yaml") != sweep_.points[point].config_yaml) {
                return std::nullopt;
            }
            return reports::read_json(folder(point));
        } catch (const UserError&) {
            return std::nullopt;
        }
    }

    void note_line(std::size_t point, const Json& result, const std::string& error) {
        const SweepPoint& p = sweep_.points[point];
        lines_[point] = reports::sweep_line(p.name, p.values, result, error);
        errors_[point] = error;
    }

    /// What an earlier run of this sweep has finished.
    void take_over() {
        std::size_t finished = 0;
        for (std::size_t point = 0; point < sweep_.points.size(); ++point) {
            const auto result = result_of(point);
            if (!result) continue;
            note_line(point, *result, "");
            schedule_.skip(point);
            ++finished;
        }
        if (finished > 0) {
            progress_.note(fmt::format("{}: {} of {} points are finished already",
                                       options_.out.string(), finished, sweep_.points.size()));
        }
        progress_.start("sweep", sweep_.points.size(), finished);
    }

    void start_some() {
        const auto free = static_cast<std::size_t>(jobs_) - running_.size();
        const std::vector<std::size_t> points = schedule_.start(free);
        // The first to need what all others share has all cores for it.
        const auto workers = static_cast<int>(running_.size() + points.size());
        const int threads = std::max(1, cores_ / std::max(1, workers));
        for (const std::size_t point : points) running_[start(point, threads)] = point;
    }

    pid_t start(std::size_t point, int threads) const {
        const fs::path out = folder(point);
        std::error_code ignored;
        fs::remove_all(out, ignored);  // of a run that was cut short, or had another config
        require_writable_directory(out);
        const fs::path cache = options_.cache.empty() ? options_.out / "cache" : options_.cache;
        std::vector<std::string> arguments{
            "--config", sweep_.base.string(), "--out",     out.string(),
            "--cache",  cache.string(),       "--threads", std::to_string(threads)};
        for (const std::string& set : sweep_.points[point].sets) {
            arguments.insert(arguments.end(), {"--set", set});
        }
        return start_worker(arguments, out / "report.txt", out / "log.txt");
    }

    /// False when the point failed.
    bool finish(std::size_t point, int status) {
        const auto result = status == 0 ? result_of(point) : std::nullopt;
        const std::string error = result ? "" : error_of(point, status);
        schedule_.finish(point, !result);
        note_line(point, result.value_or(Json()), error);
        write_table();
        const std::string& name = sweep_.points[point].name;
        progress_.note(result ? reports::summary_line(*result) : name + ": " + error);
        progress_.advance(1, name);
        return result.has_value();
    }

    std::string error_of(std::size_t point, int status) const {
        if (status < 0) {
            return fmt::format("ended by signal {}{}", -status,
                               status == -SIGKILL ? ", as when memory runs out" : "");
        }
        const std::string said = last_line(folder(point) / "log.txt");
        const std::string prefix = "axesim: ";
        return said.starts_with(prefix) ? said.substr(prefix.size())
               : said.empty()           ? fmt::format("exit status {}", status)
                                        : said;
    }

    void write_table() const {
        write_file_atomically(table(), [&](std::ostream& out) {
            out << reports::sweep_header(sweep_.columns);
            for (const std::string& line : lines_) out << line;
        });
    }

    const SweepOptions& options_;
    const Sweep& sweep_;
    const int cores_, jobs_;
    std::vector<std::string> lines_;   ///< of the table; empty: not finished
    std::vector<std::string> errors_;  ///< of points that failed
    Schedule schedule_;
    std::map<pid_t, std::size_t> running_;  ///< points by their workers
    Progress progress_;
};

}  // namespace

int sweep_command(const SweepOptions& options) {
    const Sweep sweep = plan_sweep(read_sweep_file(options.config), options.overrides);
    require_writable_directory(options.out);
    const auto lock = FileLock::try_take(options.out / "sweep.lock");
    if (!lock) throw UserError(options.out.string() + ": another axesim sweep is at work there");
    claim(options.out, sweep, options.resume);
    SweepRun run(options, sweep);
    const std::size_t failed = run.run();
    run.write_reports();
    print_to_stdout(fmt::format("{}: {} points{}\n", run.table().string(), sweep.points.size(),
                                failed > 0 ? fmt::format(", {} failed", failed) : ""));
    return failed > 0 ? 1 : 0;
}

}  // namespace axesim::sim
