// SPDX-License-Identifier: Apache-2.0
// axesim sweep: what its options ask for.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "common/error.h"
#include "common/files.h"
#include "common/safetensors_file.h"
#include "reports/summary.h"
#include "sim/commands.h"
#include "sim/sweep/objectives.h"
#include "sim/sweep/pareto.h"
#include "sim/sweep/point_worker.h"
#include "sim/sweep/points.h"
#include "sim/sweep/sweep_estimate.h"
#include "sim/sweep/sweep_run.h"
#include "sim/sweep/worker.h"
#include "sim/version.h"

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
              {"program_sha256", program_sha256()},
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

/// Whether DIR is that of this sweep already. Throws UserError where it is that of another one.
bool is_claimed(const SweepOptions& options, const Json& wanted) {
    const fs::path path = options.out / "sweep.json";
    if (!fs::exists(path)) return false;
    const Json found = Json::parse(read_text_file(path), nullptr, false);
    if (found == wanted) return true;
    if (!found.is_object() || found.value("schema", Json()) != kSchema) {
        throw UserError(path.string() + ": is not that of a sweep; choose another --out");
    }
    if (found.value("program_sha256", Json()) != wanted["program_sha256"]) {
        throw UserError(options.out.string() +
                        ": holds points that another build of axesim made, which may round "
                        "differently; choose another --out");
    }
    if (!options.resume) {
        throw UserError(options.out.string() +
                        ": holds another sweep; choose another --out, or --resume to go on "
                        "with the points that both have");
    }
    return false;
}

/// Writes DIR/sweep.json, unless DIR is already that of another sweep.
void claim(const SweepOptions& options, const Sweep& sweep, const SweepFile& file) {
    const Json wanted = sweep_json(options, sweep, file);
    if (is_claimed(options, wanted)) return;
    write_file_atomically(options.out / "sweep.json",
                          [&](std::ostream& out) { out << wanted.dump(2) << "\n"; });
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

/// Looks for the front; what it found as text.
std::string search(SweepRun& run, const Sweep& sweep, const SweepFile& file,
                   const SweepOptions& options) {
    const ParetoSearch& search = *file.search;
    const std::vector<Objective> objectives = objectives_named(search.objectives);
    const DesignSpace space(file, options.overrides);
    const auto budget = static_cast<std::size_t>(search.budget);
    const std::size_t expected = sweep.points.size() + budget;

    std::optional<NamedDesign> reference;  // which is no design of the space
    if (!sweep.points.empty()) {
        const auto values = run.run(sweep.points, expected).front();
        if (!values) {
            throw RunError(sweep.points.front().name + ": the reference failed; see its line in " +
                           run.table().string());
        }
        reference = {sweep.points.front().name, *values};
    }
    std::vector<NamedDesign> designs;
    std::vector<std::size_t> points;  // their numbers
    const auto run_some = [&](const std::vector<Combination>& combinations) {
        std::vector<SweepPoint> some;
        for (const Combination& combination : combinations) {
            some.push_back(space.point(combination));
        }
        const std::size_t first = run.points();
        auto values = run.run(some, expected);
        for (std::size_t i = 0; i < some.size(); ++i) {
            if (!values[i]) continue;
            designs.push_back({some[i].name, *values[i]});
            points.push_back(first + i);
        }
        return values;
    };
    search_front({.axis_sizes = space.axis_sizes(),
                  .objectives = objectives.size(),
                  .allowed = [&](const Combination& c) { return space.allows(c); },
                  .run = run_some},
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
    if (options.dry_run) {
        is_claimed(options, sweep_json(options, sweep, file));
        const SweepEstimate estimate = estimate_sweep(options, sweep, file);
        print_to_stdout(options.format == OutputText::json
                            ? sweep_estimate_json(estimate).dump(2) + "\n"
                            : describe_sweep_estimate(estimate));
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
