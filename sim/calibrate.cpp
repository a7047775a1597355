// SPDX-License-Identifier: Apache-2.0
#include "sim/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "common/files.h"
#include "common/memory.h"
#include "common/parallel.h"
#include "common/safetensors_file.h"
#include "common/stopwatch.h"
#include "models/compute/activation_quantizer.h"
#include "quant/bias_correction.h"
#include "quant/layer_inputs.h"
#include "quant/moments.h"
#include "sim/calibration_text.h"
#include "sim/checkpoint.h"
#include "sim/config/attention_formats.h"
#include "workloads/block_pass.h"
#include "workloads/text.h"

namespace axesim::sim {

namespace fs = std::filesystem;
using workloads::LinearId;

namespace {

/// From here on the moments, [K,K] in double precision, take half a GiB and more: room that
/// smaller matrices before them should not go on holding.
constexpr Index kLargeDepth = 8192;

/// Turns matrices into certified integers, one after the other.
class LayerQuantizer {
public:
    LayerQuantizer(const LayerConfigs& configs, QuantizedModel& result, Progress& progress)
        : configs_(configs), result_(result), progress_(progress) {}

    const LayerConfig& config(const LinearId& id) const { return configs_.at(id); }

    /// The layer if it is quantized, else null.
    const QuantizedLayer* find(const LinearId& id) const {
        const auto found = result_.layers.find(id);
        return found == result_.layers.end() ? nullptr : &found->second;
    }

    /// What a layer's algorithm looks at.
    using FindMoments = std::function<quant::InputMoments(const LayerConfig&)>;

    /// Layers that read the same inputs.
    void quantize(std::span<const LinearId> ids, const FindMoments& find_moments,
                  const std::optional<StaticRanges>& input_ranges) {
        while (!ids.empty()) {
            const quant::QuantizerConfig& quantizer = config(ids.front()).quantizer;
            const auto other = std::ranges::find_if(
                ids, [&](const LinearId& id) { return config(id).quantizer != quantizer; });
            const auto alike = static_cast<std::size_t>(other - ids.begin());
            quantize_alike(ids.first(alike), find_moments, input_ranges);
            ids = ids.subspan(alike);
        }
    }

    /// A layer that is quantized but for its certificate.
    void add(const LinearId& id, QuantizedLayer layer) {
        layer.format = config(id).format;
        layer.channels = layer.linear.codes.rows();
        layer.depth = layer.linear.codes.cols();
        layer.has_bias = !layer.linear.bias.empty();
        const quant::LinearFormat format = linear_format(layer.format);
        layer.certificate = quant::certify(layer.linear.codes, format.activations,
                                           format.accumulator, layer.linear.tile_scales);
        result_.layers[id] = std::move(layer);
    }

    /// Moves the codes of all layers that are in memory to disk, if the model keeps them there.
    void put_away() {
        if (!result_.codes_on_disk) return;
        for (auto& [id, layer] : result_.layers) {
            if (layer.linear.codes.size() == 0) continue;
            result_.codes_on_disk->put(id, layer.linear.codes);
            layer.linear.codes = {};
        }
    }

private:
    /// Layers that read the same inputs and go through the same quantizer.
    void quantize_alike(std::span<const LinearId> ids, const FindMoments& find_moments,
                        const std::optional<StaticRanges>& input_ranges) {
        const LayerConfig& asked = config(ids.front());
        // Before the moments, the largest matrix: reading may take the weights in two precisions.
        Matrix<float> weights = weights_of(ids.front());
        if (weights.cols() >= kLargeDepth) give_back_free_memory();
        const quant::LayerInputs inputs(workloads::layer_name(ids.front()), weights.cols(),
                                        find_moments(asked), asked.quantizer);
        result_.seconds.factor += inputs.seconds();
        for (const LinearId& id : ids) {
            if (id != ids.front()) weights = weights_of(id);
            const std::string name = workloads::layer_name(id);
            quant::QuantizedLinear linear;
            for (Index first = 0; first < weights.rows(); first += kChannelsAtOnce) {
                const Index count = std::min(kChannelsAtOnce, weights.rows() - first);
                linear.append(quant::quantize_linear(
                    name, weights.middleRows(first, count).cast<double>(), inputs,
                    linear_format(config(id).format), asked.quantizer));
            }
            result_.seconds.rounding += linear.rounding_seconds;
            result_.seconds.refinement += linear.refinement_seconds;
            QuantizedLayer layer;
            layer.linear = std::move(linear);
            layer.input_ranges = input_ranges;
            add(id, std::move(layer));
            progress_.advance(1, name);
        }
    }

    Matrix<float> weights_of(const LinearId& id) const {
        return result_.equalized.weights->weights_of(id);
    }

    const LayerConfigs& configs_;
    QuantizedModel& result_;
    Progress& progress_;
};

/// Multiplies like the quantized net, and quantizes each layer when its inputs first arrive, unless
/// that is done.
///
/// GPFQ and Qronos also need what the float net sees. Then the batch holds every sequence twice:
/// the first half of the rows flows through the float weights, the second through the quantized
/// ones, in one forward pass.
class QuantizingLinear : public workloads::LinearOperator {
public:
    QuantizingLinear(LayerQuantizer& quantizer, QuantizedModel& model, const Config& config,
                     bool two_streams)
        : quantizer_(quantizer), model_(model), config_(config), two_streams_(two_streams) {}

    void start(Index sequences, Index past, Index length) override {
        positions_ = {sequences, past, length};
        if (two_streams_) positions_.sequences /= 2;
    }

    void apply(std::span<const LinearId> layers, const workloads::Activations& input,
               std::span<workloads::Activations> outputs) override {
        const Inputs inputs = seen_by(layers.front(), input.values());
        quantize(layers, inputs);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            quant::QuantizedLinear room;
            const quant::QuantizedLinear& linear = model_.linear(layers[i], room);
            Matrix<float>& output = outputs[i].values();
            multiply_transposed(inputs.of_quantized, quant::dequantized(linear), output);
            if (!linear.bias.empty()) {
                output.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(
                                        linear.bias.data(), static_cast<Index>(linear.bias.size()))
                                        .cast<float>();
            }
            if (two_streams_) {
                Matrix<float> both(input.rows(), linear.codes.rows()), from_float;
                multiply_transposed(inputs.of_float,
                                    model_.equalized.weights->weights_of(layers[i]), from_float);
                both << from_float, output;
                output = std::move(both);
            }
        }
    }

    /// The last layer, whose outputs nothing asks for.
    void quantize_last(const LinearId& layer, const Matrix<float>& input) {
        quantize(std::array{layer}, seen_by(layer, input));
    }

private:
    struct Inputs {
        Matrix<float> of_quantized;
        Matrix<float> of_float;              ///< no rows with one stream
        std::optional<StaticRanges> ranges;  ///< those that the config asks for
    };

    void quantize(std::span<const LinearId> layers, const Inputs& inputs) {
        if (quantizer_.find(layers.front()) != nullptr) return;
        quantizer_.quantize(
            layers, [&](const LayerConfig& layer) { return moments_of(inputs, layer); },
            inputs.ranges);
    }

    Inputs seen_by(const LinearId& layer, const Matrix<float>& input) const {
        Matrix<float> rotated;
        const models::Hadamard* rotation = model_.equalized.rotation(layer.kind);
        if (rotation != nullptr) {
            rotated = input;
            rotation->rotate_rows(rotated);
        }
        const Matrix<float>& seen = rotation != nullptr ? rotated : input;
        const Index float_rows = two_streams_ ? seen.rows() / 2 : 0;
        Inputs inputs;
        inputs.of_float = seen.topRows(float_rows);
        inputs.of_quantized =
            as_the_hardware_sees(float_rows > 0 ? Matrix<float>(seen.bottomRows(float_rows)) : seen,
                                 quantizer_.config(layer).format.activations, inputs.ranges);
        return inputs;
    }

    /// What the layer's own algorithm looks at, so that it does not depend on what the algorithms
    /// of other layers need.
    quant::InputMoments moments_of(const Inputs& inputs, const LayerConfig& layer) {
        if (!looks_at_text(layer)) return {};
        const Stopwatch stopwatch;
        quant::InputMoments moments = quant::input_moments(
            inputs.of_quantized, compares_inputs(layer) ? &inputs.of_float : nullptr,
            layer.quantizer);
        if (layer.quantizer.bias_correction) {
            moments.means = quant::input_means(inputs.of_quantized, positions_.length);
        }
        model_.seconds.moments += stopwatch.seconds();
        return moments;
    }

    Matrix<float> as_the_hardware_sees(const Matrix<float>& input,
                                       const models::ActivationFormat& format,
                                       std::optional<StaticRanges>& ranges) const {
        if (format.granularity == models::ActivationGranularity::per_token) {
            return models::dequantize(models::quantize_per_token(input, format));
        }
        ranges = find_static_ranges(input, positions_, config_.quantizer);
        return models::dequantize(
            models::quantize_static(input, format, ranges_of_rows(*ranges, positions_)));
    }

    LayerQuantizer& quantizer_;
    QuantizedModel& model_;
    const Config& config_;
    const bool two_streams_;
    RowPositions positions_;
};

constexpr const char* kJob = "quantize and certify";

// A state is tens of MB even of a small model and has to reach the disk. A run that was cut short
// only passes through the finished blocks since the last one again, without quantizing them.
constexpr double kSecondsBetweenStates = 10.0;

/// Rounding alone looks at no inputs: no text, no forward pass.
void round_all(const LayerConfigs& configs, LayerQuantizer& quantizer, Progress& progress) {
    progress.start(kJob, configs.size());
    for (const auto& [id, config] : configs) {
        quantizer.quantize(std::array{id}, [](const LayerConfig&) { return quant::InputMoments(); },
                           {});
        quantizer.put_away();
    }
}

/// The layers without their integers.
void only_sizes(const workloads::LlamaShape& shape, const LayerConfigs& configs,
                QuantizedModel& result) {
    result.has_values = result.has_integers = false;
    for (const auto& [id, config] : configs) {
        QuantizedLayer& layer = result.layers[id];
        layer.format = config.format;
        layer.channels = shape.linear_outputs(id.kind);
        layer.depth = shape.linear_inputs(id.kind);
        layer.has_bias = config.quantizer.bias_correction;
    }
}

/// Takes over what an earlier run has finished. Returns the number of its layers.
std::uint64_t take_over(const Checkpoint& checkpoint, const workloads::LlamaShape& shape,
                        LayerQuantizer& quantizer, Progress& progress) {
    std::uint64_t finished = 0;
    for (int block = 0; block <= shape.blocks; ++block) {
        Checkpoint::Layers layers = checkpoint.layers(block, shape);
        if (layers.empty()) break;
        finished += layers.size();
        for (auto& [id, layer] : layers) quantizer.add(id, std::move(layer));
        quantizer.put_away();
    }
    if (finished > 0) {
        progress.note(fmt::format("{}: resumed after block {} of {}", kJob,
                                  finished / workloads::kLinearKinds.size(), shape.blocks));
    }
    return finished;
}

/// Quantizes what the calibration tokens pass through.
void quantize_along(const std::vector<std::vector<workloads::TokenId>>& sequences,
                    const Config& config, const LayerConfigs& configs, bool two_streams,
                    const std::optional<Checkpoint>& checkpoint, LayerQuantizer& quantizer,
                    QuantizedModel& result, Progress& progress) {
    const workloads::LlamaWeights& weights = *result.equalized.weights;
    const std::uint64_t finished =
        checkpoint ? take_over(*checkpoint, weights.shape(), quantizer, progress) : 0;
    progress.start(kJob, configs.size(), finished);
    result.reused = finished == configs.size();
    if (result.reused) return;  // nobody needs the hidden states
    QuantizingLinear linear(quantizer, result, config, two_streams);
    workloads::BlockPass pass(weights, sequences, linear);
    const auto finished_blocks = static_cast<int>(finished / workloads::kLinearKinds.size());
    if (finished > 0) {
        // Without a state that fits, the pass runs through the finished blocks again.
        auto state = checkpoint->state(pass.hidden().rows(), pass.hidden().cols());
        if (state && state->block <= finished_blocks) {
            pass.resume(state->block, std::move(state->hidden));
        }
    }
    std::optional<Stopwatch> since_state;
    const auto store = [&](int block) {
        if (checkpoint && block >= finished_blocks) {
            const Stopwatch stopwatch;
            checkpoint->store(block, result.layers);
            if (!since_state || since_state->seconds() > kSecondsBetweenStates) {
                checkpoint->store_state(pass.block(), pass.hidden());
                since_state.emplace();
            }
            result.seconds.checkpoints += stopwatch.seconds();
        }
        quantizer.put_away();
    };
    while (!pass.finished()) {
        const int block = pass.block();
        pass.run_block();
        store(block);
    }
    if (const LinearId lm_head = weights.shape().lm_head(); configs.contains(lm_head)) {
        linear.quantize_last(
            lm_head, workloads::LlamaForward(weights).final_norm(pass.hidden(), linear).values());
        store(lm_head.block);
    }
    if (checkpoint) checkpoint->remove_state();
}

/// Where codes are kept that need not be in memory; null when the caller has no folder for it.
std::shared_ptr<IntegerStore> integer_store(const CheckpointPlace& place) {
    if (place.folder.empty()) return nullptr;
    return std::make_shared<IntegerStore>(place.shared ? place.folder : place.folder.parent_path());
}

/// Of those who share checkpoints, each key has a folder of its own.
fs::path folder_of(const CheckpointPlace& place, const nlohmann::ordered_json& key) {
    return place.shared ? place.folder / sha256_hex(bytes_of(key.dump())) : place.folder;
}

}  // namespace

const quant::QuantizedLinear& QuantizedModel::linear(const LinearId& id,
                                                     quant::QuantizedLinear& room) const {
    const quant::QuantizedLinear& kept = layers.at(id).linear;
    if (!codes_on_disk || kept.codes.size() > 0) return kept;
    room = kept;
    room.codes = codes_on_disk->get(id);
    return room;
}

LayerProofs QuantizedModel::proofs() const {
    LayerProofs proofs;
    for (const auto& [id, layer] : layers) {
        proofs[id] = {layer.certificate, layer.linear.fallback};
    }
    return proofs;
}

models::HardwareConfig built_hardware(const Config& config, const QuantizedModel& model) {
    models::HardwareConfig hardware = config.hardware;
    static_cast<models::LayerFormat&>(hardware) = model.layers.begin()->second.format;
    for (const auto& [id, layer] : model.layers) {
        const models::LayerFormat& own = layer.format;
        hardware.weight_bits = std::max(hardware.weight_bits, own.weight_bits);
        hardware.weights_narrow = hardware.weights_narrow && own.weights_narrow;
        hardware.activations.bits = std::max(hardware.activations.bits, own.activations.bits);
        hardware.accumulator.inner_bits =
            std::max(hardware.accumulator.inner_bits, own.accumulator.inner_bits);
    }
    if (const auto attention = attention_formats(config)) {
        hardware.weight_bits = std::max(hardware.weight_bits, attention->kept.bits);
        hardware.activations.bits =
            std::max(hardware.activations.bits, attention->scores.activations.bits);
        hardware.accumulator.inner_bits =
            std::max(hardware.accumulator.inner_bits, attention->scores.accumulator.inner_bits);
    }
    return hardware;
}

QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress, const CheckpointPlace& checkpoints) {
    const LayerConfigs configs = layer_configs(config, model.weights->shape());
    const Stopwatch stopwatch;
    QuantizedModel result;
    result.model_sha256 = model.sha256;
    result.equalized = equalize(model, config, progress);
    result.calibration_text_sha256 = result.equalized.calibration_text_sha256;
    result.seconds.equalization = stopwatch.seconds();
    if (config.workload.timing_only) {
        only_sizes(model.weights->shape(), configs, result);
        return result;
    }
    result.codes_on_disk = integer_store(checkpoints);
    LayerQuantizer quantizer(configs, result, progress);
    if (looks_at_text(configs)) {
        const bool two_streams = runs_float_stream(configs);
        const auto [sequences, sha256] = calibration_streams(model, config, two_streams);
        result.calibration_text_sha256 = sha256;
        std::optional<Checkpoint> checkpoint;
        std::optional<FileLock> lock;
        if (!checkpoints.folder.empty()) {
            const auto key = checkpoint_key(config, result.model_sha256, sequences);
            const fs::path folder = folder_of(checkpoints, key);
            if (checkpoints.shared) {
                require_writable_directory(checkpoints.folder);
                lock.emplace(folder.string() + ".lock");
            }
            checkpoint.emplace(folder, key, progress);
        }
        quantize_along(sequences, config, configs, two_streams, checkpoint, quantizer, result,
                       progress);
    } else {
        round_all(configs, quantizer, progress);
    }
    progress.finish();
    return result;
}

bool stores_blocks(const workloads::LlamaShape& shape, const Config& config) {
    return !config.workload.timing_only && looks_at_text(layer_configs(config, shape));
}

int finished_blocks(const workloads::LoadedModel& model, const Config& config,
                    const CheckpointPlace& checkpoints) {
    const workloads::LlamaShape& shape = model.weights->shape();
    if (checkpoints.folder.empty() || !stores_blocks(shape, config)) return 0;
    const LayerConfigs configs = layer_configs(config, shape);
    const auto streams = calibration_streams(model, config, runs_float_stream(configs));
    const auto key = checkpoint_key(config, model.sha256, streams.sequences);
    return Checkpoint::finished_blocks(folder_of(checkpoints, key), key);
}

QuantizedModel proven_model(const workloads::LoadedModel& model, const Config& config,
                            const LayerProofs& proofs, Progress& progress) {
    Config sizes = config;
    // Folded into the weights, from what text shows: nothing that is of interest any more.
    if (sizes.quantizer.equalization == quant::Equalization::smoothquant) {
        sizes.quantizer.equalization = quant::Equalization::none;
    }
    QuantizedModel result;
    result.equalized = equalize(model, sizes, progress);
    only_sizes(model.weights->shape(), layer_configs(config, model.weights->shape()), result);
    result.model_sha256 = model.sha256;
    result.calibration_text_sha256 = calibration_text_sha256(model, config);
    result.has_values = result.reused = true;
    for (auto& [id, layer] : result.layers) {
        layer.certificate = proofs.at(id).certificate;
        layer.linear.fallback = proofs.at(id).fallback;
    }
    return result;
}

}  // namespace axesim::sim
