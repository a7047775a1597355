// SPDX-License-Identifier: Apache-2.0
// What runs that compute with the same integers have in common, in a folder that they share: the
// integers themselves (checkpoint.h), what the float model makes of the text, and what the text
// showed on the simulated hardware. Entries are named after everything that they depend on, whole
// or not there, and read back only when not a bit has changed.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/matrix.h"
#include "reports/result.h"
#include "sim/calibrate.h"
#include "sim/layer_record.h"
#include "workloads/text.h"

namespace axesim::sim {

/// What of a resolved config decides which values the hardware computes, and so accuracy and
/// overflow. Dataflow, mapping, buffers, DRAM, interface, clock and technology do not. Whatever is
/// new in a config counts, until it is known not to.
nlohmann::ordered_json values_config(const nlohmann::ordered_json& resolved);

/// Everything that accuracy and overflow depend on, but for the program: values_config() with
/// models and texts by their contents, so that it is the same on every machine.
nlohmann::ordered_json arithmetic_key(const Config& config, const std::string& model_sha256,
                                      const std::string& calibration_text_sha256,
                                      const workloads::Text& evaluation);

/// What the evaluation text showed, and what is proven of the integers. Who finds it there need
/// neither simulate any values nor read the integers.
struct Evaluation {
    reports::Accuracy accuracy;
    LayerRecords layers;  ///< mapping, format and counts are not kept
    LayerProofs proofs;
};

class SharedWork {
public:
    /// Keeps nothing and has nothing.
    SharedWork() = default;
    /// In `folder`, for runs of this key (arithmetic_key).
    SharedWork(std::filesystem::path folder, const nlohmann::ordered_json& arithmetic);

    /// Makes the folders for what is stored. Throws UserError when nothing can be written there.
    static void make_folders(const std::filesystem::path& folder);
    /// Where checkpoints of quantization go: shared too.
    static CheckpointPlace checkpoints(const std::filesystem::path& folder);

    /// Hidden states of the float model on the evaluation windows, [rows, columns].
    std::optional<Matrix<float>> float_hidden(Index rows, Index columns);
    std::optional<Evaluation> evaluation();

    /// After make_folders(). Throw RunError.
    void store_float_hidden(const Matrix<float>& hidden) const;
    void store(const Evaluation& evaluation) const;

    /// What was found here, in words, for reports::Host::reused.
    const std::vector<std::string>& reused() const { return reused_; }

private:
    std::filesystem::path folder_;  ///< empty: none
    std::string float_sha256_, evaluation_sha256_;
    std::vector<std::string> reused_;
};

}  // namespace axesim::sim
