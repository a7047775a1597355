// SPDX-License-Identifier: Apache-2.0
// Quantizes a model layer by layer while calibration text flows through what is quantized so far.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/progress.h"
#include "quant/certificate.h"
#include "quant/quantizer.h"
#include "sim/config/config.h"
#include "sim/equalization.h"
#include "sim/integer_store.h"
#include "sim/static_ranges.h"
#include "workloads/model_file.h"

namespace axesim::sim {

/// What is known of a layer's integers without looking at them.
struct LayerProof {
    quant::Certificate certificate;
    std::string fallback;  ///< as QuantizedLinear::fallback
};
using LayerProofs = std::map<workloads::LinearId, LayerProof>;

struct QuantizedLayer {
    models::LayerFormat format;  ///< of the codes and of the accumulators that sum their products
    Index channels = 0, depth = 0;
    bool has_bias = false;
    // Without values (workload.timing_only) the rest is empty; where only what is proven is known,
    // the integers are. Codes may be on disk: QuantizedModel::linear() has them.
    quant::QuantizedLinear linear;
    std::optional<StaticRanges> input_ranges;  ///< absent: found per token at run time
    quant::Certificate certificate;
};

/// Wall time of the parts of quantization, in s; the rest is the forward pass.
struct QuantizeSeconds {
    double equalization = 0;
    double moments = 0;   ///< second moments of the inputs
    double factor = 0;    ///< their Cholesky factor and what is made from it
    double rounding = 0;  ///< step search included
    double refinement = 0;
    double checkpoints = 0;  ///< finished blocks to disk
};

struct QuantizedModel {
    EqualizedModel equalized;  ///< what was quantized
    std::map<workloads::LinearId, QuantizedLayer> layers;
    bool has_values = true;                       ///< false: only formats and sizes
    bool has_integers = true;                     ///< false: at most what is proven of them
    std::string model_sha256;                     ///< LoadedModel::sha256
    std::string calibration_text_sha256;          ///< "" when the algorithm looks at no text
    bool reused = false;                          ///< an earlier run had stored all layers
    QuantizeSeconds seconds;                      ///< of this run
    std::shared_ptr<IntegerStore> codes_on_disk;  ///< null: all codes are in `layers`

    LayerProofs proofs() const;
    /// The layer with its codes: that of `layers`, or `room`, filled from disk. Throws RunError.
    const quant::QuantizedLinear& linear(const workloads::LinearId& id,
                                         quant::QuantizedLinear& room) const;
};

/// The hardware that the model needs: config.hardware, as wide as the widest of its layers and as
/// its attention.
models::HardwareConfig built_hardware(const Config& config, const QuantizedModel& model);

/// Channels of a layer that are quantized together, which bounds what large layers take.
inline constexpr Index kChannelsAtOnce = 16384;

/// Where finished blocks are stored.
struct CheckpointPlace {
    std::filesystem::path folder;  ///< empty: nothing is stored
    /// In a folder of `folder` for each key, for all who need the same integers: of those who run
    /// at once one makes them and the others wait. Else `folder` belongs to one run.
    bool shared = false;
};

/// Block by block: of the weights only those of one layer are in memory, in floating point. Every
/// layer becomes what its own config (layer_config) asks for. With a place for `checkpoints`, codes
/// of finished blocks leave memory for a file beside it (integer_store.h), and finished blocks are
/// stored there: a later call with the same arguments goes on after them (checkpoint.h), with the
/// same result. Without calibration no block is, since rounding alone is
/// done sooner than stored. Throws UserError as layer_configs() does and when the calibration text
/// is too short, RunError when a checkpoint cannot be written. `model` must outlive the result.
/// With workload.timing_only no weight is read: the result has no values.
QuantizedModel quantize_model(const workloads::LoadedModel& model, const Config& config,
                              Progress& progress, const CheckpointPlace& checkpoints = {});

/// Whether quantize_model() stores blocks in a place that has a folder.
bool stores_blocks(const workloads::LlamaShape& shape, const Config& config);

/// Blocks (lm_head counts as one) that quantize_model() would find finished. Changes nothing.
int finished_blocks(const workloads::LoadedModel& model, const Config& config,
                    const CheckpointPlace& checkpoints);

/// What quantize_model() would give but for the integers, of which another run has proven `proofs`.
/// No weight is read.
QuantizedModel proven_model(const workloads::LoadedModel& model, const Config& config,
                            const LayerProofs& proofs, Progress& progress);

}  // namespace axesim::sim
