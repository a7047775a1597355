// SPDX-License-Identifier: Apache-2.0
// axesim report: reports of results on disk.
#include "common/files.h"
#include "reports/html_report.h"
#include "reports/markdown_report.h"
#include "reports/saved_results.h"
#include "reports/sweep_table.h"
#include "sim/commands.h"

namespace axesim::sim {

namespace {

std::string csv_report(const reports::SavedResults& results) {
    const std::vector<std::string> keys = reports::varying_keys(results.designs);
    std::string text = reports::sweep_header(keys);
    for (const reports::SavedDesign& design : results.designs) {
        std::vector<std::string> values;
        for (const std::string& key : keys) {
            values.push_back(reports::config_value(design.result.at("config"), key));
        }
        text += reports::sweep_line(design.label, values, design.result, "");
    }
    for (const std::string& point : results.missing) {
        const std::vector<std::string> values(keys.size());
        text += reports::sweep_line(point, values, nullptr, "no result");
    }
    return text;
}

std::string render(const reports::SavedResults& results, ReportFormat format) {
    switch (format) {
        case ReportFormat::html:
            return reports::html_report(results);
        case ReportFormat::markdown:
            return reports::markdown_report(results);
        case ReportFormat::csv:
            break;
    }
    return csv_report(results);
}

}  // namespace

int report_command(const ReportOptions& options) {
    const std::string text = render(reports::read_results(options.folders), options.format);
    const bool page = options.format == ReportFormat::html;
    const std::filesystem::path path =
        options.out.empty() && page ? options.folders.front() / "report.html" : options.out;
    if (path.empty()) {
        print_to_stdout(text);
        return 0;
    }
    write_file_atomically(path, [&](std::ostream& out) { out << text; });
    print_to_stdout(path.string() + "\n");
    return 0;
}

}  // namespace axesim::sim
