// SPDX-License-Identifier: Apache-2.0
// The tokenizer that the metadata of a GGUF file describe (`tokenizer.ggml.model` gpt2).
#pragma once

#include "workloads/bpe_spec.h"
#include "workloads/gguf_file.h"

namespace axesim::workloads {

/// Throws UserError naming the file and the metadata key that is missing or wrong, or means
/// something that is not supported (SentencePiece, an unknown way to cut words).
BpeSpec read_gguf_tokenizer(const GgufFile& file);

}  // namespace axesim::workloads
