// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/sweep_estimate.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "common/error.h"
#include "common/stopwatch.h"
#include "sim/estimate/run_plan.h"
#include "sim/evaluate.h"
#include "sim/model.h"
#include "sim/sweep/makespan.h"
#include "sim/sweep/objectives.h"
#include "sim/sweep/pareto.h"
#include "sim/sweep/point_rates.h"
#include "sim/sweep/point_worker.h"
#include "sim/sweep/sweep_run.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using State = PointEstimate::State;

namespace {

/// Models and texts, each loaded once.
class Inputs {
public:
    const workloads::LoadedModel& model(const Config& config) {
        const std::string key = key_of(config);
        const auto found = models_.find(key);
        return found != models_.end() ? found->second
                                      : models_.emplace(key, load_model_of(config)).first->second;
    }
    const workloads::Text& text(const Config& config) {
        const std::string& wanted = config.workload.evaluation.text;
        const std::string key = key_of(config) + "\n" + wanted;
        const auto found = texts_.find(key);
        return found != texts_.end()
                   ? found->second
                   : texts_
                         .emplace(key,
                                  workloads::load_text(wanted, workloads::TextPurpose::evaluation,
                                                       *model(config).tokenizer))
                         .first->second;
    }

private:
    static std::string key_of(const Config& config) {
        return config.workload.model + "\n" + std::to_string(config.seed);
    }

    std::map<std::string, workloads::LoadedModel> models_;
    std::map<std::string, workloads::Text> texts_;
};

/// A point with the counts of what it does, before the machine's rates are known.
struct PlannedPoint {
    const SweepPoint* point = nullptr;
    PointEstimate estimate;
    WorkPlan work;
};

/// Plans points in their order: each finds what is on disk, and what those before it have made.
class Planner {
public:
    explicit Planner(const SweepOptions& options)
        : worker_(options), cache_(cache_folder(options)) {}

    PlannedPoint plan(const SweepPoint& point) {
        PlannedPoint planned{.point = &point, .estimate = {}, .work = {}};
        PointEstimate& estimate = planned.estimate;
        estimate.name = point.name;
        estimate.error = point.error;
        try {
            if (!estimate.error.empty()) {
                estimate.state = State::fails;
            } else {
                estimate.keys = shared_keys(point);
                if (worker_.result_of(point)) {
                    estimate.state = State::finished;
                } else {
                    count(planned);
                }
            }
        } catch (const UserError& error) {
            estimate.state = State::fails;
            estimate.error = error.what();
        }
        return planned;
    }

private:
    void count(PlannedPoint& planned) {
        const Config requested = load_config(planned.point->base, planned.point->sets);
        at_places_of(requested, [&] {
            Config config = requested;
            const workloads::LoadedModel& model = inputs_.model(config);
            settle_config(config, model);
            const workloads::Text& text = inputs_.text(config);
            require_enough_text(text, config);
            count(planned, requested, config, model, text);
        });
    }

    void count(PlannedPoint& planned, const Config& requested, const Config& config,
               const workloads::LoadedModel& model, const workloads::Text& text) {
        PointEstimate& estimate = planned.estimate;
        const workloads::LlamaShape& shape = model.weights->shape();
        const int all_blocks = static_cast<int>(shape.blocks) + 1;  // lm_head is one more
        const std::string& values = estimate.keys.at(0);
        const std::string& integers = estimate.keys.at(1);
        const std::string seen_text =
            config.workload.model + config.resolved["workload"]["evaluation"].dump();
        const WorkDone made{.quantized_blocks = quantized_.contains(integers) ? all_blocks : 0,
                            .has_evaluation = evaluated_.contains(values),
                            .has_float_hidden = seen_by_float_.contains(seen_text)};
        const WorkDone done = find_done(requested, config, model, text, {{}, cache_, false}, made);
        RunPlan plan = plan_run(config, model, done, 0);
        estimate.peak_bytes = peak_bytes(plan.memory);
        planned.work = std::move(plan.work);

        const WorkPlan& work = planned.work;
        estimate.quantizes = work.has_values && work.quantization.layers > 0;
        estimate.evaluates =
            std::ranges::find(work.parts, "evaluation", &PlannedPart::name) != work.parts.end();
        estimate.runs_float_model = estimate.evaluates && !done.has_float_hidden;
        if (estimate.quantizes && !model.synthetic && stores_blocks(shape, config)) {
            quantized_.insert(integers);
        }
        if (estimate.evaluates) {
            evaluated_.insert(values);
            seen_by_float_.insert(seen_text);
        }
    }

    const PointWorker worker_;
    const fs::path cache_;
    Inputs inputs_;
    std::set<std::string> quantized_, evaluated_, seen_by_float_;  ///< by keys
};

/// What a search would run, if what is on disk were all that it ever finds.
std::vector<SweepPoint> points_of_search(const SweepOptions& options, const Sweep& sweep,
                                         const SweepFile& file) {
    const ParetoSearch& search = *file.search;
    const std::vector<Objective> objectives = objectives_named(search.objectives);
    const DesignSpace space(file, options.overrides);
    const PointWorker worker(options);
    std::vector<SweepPoint> points = sweep.points;
    search_front(
        {.axis_sizes = space.axis_sizes(),
         .objectives = objectives.size(),
         .allowed = [&](const Combination& combination) { return space.allows(combination); },
         .run =
             [&](const std::vector<Combination>& combinations) {
                 std::vector<std::optional<Objectives>> found;
                 for (const Combination& combination : combinations) {
                     const SweepPoint& point = points.emplace_back(space.point(combination));
                     const auto result =
                         point.error.empty() ? worker.result_of(point) : std::nullopt;
                     found.push_back(result ? std::optional(values_of(objectives, *result))
                                            : std::nullopt);
                 }
                 return found;
             }},
        static_cast<std::size_t>(search.budget), search.seed);
    return points;
}

/// Times and memory of the points that run with values, or without. Returns the spread of rates.
double add_times(std::vector<PlannedPoint>& points, bool with_values, int threads,
                 SweepEstimate& sweep) {
    const auto is_one = [&](const PlannedPoint& planned) {
        return planned.estimate.state == State::runs && planned.work.has_values == with_values;
    };
    std::vector<const SweepPoint*> alike;
    for (const PlannedPoint& planned : points) {
        if (is_one(planned)) alike.push_back(planned.point);
    }
    if (alike.empty()) return 1;
    const PointRates mean = measure_points(alike, with_values, sweep.jobs, threads);
    sweep.measured_points += mean.points;
    for (PlannedPoint& planned : points) {
        if (!is_one(planned)) continue;
        planned.estimate.times = stage_times(planned.work, mean.rates, mean.load_seconds);
        planned.estimate.peak_bytes += mean.process_bytes;
    }
    return mean.rates.spread;
}

Makespan makespan_of(const std::vector<PointEstimate>& points, int jobs, int cores,
                     int rate_threads) {
    std::vector<PointLoad> loads;
    for (const PointEstimate& point : points) {
        PointLoad& load = loads.emplace_back();
        load.keys = point.keys;
        load.is_done = point.state != State::runs;
        load.bytes = point.peak_bytes;
        for (const StageTime& stage : point.times) {
            load.alone += stage.alone;
            load.shared += stage.shared;
        }
    }
    return makespan_of(loads, jobs, cores, rate_threads);
}

std::string counted(std::size_t count, const std::string& thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace

std::size_t SweepEstimate::count(State state) const {
    return static_cast<std::size_t>(std::ranges::count(points, state, &PointEstimate::state));
}

std::size_t SweepEstimate::count(bool PointEstimate::*work) const {
    return static_cast<std::size_t>(std::ranges::count(points, true, work));
}

SweepEstimate estimate_sweep(const SweepOptions& options, const Sweep& sweep,
                             const SweepFile& file) {
    SweepEstimate estimate;
    estimate.title = options.config.string();
    estimate.is_search = file.search.has_value();
    estimate.cores = omp_get_max_threads();
    estimate.jobs = options.jobs > 0 ? options.jobs : estimate.cores;
    const std::vector<SweepPoint> points =
        file.search ? points_of_search(options, sweep, file) : sweep.points;
    Planner planner(options);
    std::vector<PlannedPoint> planned;
    for (const SweepPoint& point : points) planned.push_back(planner.plan(point));

    const Stopwatch measuring;
    const int threads = threads_of_each(estimate.cores, static_cast<std::size_t>(estimate.jobs));
    const double spread = std::max(add_times(planned, true, threads, estimate),
                                   add_times(planned, false, threads, estimate));
    estimate.measuring_seconds = measuring.seconds();
    for (PlannedPoint& point : planned) estimate.points.push_back(std::move(point.estimate));

    const Makespan makespan = makespan_of(estimate.points, estimate.jobs, estimate.cores, threads);
    estimate.least_seconds = kLeastTime * makespan.seconds;
    estimate.most_seconds = kMostTime * spread * makespan.seconds;
    estimate.peak_bytes = makespan.most_bytes;
    estimate.least_bytes = kLeastMemory * makespan.most_bytes;
    // Whether the largest meet depends on times that are not known so well.
    std::vector<double> peaks;
    for (const PointEstimate& point : estimate.points) peaks.push_back(point.peak_bytes);
    std::ranges::sort(peaks, std::greater<>());
    peaks.resize(std::min(peaks.size(), static_cast<std::size_t>(estimate.jobs)));
    for (const double peak : peaks) estimate.most_bytes += kMostMemory * peak;
    return estimate;
}

std::string describe_sweep_estimate(const SweepEstimate& sweep) {
    const std::size_t runs = sweep.count(State::runs), failing = sweep.count(State::fails);
    std::string text = sweep.title + "\nDry run: nothing is simulated, nothing is written.\n\n";
    text += fmt::format("points      {}, {} finished{}, {} to run\n",
                        counted(sweep.points.size(), "point"), sweep.count(State::finished),
                        failing > 0 ? fmt::format(", {} with a wrong config", failing) : "", runs);
    if (sweep.is_search) {
        text +=
            "            a search for its budget of runs: which ones follows from what they give, "
            "so that those\n            without a result are counted as drawn at random\n";
    }
    const std::size_t quantizing = sweep.count(&PointEstimate::quantizes);
    const std::size_t evaluating = sweep.count(&PointEstimate::evaluates);
    text += fmt::format("quantize    {}; {} take theirs from another or need none\n",
                        counted(quantizing, "point"), runs - quantizing);
    text += fmt::format("evaluate    {} with values; {} only time, energy and area\n",
                        counted(evaluating, "point"), runs - evaluating);
    text += fmt::format("float       {} the float model on the text\n",
                        counted(sweep.count(&PointEstimate::runs_float_model), "run") + " of");
    text += fmt::format("\ntime        {} .. {} with {} at a time on {}\n",
                        duration_text(sweep.least_seconds), duration_text(sweep.most_seconds),
                        counted(static_cast<std::size_t>(sweep.jobs), "point"),
                        counted(static_cast<std::size_t>(sweep.cores), "core"));
    text += fmt::format("memory      {} .. {} at the peak\n", memory_text(sweep.least_bytes),
                        memory_text(sweep.most_bytes));
    const auto longest = std::ranges::max_element(
        sweep.points, {}, [](const PointEstimate& point) { return total_seconds(point.times); });
    if (longest != sweep.points.end() && longest->state == State::runs) {
        text += fmt::format("longest     {}: {}\n", longest->name,
                            duration_text(total_seconds(longest->times)));
    }
    for (const PointEstimate& point : sweep.points) {
        if (point.state == State::fails) text += point.name + ": " + point.error + "\n";
    }
    text += fmt::format(
        "\nTimes are counts of each point's work times rates that {} of them showed within {}, "
        "as many side by\nside as the sweep would run.\n",
        sweep.measured_points, duration_text(sweep.measuring_seconds));
    return text;
}

Json sweep_estimate_json(const SweepEstimate& sweep) {
    constexpr std::array kStates = {"finished", "runs", "fails"};
    Json points = Json::array();
    for (const PointEstimate& point : sweep.points) {
        points.push_back({{"name", point.name},
                          {"state", kStates.at(static_cast<std::size_t>(point.state))},
                          {"error", point.error},
                          {"quantizes", point.quantizes},
                          {"evaluates", point.evaluates},
                          {"runs_float_model", point.runs_float_model},
                          {"seconds", total_seconds(point.times)},
                          {"peak_mib", mib_of(point.peak_bytes)}});
    }
    return {{"schema", "axesim.sweep_dry_run/1"},
            {"search", sweep.is_search},
            {"jobs", sweep.jobs},
            {"cores", sweep.cores},
            {"finished", sweep.count(State::finished)},
            {"to_run", sweep.count(State::runs)},
            {"failing", sweep.count(State::fails)},
            {"quantizations", sweep.count(&PointEstimate::quantizes)},
            {"evaluations", sweep.count(&PointEstimate::evaluates)},
            {"float_references", sweep.count(&PointEstimate::runs_float_model)},
            {"measured_points", sweep.measured_points},
            {"seconds", {{"least", sweep.least_seconds}, {"most", sweep.most_seconds}}},
            {"peak_mib",
             {{"estimate", mib_of(sweep.peak_bytes)},
              {"least", mib_of(sweep.least_bytes)},
              {"most", mib_of(sweep.most_bytes)}}},
            {"points", points}};
}

}  // namespace axesim::sim
