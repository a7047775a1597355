// SPDX-License-Identifier: Apache-2.0
// The command line: what each command parses to, and what a mistake says and returns.
#include "sim/options.h"

#include <gtest/gtest.h>

#include <new>
#include <sstream>

#include "common/error.h"
#include "sim/exit_status.h"
#include "sim/help.h"
#include "sim/version.h"

namespace axesim::sim {
namespace {

using Arguments = std::vector<std::string>;

template <class Options>
Options parsed(const Arguments& arguments) {
    const Command command = parse_options(arguments);
    EXPECT_TRUE(std::holds_alternative<Options>(command));
    return std::get<Options>(command);
}

/// Exit status and stderr, as the program would give them.
std::pair<int, std::string> outcome(const Arguments& arguments) {
    std::ostringstream errors;
    const int status = run_and_report(
        [&] {
            parse_options(arguments);
            return 0;
        },
        errors);
    return {status, errors.str()};
}

TEST(Options, MainRun) {
    const auto options = parsed<RunOptions>({"--config", "a.yaml", "--set", "x.y=1", "--set=z=2",
                                             "--out", "dir", "--export-weights", "--threads=2",
                                             "--format", "json", "--quiet", "--dry-run"});
    EXPECT_TRUE(options.dry_run);
    EXPECT_EQ(options.config, "a.yaml");
    EXPECT_EQ(options.overrides, (Arguments{"x.y=1", "z=2"}));
    EXPECT_EQ(options.out, "dir");
    EXPECT_TRUE(options.export_weights);
    EXPECT_EQ(options.threads, 2);
    EXPECT_EQ(options.format, OutputText::json);
    EXPECT_TRUE(options.quiet);
}

TEST(Options, MainRunDefaults) {
    const auto options = parsed<RunOptions>({"--config", "a.yaml"});
    EXPECT_TRUE(options.overrides.empty());
    EXPECT_TRUE(options.out.empty());
    EXPECT_FALSE(options.export_weights);
    EXPECT_FALSE(options.dry_run);
    EXPECT_EQ(options.threads, 0);
    EXPECT_EQ(options.format, OutputText::text);
    EXPECT_FALSE(options.quiet);
}

TEST(Options, Trace) {
    EXPECT_FALSE(parsed<RunOptions>({"--config", "a", "--out", "b"}).trace);
    const auto plain = parsed<RunOptions>({"--config", "a", "--out", "b", "--trace", "perfetto"});
    EXPECT_EQ(plain.trace->format, TraceFormat::perfetto);
    EXPECT_EQ(plain.trace->layers, "model.layers.0.*");
    EXPECT_EQ(plain.trace->events, 1'000'000U);
    const auto full = parsed<RunOptions>({"--config", "a", "--out", "b", "--trace=vcd",
                                          "--trace-layers", "*.q_proj", "--trace-events", "5000"});
    EXPECT_EQ(full.trace->format, TraceFormat::vcd);
    EXPECT_EQ(full.trace->layers, "*.q_proj");
    EXPECT_EQ(full.trace->events, 5000U);
}

TEST(Options, Quantize) {
    const auto model =
        parsed<QuantizeOptions>({"quantize", "--config", "a.yaml", "--out", "dir", "--quiet"});
    EXPECT_EQ(model.config, "a.yaml");
    EXPECT_EQ(model.out, "dir");
    EXPECT_TRUE(model.quiet);
    const auto matrix = parsed<QuantizeMatrixOptions>(
        {"quantize", "--config", "a.yaml", "--weights", "w.npy", "--inputs", "x.npy",
         "--quantized-inputs", "xq.npy", "--scales", "s.npy", "--output", "q.npy", "--set", "a=1"});
    EXPECT_EQ(matrix.weights, "w.npy");
    EXPECT_EQ(matrix.inputs, "x.npy");
    EXPECT_EQ(matrix.quantized_inputs, "xq.npy");
    EXPECT_EQ(matrix.scales, "s.npy");
    EXPECT_EQ(matrix.output, "q.npy");
    EXPECT_EQ(matrix.overrides, Arguments{"a=1"});
}

TEST(Options, Sweep) {
    const auto options =
        parsed<SweepOptions>({"sweep", "--config", "a.yaml", "--out", "dir", "--jobs", "3", "--set",
                              "x=1", "--cache=c", "--resume", "--threads", "4", "--quiet"});
    EXPECT_EQ(options.config, "a.yaml");
    EXPECT_EQ(options.out, "dir");
    EXPECT_EQ(options.jobs, 3);
    EXPECT_EQ(options.overrides, Arguments{"x=1"});
    EXPECT_EQ(options.cache, "c");
    EXPECT_TRUE(options.resume);
    EXPECT_EQ(options.threads, 4);
    EXPECT_TRUE(options.quiet);
    EXPECT_EQ(parsed<SweepOptions>({"sweep", "--config", "a", "--out", "b"}).jobs, 0);
    EXPECT_TRUE(parsed<SweepOptions>({"sweep", "--config", "a", "--list"}).list);
    EXPECT_EQ(parsed<SweepOptions>({"sweep", "--config", "a", "--out", "b", "--point", "c"}).point,
              "c");
    const auto dry = parsed<SweepOptions>(
        {"sweep", "--config", "a", "--out", "b", "--dry-run", "--format", "json"});
    EXPECT_TRUE(dry.dry_run);
    EXPECT_EQ(dry.format, OutputText::json);
}

TEST(Options, VerifyGemmExplain) {
    EXPECT_EQ(parsed<VerifyOptions>({"verify", "dir"}).directory, "dir");
    const auto gemm =
        parsed<GemmOptions>({"gemm", "--config", "a.yaml", "--activations", "x.npy", "--weights",
                             "w.npy", "--output", "y.npy", "--format", "json"});
    EXPECT_EQ(gemm.activations, "x.npy");
    EXPECT_EQ(gemm.weights, "w.npy");
    EXPECT_EQ(gemm.output, "y.npy");
    EXPECT_EQ(gemm.format, OutputText::json);
    EXPECT_EQ(parsed<ExplainOptions>({"explain", "accumulator"}).key, "accumulator");
    EXPECT_EQ(parsed<ExplainOptions>({"explain"}).key, "");
    EXPECT_EQ(parsed<ExplainOptions>({"explain", "--all-markdown"}).key, "--all-markdown");
}

TEST(Options, HelpTeaches) {
    for (const Arguments& arguments :
         {Arguments{"--help"}, Arguments{"-h"}, Arguments{"quantize", "--help"},
          Arguments{"verify", "--help"}, Arguments{"sweep", "--help"}, Arguments{"gemm", "-h"},
          Arguments{"report", "--help"}, Arguments{"explain", "--help"}}) {
        const std::string text = parsed<ShowText>(arguments).text;
        for (const char* part :
             {"usage: axesim ", "options:\n", "examples:\n  axesim ", "--help"}) {
            EXPECT_NE(text.find(part), std::string::npos) << text;
        }
    }
    const std::string text = parsed<ShowText>({"--help"}).text;
    for (const CommandSpec& command : command_specs()) {
        EXPECT_NE(text.find("  " + command.name + " "), std::string::npos) << command.name;
    }
}

/// Every example in a help text parses (and so names options that exist).
TEST(Options, ExamplesInHelpParse) {
    for (const CommandSpec& command : command_specs()) {
        for (const std::string& example : command.examples) {
            std::istringstream words(example.substr(0, example.find(" >")));
            Arguments arguments;
            for (std::string word; words >> word;) arguments.push_back(word);
            ASSERT_EQ(arguments[0], "axesim");
            arguments.erase(arguments.begin());
            EXPECT_EQ(outcome(arguments).first, 0) << example << ": " << outcome(arguments).second;
        }
    }
}

TEST(Options, Version) {
    EXPECT_EQ(parsed<ShowText>({"--version"}).text, "axesim " + version() + "\n");
    EXPECT_NE(version().find('.'), std::string::npos);
}

struct Mistake {
    const char* name;
    Arguments arguments;
    std::vector<std::string> parts;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class OptionMistake : public testing::TestWithParam<Mistake> {};

TEST_P(OptionMistake, ExitsWithTwoAndOneClearLine) {
    const auto [status, message] = outcome(GetParam().arguments);
    EXPECT_EQ(status, 2);
    EXPECT_TRUE(message.starts_with("axesim: ")) << message;
    EXPECT_EQ(message.find('\n'), message.size() - 1) << message;
    for (const std::string& part : GetParam().parts) {
        EXPECT_NE(message.find(part), std::string::npos) << message << "lacks " << part;
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, OptionMistake,
    testing::Values(
        Mistake{"Nothing", {}, {"option --config is required", "axesim --help"}},
        Mistake{"UnknownOption",
                {"--confg", "a"},
                {"unknown option --confg", "did you mean --config?"}},
        Mistake{"NoGuessing", {"--conf", "a"}, {"unknown option --conf", "--config?"}},
        Mistake{"UnknownWithValue", {"--confg=a"}, {"unknown option --confg", "--config?"}},
        Mistake{"ShortOption", {"--config", "a", "-q"}, {"unknown option -q"}},
        Mistake{"UnknownCommand", {"quantise"}, {"unknown command quantise", "quantize?"}},
        Mistake{"ConfigAsCommand", {"a.yaml"}, {"did you mean --config a.yaml?"}},
        Mistake{"OptionOfAnotherCommand",
                {"gemm", "--config", "a", "--inputs", "x"},
                {"unknown option --inputs", "axesim gemm --help"}},
        Mistake{"MissingValue", {"--config"}, {"option --config needs a value"}},
        Mistake{"EmptyValue", {"--config", ""}, {"option --config needs a value"}},
        Mistake{"ValueForFlag", {"--config", "a", "--quiet=1"}, {"--quiet", "takes no value"}},
        Mistake{"Twice",
                {"--config", "a", "--config", "b"},
                {"option --config is given more than once"}},
        Mistake{"Stray", {"--config", "a", "b"}, {"unexpected argument 'b'"}},
        Mistake{"Threads", {"--config", "a", "--threads", "two"}, {"--threads: 'two'", "0..4096"}},
        Mistake{"NegativeThreads", {"--config", "a", "--threads=-1"}, {"--threads: '-1'"}},
        Mistake{"ManyThreads", {"--config", "a", "--threads=99999999999"}, {"--threads"}},
        Mistake{"Format",
                {"--config", "a", "--format", "jsn"},
                {"--format: unknown format 'jsn' (allowed: text | json); did you mean json?"}},
        Mistake{"TraceOfNothing", {"--config", "a", "--trace"}, {"--trace needs a value"}},
        Mistake{"TraceFormat",
                {"--config", "a", "--out", "b", "--trace", "vdc"},
                {"--trace: unknown format 'vdc' (allowed: perfetto | vcd); did you mean vcd?"}},
        Mistake{"TraceWithoutOut",
                {"--config", "a", "--trace", "vcd"},
                {"option --trace needs --out DIR"}},
        Mistake{"TraceLayersAlone",
                {"--config", "a", "--out", "b", "--trace-layers", "*"},
                {"option --trace-layers needs --trace"}},
        Mistake{"TraceEvents",
                {"--config", "a", "--out", "b", "--trace", "vcd", "--trace-events", "0"},
                {"--trace-events: '0' is no number of events (allowed: 1..1000000000)"}},
        Mistake{"AgainstNothing", {"--config", "a", "--against", ""}, {"--against needs a value"}},
        Mistake{"ExportWithoutOut", {"--config", "a", "--export-weights"}, {"needs --out DIR"}},
        Mistake{"EmptyOut", {"--config", "a", "--out", ""}, {"option --out needs a value"}},
        Mistake{"SweepWhere", {"sweep", "--config", "a"}, {"option --out is required"}},
        Mistake{"SweepFormat",
                {"sweep", "--config", "a", "--out", "b", "--format", "json"},
                {"--format is for --dry-run"}},
        Mistake{"SweepJobs",
                {"sweep", "--config", "a", "--out", "b", "--jobs", "two"},
                {"--jobs: 'two' is no number of jobs", "0..4096"}},
        Mistake{"ReportWhat", {"report"}, {"which folders?"}},
        Mistake{"ReportFormat",
                {"report", "dir", "--format", "pdf"},
                {"--format: unknown format 'pdf' (allowed: html | markdown | csv)"}},
        Mistake{"QuantizeWhere", {"quantize", "--config", "a"}, {"option --out is required"}},
        Mistake{"MatrixWithoutInputs",
                {"quantize", "--config", "a", "--weights", "w", "--output", "q"},
                {"option --inputs is required"}},
        Mistake{"MatrixWithOut",
                {"quantize", "--config", "a", "--weights", "w", "--inputs", "x", "--out", "d"},
                {"--out is for a whole model", "--output"}},
        Mistake{"GemmWithoutWeights",
                {"gemm", "--config", "a", "--activations", "x", "--output", "y"},
                {"option --weights is required"}},
        Mistake{"VerifyWhat", {"verify"}, {"which folder?"}},
        Mistake{"VerifyTwo", {"verify", "a", "b"}, {"unexpected argument 'b'"}},
        Mistake{"ExplainTwo", {"explain", "a", "b"}, {"unexpected argument 'b'"}}),
    [](const auto& mistake) { return std::string(mistake.param.name); });

std::pair<int, std::string> reported(const std::function<int()>& body) {
    std::ostringstream errors;
    const int status = run_and_report(body, errors);
    return {status, errors.str()};
}

TEST(ExitStatus, IsThatOfTheCommandOrTheError) {
    using Outcome = std::pair<int, std::string>;
    EXPECT_EQ(reported([] { return 0; }), (Outcome{0, ""}));
    EXPECT_EQ(reported([] { return 1; }), (Outcome{1, ""}));
    EXPECT_EQ(reported([]() -> int { throw UserError("no model"); }),
              (Outcome{2, "axesim: no model\n"}));
    EXPECT_EQ(reported([]() -> int { throw RunError("disk full"); }),
              (Outcome{1, "axesim: disk full\n"}));
    const auto [status, message] = reported([]() -> int { throw std::bad_alloc(); });
    EXPECT_EQ(status, 1);
    EXPECT_NE(message.find("not enough memory"), std::string::npos);
    EXPECT_EQ(reported([]() -> int { throw std::logic_error("x"); }),
              (Outcome{1, "axesim: internal error: x\n"}));
}

TEST(ExitStatus, ControlCharactersDoNotReachTheTerminal) {
    EXPECT_EQ(reported([]() -> int { throw UserError("bad \x1b[31m\x07 key"); }).second,
              "axesim: bad ?[31m? key\n");
}

TEST(ExitStatus, MessagesThatNameAPlaceComeAsTheyAre) {
    const auto text = [](const UserError& error) {
        return reported([&]() -> int { throw error; }).second;
    };
    EXPECT_EQ(text(UserError(Location{"a b.yaml", 3, 4}, "k: bad")), "a b.yaml:3:4: k: bad\n");
    EXPECT_EQ(text(UserError(Location{"--set a=1"}, "a: unknown key")),
              "--set a=1: a: unknown key\n");
    EXPECT_EQ(text(UserError(Location{"x.yaml"}, "no such file")),
              "axesim: x.yaml: no such file\n");
}

}  // namespace
}  // namespace axesim::sim
