// SPDX-License-Identifier: Apache-2.0
// Finished blocks of a quantization on disk, so that a run that was cut short (killed, full disk)
// goes on after them. One file a block with its layers, and one with the hidden state in front of
// a block behind finished ones. A file that is cut short, damaged or of another run counts as
// missing.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/progress.h"
#include "sim/calibrate.h"
#include "sim/config/config.h"
#include "workloads/llama.h"

namespace axesim::sim {

/// What of a resolved config decides the integers. Whatever is new in a config counts, until it is
/// known not to.
nlohmann::ordered_json integers_config(const nlohmann::ordered_json& resolved);

/// Everything that the integers depend on: what the config says of numbers and quantizer, the
/// program, the model and the calibration tokens. Checkpoints of another key are never used.
nlohmann::ordered_json checkpoint_key(
    const Config& config, const std::string& model_sha256,
    const std::vector<std::vector<workloads::TokenId>>& calibration);

class Checkpoint {
public:
    using Layers = std::map<workloads::LinearId, QuantizedLayer>;

    /// Hidden state in front of a block.
    struct State {
        int block = 0;
        Matrix<float> hidden;
    };

    /// Makes the folder if need be. What is in it but has another key is removed, which
    /// progress.note() tells with the reason. Throws RunError when the folder cannot be written.
    Checkpoint(std::filesystem::path folder, const nlohmann::ordered_json& key, Progress& progress);

    /// Files of finished blocks in a folder of this key, 0 where it is of another or not there.
    /// Neither reads them nor changes anything.
    static int finished_blocks(const std::filesystem::path& folder,
                               const nlohmann::ordered_json& key);

    /// The layers of a block, none when it is not there or does not have the shape of the model;
    /// lm_head, where it was stored, is the block behind the last. Their certificates are left
    /// empty.
    Layers layers(int block, const workloads::LlamaShape& shape) const;
    /// The newest state; none when it is not there or is not [rows, columns].
    std::optional<State> state(Index rows, Index columns) const;

    /// Stores those of the layers that are of `block`. Throws RunError.
    void store(int block, const Layers& layers) const;
    /// Stores the hidden state in front of `block`, in place of an earlier one. Throws RunError.
    void store_state(int block, const Matrix<float>& hidden) const;
    /// Once all blocks are stored, nobody goes on from the state, which is large. Never fails.
    void remove_state() const;

private:
    bool has_same_key(const nlohmann::ordered_json& key, Progress& progress) const;
    static std::filesystem::path block_file(const std::filesystem::path& folder, int block);

    std::filesystem::path folder_;
    std::string key_sha256_;
};

/// Ends a run whose results are written. Never fails.
void remove_checkpoint(const std::filesystem::path& folder);

}  // namespace axesim::sim
