// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/point_worker.h"

#include <fmt/format.h>

#include <csignal>

#include "common/error.h"
#include "common/files.h"
#include "reports/json_report.h"
#include "sim/sweep/worker.h"

namespace axesim::sim {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLog = "log.txt";

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

}  // namespace

fs::path cache_folder(const SweepOptions& options) {
    return options.cache.empty() ? options.out / "cache" : options.cache;
}

fs::path PointWorker::folder(const SweepPoint& point) const {
    return options_.out / "points" / point.name;
}

std::optional<nlohmann::ordered_json> PointWorker::result_of(const SweepPoint& point) const {
    try {
        if (read_text_file(folder(point) / "config.yaml") != point.config_yaml) return std::nullopt;
        return reports::read_json(folder(point));
    } catch (const UserError&) {
        return std::nullopt;
    }
}

pid_t PointWorker::start(const SweepPoint& point, int threads) const {
    const fs::path out = folder(point);
    std::error_code ignored;
    fs::remove_all(out, ignored);
    require_writable_directory(out);
    const fs::path cache = cache_folder(options_);
    std::vector<std::string> arguments{
        "--config", point.base.string(), "--out",     out.string(),
        "--cache",  cache.string(),      "--threads", std::to_string(threads)};
    for (const std::string& set : point.sets) {
        arguments.insert(arguments.end(), {"--set", set});
    }
    return start_worker(arguments, out / "report.txt", out / kLog);
}

std::string PointWorker::error_of(const SweepPoint& point, int status) const {
    if (status < 0) {
        return fmt::format("ended by signal {}{}", -status,
                           status == -SIGKILL ? ", as when memory runs out" : "");
    }
    const std::string said = last_line(folder(point) / kLog);
    const std::string prefix = "axesim: ";
    return said.starts_with(prefix) ? said.substr(prefix.size())
           : said.empty()           ? fmt::format("exit status {}", status)
                                    : said;
}

}  // namespace axesim::sim
