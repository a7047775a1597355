// SPDX-License-Identifier: Apache-2.0
// The tokenizer that a tokenizer.json of type BPE describes: byte-level as those of Llama 3 and
// SmolLM2, or on characters as Llama 2's.
// Format: https://github.com/huggingface/tokenizers, tokenizers/src (serialization of each part).
#pragma once

#include <filesystem>

#include "workloads/bpe_spec.h"

namespace axesim::workloads {

/// Throws UserError naming the file and the key that is missing or wrong, or means something that
/// is not supported. The parts that do not matter for encoding without BOS (post_processor,
/// truncation, padding) are not looked at.
BpeSpec read_hf_tokenizer(const std::filesystem::path& path);

}  // namespace axesim::workloads
