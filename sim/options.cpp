// SPDX-License-Identifier: Apache-2.0
#include "sim/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>

#include "common/error.h"
#include "sim/help.h"
#include "sim/version.h"

namespace axesim::sim {

namespace {

namespace po = boost::program_options;

constexpr const char* kPositional = "<argument>";  // no user can type this by accident
constexpr std::uint64_t kMostThreads = 4096;       // and processes
constexpr std::uint64_t kMostEvents = 1'000'000'000;

std::string see_help(const CommandSpec& command) {
    return fmt::format(" (see axesim {}{}--help)", command.name, command.name.empty() ? "" : " ");
}

std::vector<std::string> option_names(const CommandSpec& command) {
    std::vector<std::string> names;
    for (const OptionSpec& option : command.options) {
        names.push_back("--" + option.name);
    }
    return names;
}

[[noreturn]] void fail_unknown_option(const CommandSpec& command, const std::string& name) {
    throw UserError("unknown option " + name + see_help(command) +
                    did_you_mean(name, option_names(command)));
}

po::options_description describe(const CommandSpec& command) {
    po::options_description description;
    auto add = description.add_options();
    for (const OptionSpec& option : command.options) {
        if (option.argument.empty()) {
            add(option.name.c_str(), "");
        } else if (option.repeated) {
            add(option.name.c_str(), po::value<std::vector<std::string>>());
        } else {
            add(option.name.c_str(), po::value<std::string>());
        }
    }
    add(kPositional, po::value<std::vector<std::string>>());
    return description;
}

po::variables_map parse_raw(const CommandSpec& command, const std::vector<std::string>& arguments) {
    namespace style = po::command_line_style;
    const po::options_description description = describe(command);
    po::positional_options_description positional;
    positional.add(kPositional, -1);
    po::variables_map values;
    try {
        po::store(
            po::command_line_parser(arguments)
                .options(description)
                .positional(positional)
                .style(style::allow_long | style::long_allow_next | style::long_allow_adjacent)
                .run(),
            values);
    } catch (const po::unknown_option& error) {
        fail_unknown_option(command, error.get_option_name());
    } catch (const po::multiple_occurrences& error) {
        throw UserError("option " + error.get_option_name() + " is given more than once" +
                        see_help(command));
    } catch (const po::invalid_command_line_syntax& error) {
        const bool missing = error.kind() == po::invalid_syntax::missing_parameter ||
                             error.kind() == po::invalid_syntax::empty_adjacent_parameter;
        throw UserError("option " + error.get_option_name() +
                        (missing ? " needs a value" : " takes no value") + see_help(command));
    } catch (const po::error& error) {
        throw UserError(error.what() + see_help(command));
    }
    return values;
}

/// The options of one command as given, checked to be ones it has.
class Given {
public:
    Given(const CommandSpec& command, const std::vector<std::string>& arguments)
        : command_(command), values_(parse_raw(command, arguments)) {
        for (const std::string& word : positional()) {
            if (word.starts_with("-")) fail_unknown_option(command, word);
        }
    }

    bool has(const std::string& name) const { return values_.count(name) > 0; }

    std::string text(const std::string& name) const {
        return has(name) ? values_[name].as<std::string>() : "";
    }

    std::string required(const std::string& name) const {
        if (!has(name)) throw UserError("option --" + name + " is required" + see_help(command_));
        if (text(name).empty()) {
            throw UserError("option --" + name + " needs a value" + see_help(command_));
        }
        return text(name);
    }

    std::vector<std::string> positional() const {
        return has(kPositional) ? values_[kPositional].as<std::vector<std::string>>()
                                : std::vector<std::string>{};
    }

    /// The one plain argument that the command takes, or "".
    std::string argument() const {
        const std::vector<std::string> words = positional();
        const std::size_t most = command_.positional.empty() ? 0 : 1;
        if (words.size() > most) {
            throw UserError("unexpected argument '" + words[most] + "'" + see_help(command_));
        }
        return words.empty() ? "" : words[0];
    }

    void read_config(ConfigOptions& options) const {
        options.config = required("config");
        if (has("set")) options.overrides = values_["set"].as<std::vector<std::string>>();
        options.threads = count_of("threads");
        options.quiet = has("quiet");
    }

    OutputText format() const {
        return one_of<OutputText>("format", "text",
                                  {{"text", OutputText::text}, {"json", OutputText::json}});
    }

    ReportFormat report_format() const {
        return one_of<ReportFormat>("format", "html",
                                    {{"html", ReportFormat::html},
                                     {"markdown", ReportFormat::markdown},
                                     {"csv", ReportFormat::csv}});
    }

    std::optional<TraceOptions> trace() const {
        if (!has("trace")) {
            for (const char* name : {"trace-layers", "trace-events"}) {
                if (has(name)) {
                    throw UserError(fmt::format("option --{} needs --trace perfetto|vcd", name));
                }
            }
            return std::nullopt;
        }
        TraceOptions options;
        options.format = one_of<TraceFormat>(
            "trace", "", {{"perfetto", TraceFormat::perfetto}, {"vcd", TraceFormat::vcd}});
        if (has("trace-layers")) options.layers = required("trace-layers");
        if (has("trace-events")) {
            options.events = number("trace-events", 1, kMostEvents, "number of events", "");
        }
        return options;
    }

    /// Of threads or processes; 0 for as many as there are cores.
    int count_of(const std::string& name) const {
        if (!has(name)) return 0;
        return static_cast<int>(
            number(name, 0, kMostThreads, "number of " + name, ", 0 for all cores"));
    }

private:
    /// The value that the option's word stands for; `otherwise`: the word when it is not given.
    template <class Value>
    Value one_of(const std::string& name, const std::string& otherwise,
                 const std::vector<std::pair<std::string, Value>>& allowed) const {
        const std::string word = has(name) ? text(name) : otherwise;
        std::vector<std::string> words;
        for (const auto& [text, value] : allowed) {
            if (word == text) return value;
            words.push_back(text);
        }
        throw UserError(fmt::format("option --{}: unknown format '{}' (allowed: {}){}", name, word,
                                    fmt::join(words, " | "), did_you_mean(word, words)));
    }

    std::uint64_t number(const std::string& name, std::uint64_t least, std::uint64_t most,
                         const std::string& what, const std::string& hint) const {
        const std::string word = text(name);
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size() || value < least ||
            value > most) {
            throw UserError(fmt::format("option --{}: '{}' is no {} (allowed: {}..{}{})", name,
                                        word, what, least, most, hint));
        }
        return value;
    }

    const CommandSpec& command_;
    po::variables_map values_;
};

Command parse_run(const Given& given) {
    if (given.has("version")) return ShowText{"axesim " + version() + "\n"};
    given.argument();
    RunOptions options;
    given.read_config(options);
    options.out = given.has("out") ? given.required("out") : "";
    options.cache = given.has("cache") ? given.required("cache") : "";
    options.against = given.has("against") ? given.required("against") : "";
    options.export_weights = given.has("export-weights");
    options.dry_run = given.has("dry-run");
    options.trace = given.trace();
    options.format = given.format();
    if (options.trace && options.out.empty()) {
        throw UserError("option --trace needs --out DIR, the folder to write to");
    }
    if (options.export_weights && options.out.empty()) {
        throw UserError("option --export-weights needs --out DIR, the folder to write to");
    }
    return options;
}

Command parse_quantize_matrix(const Given& given) {
    if (given.has("out")) {
        throw UserError("option --out is for a whole model; one matrix is written to --output");
    }
    QuantizeMatrixOptions options;
    given.read_config(options);
    options.weights = given.required("weights");
    options.inputs = given.required("inputs");
    options.output = given.required("output");
    options.quantized_inputs = given.text("quantized-inputs");
    options.scales = given.text("scales");
    return options;
}

Command parse_quantize(const Given& given) {
    given.argument();
    for (const char* name : {"weights", "inputs", "quantized-inputs", "scales", "output"}) {
        if (given.has(name)) return parse_quantize_matrix(given);
    }
    QuantizeOptions options;
    given.read_config(options);
    options.out = given.required("out");
    return options;
}

Command parse_gemm(const Given& given) {
    given.argument();
    GemmOptions options;
    given.read_config(options);
    options.activations = given.required("activations");
    options.weights = given.required("weights");
    options.output = given.required("output");
    options.format = given.format();
    return options;
}

Command parse_sweep(const Given& given) {
    given.argument();
    SweepOptions options;
    given.read_config(options);
    options.list = given.has("list");
    options.out = options.list ? given.text("out") : given.required("out");
    options.point = given.has("point") ? given.required("point") : "";
    options.cache = given.has("cache") ? given.required("cache") : "";
    options.jobs = given.count_of("jobs");
    options.resume = given.has("resume");
    options.dry_run = given.has("dry-run");
    options.format = given.format();
    if (options.format == OutputText::json && !options.dry_run) {
        throw UserError("option --format is for --dry-run; a sweep writes DIR/sweep.csv");
    }
    return options;
}

Command parse_verify(const Given& given) {
    const std::string directory = given.argument();
    if (directory.empty()) {
        throw UserError("verify: which folder? as in axesim verify out/int6");
    }
    return VerifyOptions{directory};
}

Command parse_report(const Given& given) {
    const std::vector<std::string> folders = given.positional();
    if (folders.empty()) throw UserError("report: which folders? as in axesim report out/int6");
    ReportOptions options;
    options.folders.assign(folders.begin(), folders.end());
    options.out = given.has("out") ? given.required("out") : "";
    options.format = given.report_format();
    return options;
}

Command parse_explain(const Given& given) {
    return ExplainOptions{given.has("all-markdown") ? "--all-markdown" : given.argument()};
}

/// The command that the first word names; the main run when it is an option.
const CommandSpec& command_of(const std::vector<std::string>& arguments) {
    const std::vector<CommandSpec>& specs = command_specs();
    if (arguments.empty() || arguments[0].starts_with("-")) return specs.front();
    const auto found = std::ranges::find(specs, arguments[0], &CommandSpec::name);
    if (found == specs.end() || found->name.empty()) {
        const std::string& word = arguments[0];
        if (word.ends_with(".yaml") || word.ends_with(".yml")) {
            throw UserError("unknown command " + word + "; did you mean --config " + word + "?");
        }
        std::vector<std::string> names;
        for (const CommandSpec& spec : specs) names.push_back(spec.name);
        std::erase(names, "");
        names.push_back("--help");
        throw UserError("unknown command " + word + see_help(specs.front()) +
                        did_you_mean(word, names));
    }
    return *found;
}

Command dispatch(const CommandSpec& command, const Given& given) {
    if (command.name == "quantize") return parse_quantize(given);
    if (command.name == "verify") return parse_verify(given);
    if (command.name == "gemm") return parse_gemm(given);
    if (command.name == "sweep") return parse_sweep(given);
    if (command.name == "report") return parse_report(given);
    if (command.name == "explain") return parse_explain(given);
    return parse_run(given);
}

}  // namespace

Command parse_options(const std::vector<std::string>& arguments) {
    const CommandSpec& command = command_of(arguments);
    std::vector<std::string> rest(arguments.begin() + (command.name.empty() ? 0 : 1),
                                  arguments.end());
    std::ranges::replace(rest, std::string("-h"), std::string("--help"));
    const Given given(command, rest);
    if (given.has("help")) return ShowText{help_text(command)};
    return dispatch(command, given);
}

}  // namespace axesim::sim
