// SPDX-License-Identifier: Apache-2.0
#include "sim/commands.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "common/error.h"
#include "common/files.h"
#include "common/npy.h"
#include "common/progress.h"
#include "quant/layer_inputs.h"
#include "quant/moments.h"
#include "reports/html_report.h"
#include "reports/json_report.h"
#include "reports/layers_csv.h"
#include "reports/summary.h"
#include "reports/terminal_report.h"
#include "reports/trace/perfetto_trace.h"
#include "reports/trace/vcd_trace.h"
#include "sim/bit_width.h"
#include "sim/checkpoint.h"
#include "sim/config/config.h"
#include "sim/estimate/dry_run.h"
#include "sim/export.h"
#include "sim/gemm.h"
#include "sim/layer_configs.h"
#include "sim/model.h"
#include "sim/operation_trace.h"
#include "sim/run.h"
#include "verify/verify.h"

namespace axesim::sim {

namespace {

int terminal_width() {
    constexpr int kDefault = 120;
    struct winsize size {};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefault;
    return size.ws_col;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
    write_file_atomically(path, [&](std::ostream& out) { out << text; });
}

/// Where a run keeps what it would not like to do twice; "" when it has no folder.
std::filesystem::path checkpoint_folder(const std::filesystem::path& out) {
    return out.empty() ? out : out / "quantize.partial";
}

/// A run that also writes its trace to `out`.
Run run_traced(const Config& config, Progress& progress, const std::filesystem::path& out,
               const RunFolders& folders, const TraceOptions& options) {
    const bool perfetto = options.format == TraceFormat::perfetto;
    const std::filesystem::path path = out / (perfetto ? "trace.json" : "trace.vcd");
    Run run;
    write_file_atomically(path, [&](std::ostream& file) {
        std::unique_ptr<reports::TraceWriter> writer;
        if (perfetto) {
            writer = std::make_unique<reports::PerfettoTrace>(file, config.hardware);
        } else {
            writer = std::make_unique<reports::VcdTrace>(file, config.hardware);
        }
        OperationTrace trace(*writer, options);
        run = run_design_point(config, progress, folders, &trace);
        writer->finish(trace.describe());
        progress.note(fmt::format("{}: {}", path.string(), trace.describe()));
    });
    return run;
}

std::string describe_certificates(const QuantizedModel& model) {
    std::size_t certified = 0;
    std::string first;
    for (const auto& [id, layer] : model.layers) {
        certified += layer.certificate.certified ? 1 : 0;
        if (!layer.certificate.certified && first.empty()) {
            const auto& violation = *layer.certificate.violation;
            first = fmt::format(
                "; first not certified: {}, channel {}, {}: {} .. {}", workloads::layer_name(id),
                violation.channel,
                violation.tile < 0 ? "outer sum" : fmt::format("tile {}", violation.tile),
                violation.range.min, violation.range.max);
        }
    }
    return fmt::format("certified {} of {} layers{}\n", certified, model.layers.size(), first);
}

/// For commands on bare matrices, which have no place for a tile's scale.
void require_no_groups(const Config& config, const std::string& command) {
    if (config.hardware.accumulator.groups == WeightGroups::none) return;
    throw UserError("quantizer.weight_groups: " + command +
                    " knows one step a channel only (allowed here: none, as in --set "
                    "quantizer.weight_groups=none)");
}

int dry_run_command(const RunOptions& options, const Config& config) {
    const DryRun run = at_places_of(config, [&] {
        return dry_run(config,
                       {checkpoint_folder(options.out), options.cache, options.export_weights});
    });
    print_to_stdout(options.format == OutputText::json ? dry_run_json(run).dump(2) + "\n"
                                                       : describe_dry_run(run));
    return 0;
}

}  // namespace

void print_to_stdout(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
        throw RunError(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    }
}

int run_command(const RunOptions& options) {
    const Config config = load_config(options.config, options.overrides);
    if (options.dry_run) return dry_run_command(options, config);
    // Before minutes are spent on a result that has nothing to be compared with.
    const nlohmann::ordered_json baseline =
        options.against.empty() ? nlohmann::ordered_json() : reports::read_json(options.against);
    for (const auto& folder : {options.out, options.cache}) {
        if (!folder.empty()) require_writable_directory(folder);
    }
    Progress progress(Progress::detect_style(options.quiet));
    const std::filesystem::path checkpoints = checkpoint_folder(options.out);
    const Run run = at_places_of(config, [&] {
        const RunFolders folders{checkpoints, options.cache, options.export_weights};
        return options.trace ? run_traced(config, progress, options.out, folders, *options.trace)
                             : run_design_point(config, progress, folders);
    });
    const nlohmann::ordered_json result = reports::to_json(run.result);
    const std::string json = result.dump(2) + "\n";
    if (!options.out.empty()) {
        const std::string yaml = resolved_yaml(config);
        write_text(options.out / "config.yaml", yaml);
        reports::write_html_report(options.out / "report.html",
                                   {{{config.name, result, yaml}}, {}});
        reports::write_layers_csv(options.out / "layers.csv", run.result);
        if (options.export_weights && run.quantized.has_integers) {
            export_weights(options.out, run.quantized, config);
        }
        write_text(options.out / "result.json", json);
        remove_checkpoint(checkpoints);
    }
    print_to_stdout(options.format == OutputText::json
                        ? json
                        : reports::terminal_report(
                              run.result, terminal_width(), ::isatty(STDOUT_FILENO) != 0,
                              baseline.is_null() ? std::vector<std::string>()
                                                 : reports::changes_against(result, baseline)));
    return 0;
}

int quantize_command(const QuantizeOptions& options) {
    Config config = load_config(options.config, options.overrides);
    require_writable_directory(options.out);
    Progress progress(Progress::detect_style(options.quiet));
    const workloads::LoadedModel model = open_model(config);
    if (model.synthetic) {
        throw UserError("workload.model: " + config.workload.model +
                        " has sizes but no weights to quantize and export (allowed here: a model "
                        "with weights)");
    }
    if (config.workload.timing_only) {
        throw UserError(
            "workload.timing_only: leaves nothing to quantize and export (allowed "
            "here: false)");
    }
    const std::filesystem::path checkpoints = checkpoint_folder(options.out);
    const QuantizedModel quantized = quantize_model(model, config, progress, {checkpoints});
    write_text(options.out / "config.yaml", resolved_yaml(config));
    export_weights(options.out, quantized, config);
    remove_checkpoint(checkpoints);
    print_to_stdout(describe_quantizer(config.quantizer) + ": " + describe_certificates(quantized));
    return 0;
}

int quantize_matrix_command(const QuantizeMatrixOptions& options) {
    Config config = load_config(options.config, options.overrides);
    require_no_groups(config, "axesim quantize of one matrix");
    const Matrix<double> weights = read_npy_real(options.weights);
    resolve_bit_width(config, weights.cols());
    const Matrix<double> inputs = read_npy_real(options.inputs);
    const bool two = !options.quantized_inputs.empty();
    const Matrix<double> seen = two ? read_npy_real(options.quantized_inputs) : inputs;
    const auto require_shape = [](bool ok, const std::filesystem::path& path,
                                  const std::string& what) {
        if (!ok) throw UserError(fmt::format("{}: {}", path.string(), what));
    };
    require_shape(inputs.cols() == weights.cols(), options.inputs,
                  fmt::format("must be [samples, {}] for weights of depth {}", weights.cols(),
                              weights.cols()));
    require_shape(seen.rows() == inputs.rows() && seen.cols() == inputs.cols(),
                  options.quantized_inputs, "must have the shape of --inputs");
    std::vector<double> steps;
    if (!options.scales.empty()) {
        const Matrix<double> scales = read_npy_real(options.scales);
        require_shape(scales.size() == weights.rows(), options.scales,
                      fmt::format("must have one scale for each of the {} rows of --weights",
                                  weights.rows()));
        require_shape((scales.array() > 0).all(), options.scales, "scales must be above 0");
        steps.assign(scales.data(), scales.data() + scales.size());
    }
    const std::string name = options.weights.string();
    quant::QuantizerConfig quantizer = config.quantizer;
    quantizer.bias_correction = false;  // codes are asked for, a bias has no place beside them
    const quant::LayerInputs moments(
        name, weights.cols(), quant::input_moments(seen, two ? &inputs : nullptr), quantizer);
    const quant::LinearFormat format = linear_format(config.hardware);
    const quant::QuantizedLinear linear =
        quant::quantize_linear(name, weights, moments, format, quantizer, steps);
    const quant::Certificate certificate =
        quant::certify(linear.codes, format.activations, format.accumulator);
    write_npy(options.output, Matrix<std::int32_t>(linear.codes.cast<std::int32_t>()));
    if (!options.quiet) {
        print_to_stdout(fmt::format(
            "{}: {}, inner {} .. {} in {} bits, outer {} .. {} in {} bits{}\n",
            describe_quantizer(quantizer), certificate.certified ? "certified" : "not certified",
            certificate.inner.min, certificate.inner.max, certificate.inner_bits,
            certificate.outer.min, certificate.outer.max, certificate.outer_bits,
            linear.fallback.empty() ? "" : "; " + linear.fallback));
    }
    return 0;
}

int verify_command(const VerifyOptions& options) {
    const verify::VerifyReport report = verify::verify_export(options.directory);
    print_to_stdout(verify::render_text(report));
    return report.ok() ? 0 : 1;
}

int gemm_command(const GemmOptions& options) {
    const Config config = load_config(options.config, options.overrides);
    require_no_groups(config, "axesim gemm");
    const GemmRun run = at_places_of(config, [&] {
        return run_gemm(read_npy_integer(options.activations), read_npy_integer(options.weights),
                        config);
    });
    write_npy(options.output, run.outputs);
    if (options.format == OutputText::json) {
        nlohmann::ordered_json json = reports::gemm_json(run.result);
        json["mapping"] = run.mapping;
        print_to_stdout(json.dump(2) + "\n");
    } else if (!options.quiet) {
        const reports::Overflow& overflow = *run.result.overflow;
        print_to_stdout(
            fmt::format("{} cycles, {} inner and {} outer overflow events, {:.4g} J; {}\n",
                        run.result.prefill.counts.cycles.cycles, overflow.inner_events,
                        overflow.outer_events, run.result.prefill.energy.total(), run.mapping));
    }
    return 0;
}

}  // namespace axesim::sim
