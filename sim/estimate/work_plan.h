// SPDX-License-Identifier: Apache-2.0
// What a run would do, in counts and from closed forms: nothing is simulated, no weight is read.
#pragma once

#include <string>
#include <vector>

#include "models/mapping.h"
#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// Matrix products of one shape on the array. `times` may be a fraction where products of several
/// lengths are counted as their mean.
struct PlannedGemm {
    models::GemmShape shape;
    double times = 0;
    double dram_bytes = 0;  ///< of one product: operands as often as they are fetched, results
    double tiles = 0;       ///< of one product: steps of its loop nest

    double macs() const;  ///< of one product
};

/// A part of the workload: the evaluation text, the prefill or the decoded tokens.
struct PlannedPart {
    std::string name;
    double tokens = 0;  ///< new positions of all sequences
    std::vector<PlannedGemm> gemms;
    double vector_values = 0;      ///< that pass through the vector unit between products
    double vector_dram_bytes = 0;  ///< read and written by these passes

    double gemm_count() const;
    double macs() const;
    double tiles() const;
    double dram_bytes() const;  ///< of products and passes
};

/// What the quantizer does. Work is counted in the operations that dominate: multiply-adds.
struct PlannedQuantization {
    double layers = 0;            ///< that are quantized; the others an earlier run has finished
    double calibration_rows = 0;  ///< tokens of all streams; 0: no text is looked at
    double forward_macs = 0;      ///< of the calibration text, in single precision
    double moment_macs = 0;       ///< second moments of inputs
    double factor_macs = 0;       ///< K^3 of every matrix of moments
    double rounding_macs = 0;     ///< channels x K^2 where errors are fed back, else channels x K
    double weights_read = 0;      ///< weights of the file that are converted to floats
};

struct WorkPlan {
    bool has_values = false;  ///< false: timing only
    Index blocks = 0, repeats = 1;
    PlannedQuantization quantization;
    std::vector<PlannedPart> parts;  ///< in the order of the run, phases first
    double float_macs = 0;           ///< of the float model on the evaluation text
    double float_weights_read = 0;
    double scored_logits = 0;  ///< pairs of logits that are compared
};

/// Which of a run's work others have done.
struct WorkDone {
    int quantized_blocks = 0;  ///< blocks of the model, lm_head counted as one more
    bool has_evaluation = false;
    bool has_float_hidden = false;  ///< what the float model makes of the text
    bool needs_integers = true;     ///< false: those that have the evaluation need no more
    bool codes_on_disk = false;     ///< as QuantizedModel::codes_on_disk
};

/// `sizes` are the layers as quantize_model() gives them without values. One operation after the
/// other as evaluate.cpp, hardware_linear.cpp and hardware_attention.cpp run them; attention's
/// products are counted at their mean length. Throws as choose_mapping().
WorkPlan plan_work(const Config& config, const workloads::LlamaShape& shape,
                   const QuantizedModel& sizes, const WorkDone& done);

/// Traffic and tiles of one product of operands of these widths; `depth_first` as in OperandRef.
PlannedGemm plan_gemm(const models::GemmShape& shape, int weight_bits, int activation_bits,
                      const AccumulatorFormat& accumulator, const models::HardwareConfig& hardware,
                      bool depth_first = false);

}  // namespace axesim::sim
