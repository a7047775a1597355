// SPDX-License-Identifier: Apache-2.0
#include "sim/help.h"

#include <fmt/format.h>

namespace axesim::sim {

namespace {

const OptionSpec kConfig{"config", "FILE", "the design point, a .yaml file (see configs/)"};
const OptionSpec kSet{"set", "KEY=VALUE",
                      "change one key of the config, as in "
                      "accumulator.inner_bits=14",
                      true};
const OptionSpec kThreads{"threads", "N", "threads to use; 0, the default: all cores"};
const OptionSpec kFormat{"format", "text|json", "what to print on stdout"};
const OptionSpec kQuiet{"quiet", "", "no progress on stderr"};
const OptionSpec kHelp{"help", "", "this text"};

CommandSpec run_spec() {
    return {"",
            {"--config FILE [--set KEY=VALUE]... [--out DIR] [--export-weights] [--threads N]",
             "       [--trace perfetto|vcd] [--format text|json] [--quiet] [--dry-run]",
             "COMMAND [options]"},
            "Simulates an LLM accelerator of any bit lengths, bit by bit, on a real model, and\n"
            "tells accuracy, speed, energy and area of one design point. Commands:\n"
            "  (none)      quantize the model, run it on the simulated hardware, report\n"
            "  quantize    quantize and certify a model, or one matrix\n"
            "  verify      check again, from the exported integers alone, that nothing overflows\n"
            "  gemm        one integer matrix product through the simulated hardware\n"
            "  sweep       many design points at once, into one table\n"
            "  report      a page with figures, or a table, of results on disk\n"
            "  explain     what a config key or a cost means, its unit, default and values\n"
            "`axesim COMMAND --help` tells more about one.",
            {kConfig,
             kSet,
             {"out", "DIR",
              "write result.json, report.html, tables and config there; resumes a run cut short"},
             {"cache", "DIR",
              "share work there with other runs: quantized weights, float baseline, accuracy"},
             {"export-weights", "", "also write the integer weights there (needs --out)"},
             {"against", "DIR",
              "also print what changes from the design point whose results are in DIR"},
             {"trace", "perfetto|vcd",
              "also write trace.json (for ui.perfetto.dev) or trace.vcd there (needs --out)"},
             {"trace-layers", "PATTERN",
              "operations to trace, by their names in layers.csv; default: model.layers.0.*"},
             {"trace-events", "N", "begin no other operation after N events; default: 1000000"},
             {"dry-run", "", "only tell what would run, and about its time and memory"},
             kThreads,
             kFormat,
             kQuiet,
             {"version", "", "the version of axesim"},
             kHelp},
            "",
            {"axesim --config configs/int6_acc16.yaml",
             "axesim --config configs/int6_acc16.yaml --set accumulator.inner_bits=14 --out out/14",
             "axesim --config configs/int8_acc32.yaml --out results/int8_acc32",
             "axesim --config configs/int6_acc16.yaml --against results/int8_acc32",
             "axesim --config configs/int6_acc16.yaml --out out/int6 --trace perfetto",
             "axesim --config configs/int8_acc32.yaml --format json --quiet > int8.json",
             "axesim --config configs/int6_acc16.yaml --dry-run",
             "axesim explain accumulator.tile_size"}};
}

CommandSpec quantize_spec() {
    return {"quantize",
            {"quantize --config FILE --out DIR",
             "quantize --config FILE --weights w.npy --inputs x.npy --output q.npy",
             "         [--quantized-inputs xq.npy] [--scales s.npy]"},
            "Quantizes without simulating. The first form quantizes the whole model of the config\n"
            "and writes its integers with their certificate. The second quantizes one matrix:\n"
            "shapes come from the arrays, everything else from the config.",
            {kConfig,
             kSet,
             {"out", "DIR", "a model: where quantized.safetensors and the certificate go"},
             {"weights", "FILE", "one matrix: float [out, K], .npy"},
             {"inputs", "FILE", "calibration inputs of the float network, [samples, K], .npy"},
             {"quantized-inputs", "FILE", "the same of the quantized network; default: --inputs"},
             {"scales", "FILE", "one step per output, [out], .npy; default: from the weights"},
             {"output", "FILE", "written: int32 codes [out, K], .npy"},
             kThreads,
             kQuiet,
             kHelp},
            "",
            {"axesim quantize --config configs/int6_acc16.yaml --out out/int6",
             "axesim quantize --config configs/int6_acc16.yaml --weights w.npy --inputs x.npy "
             "--output q.npy"}};
}

CommandSpec verify_spec() {
    return {"verify",
            {"verify DIR"},
            "Reads the integers that --export-weights or quantize wrote to DIR and proves again,\n"
            "by code that shares nothing with the quantizer, that no activations in range can\n"
            "overflow an accumulator. Exit status 1 when they can.",
            {kHelp},
            "DIR",
            {"axesim verify out/int6"}};
}

CommandSpec gemm_spec() {
    return {"gemm",
            {"gemm --config FILE --activations x.npy --weights w.npy --output y.npy",
             "     [--set KEY=VALUE]... [--format text|json]"},
            "Sends one integer matrix product through the simulated hardware: y = x w^T with the\n"
            "accumulators of the config, overflow included. y holds the outer accumulators before\n"
            "scaling back. Activation codes are [0, 2^N-1] when asymmetric, [-2^(N-1), 2^(N-1)-1]\n"
            "when symmetric.",
            {kConfig,
             kSet,
             {"activations", "FILE", "integers [tokens, K], .npy"},
             {"weights", "FILE", "integers [out, K], .npy"},
             {"output", "FILE", "written: int64 [tokens, out], .npy"},
             {"format", "text|json", "how to print overflow, timing, memory, energy and area"},
             kThreads,
             kQuiet,
             kHelp},
            "",
            {"axesim gemm --config configs/int6_acc16.yaml --activations x.npy --weights w.npy "
             "--output y.npy"}};
}

CommandSpec sweep_spec() {
    return {
        "sweep",
        {"sweep --config SWEEP.yaml --out DIR [--set KEY=VALUE]... [--jobs N] [--cache DIR]",
         "      [--resume] [--threads N] [--quiet]",
         "sweep --config SWEEP.yaml --out DIR --dry-run [--format text|json]",
         "sweep --config SWEEP.yaml --list", "sweep --config SWEEP.yaml --out DIR --point NAME"},
        "Runs every design point that SWEEP.yaml describes (see configs/sweeps/), each in a\n"
        "process of its own, and writes DIR/sweep.csv: a line a point as it finishes, in the\n"
        "order of the points. In the end DIR/sweep.sqlite has the same and all layers, and\n"
        "DIR/report.html the figures. Points that compute the same values share work. Cut\n"
        "short and started again, it does what is not finished. A point that fails is a line\n"
        "with its error; exit status 1 tells that there are such.",
        {{"config", "FILE", "the sweep, a .yaml file (see configs/sweeps/)"},
         {"set", "KEY=VALUE", "change one key of the base config for all points", true},
         {"out", "DIR", "where sweep.csv goes, and the results of each point (points/)"},
         {"jobs", "N", "points to run at a time; 0, the default: as many as cores"},
         {"cache", "DIR", "where shared work is kept; default: cache in --out"},
         {"resume", "", "also go on in a folder with the points of another sweep"},
         {"dry-run", "", "only tell what would run, and about its time and memory"},
         {"format", "text|json", "what --dry-run prints on stdout"},
         {"list", "", "only print the points, as JSON, and which others each one builds on"},
         {"point", "NAME", "run only this one, for a scheduler (see workflow/); no table"},
         kThreads,
         kQuiet,
         kHelp},
        "",
        {"axesim sweep --config configs/sweeps/accumulators.yaml --out out/accumulators",
         "axesim sweep --config configs/sweeps/hardware.yaml --out out/hardware --dry-run",
         "axesim sweep --config configs/sweeps/tiles.yaml --out out/tiles --jobs 4 --set "
         "workload.evaluation.tokens=512"}};
}

CommandSpec report_spec() {
    return {
        "report",
        {"report DIR... [--out FILE] [--format html|markdown|csv]"},
        "Reports what runs and sweeps left in their folders, and compares their designs: one\n"
        "web page with figures, which needs no network; a table in Markdown for a pull request;\n"
        "or the table of a sweep as CSV.",
        {{"out", "FILE", "where to write; default: report.html in the first DIR, else stdout"},
         {"format", "html|markdown|csv", "what to write; default: html"},
         kHelp},
        "DIR...",
        {"axesim report out/int6", "axesim report out/accumulators --out accumulators.html",
         "axesim report results/int8_acc32 out/int6 --format markdown"}};
}

CommandSpec explain_spec() {
    return {
        "explain",
        {"explain [KEY]"},
        "Tells what a config key means, its unit, default and allowed values; of a section its\n"
        "keys; of a cost coefficient its value, unit and source. Without KEY: all keys.",
        {{"all-markdown", "", "the table of all keys in configs/README.md"}, kHelp},
        "KEY",
        {"axesim explain accumulator", "axesim explain accumulator.inner_bits",
         "axesim explain mac_energy_fj_mn"}};
}

std::string left_column(const OptionSpec& option) {
    return "--" + option.name + (option.argument.empty() ? "" : " " + option.argument);
}

}  // namespace

const std::vector<CommandSpec>& command_specs() {
    static const std::vector<CommandSpec> specs{
        run_spec(),   quantize_spec(), verify_spec(),  gemm_spec(),
        sweep_spec(), report_spec(),   explain_spec(),
    };
    return specs;
}

std::string help_text(const CommandSpec& command) {
    std::string text;
    for (std::size_t i = 0; i < command.usage.size(); ++i) {
        const bool continues = command.usage[i].starts_with(" ");
        text += (i == 0 ? "usage: " : "       ") + std::string(continues ? "       " : "axesim ") +
                command.usage[i] + "\n";
    }
    text += "\n" + command.about + "\n\noptions:\n";
    for (const OptionSpec& option : command.options) {
        text += fmt::format("  {:<24}{}{}\n", left_column(option), option.help,
                            option.repeated ? "; may be repeated" : "");
    }
    text += "\nexamples:\n";
    for (const std::string& example : command.examples) text += "  " + example + "\n";
    return text + "\nexit status: 0 done, 1 failed, 2 something to mend (option, config, file)\n";
}

}  // namespace axesim::sim
