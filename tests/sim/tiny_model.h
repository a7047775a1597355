// SPDX-License-Identifier: Apache-2.0
// A tiny random Llama model with a tokenizer of bytes, loaded as any other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/workloads/tiny_llama.h"
#include "workloads/gguf_llama.h"
#include "workloads/model_file.h"

namespace axesim::sim {

class ByteTokenizer : public workloads::Tokenizer {
public:
    std::vector<workloads::TokenId> encode(std::string_view text) const override {
        return {text.begin(), text.end()};
    }
    std::string decode(const std::vector<workloads::TokenId>&) const override { return ""; }
    Index vocabulary() const override { return 128; }
};

struct Tiny {
    explicit Tiny(const workloads::TinyShape& shape) {
        const workloads::TemporaryFile file("tiny.gguf",
                                            workloads::TinyLlama(shape).writer().str());
        model.weights = std::make_unique<workloads::GgufLlama>(
            std::make_shared<const workloads::GgufFile>(file.path()));
        model.tokenizer = std::make_unique<ByteTokenizer>();
    }
    workloads::LoadedModel model;
};

}  // namespace axesim::sim
