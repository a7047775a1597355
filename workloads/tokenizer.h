// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workloads/llama.h"

namespace axesim::workloads {

/// Text to token ids and back, as the model was trained.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;
    /// Ids of UTF-8 text, without BOS. Special tokens that stand in the text become their ids.
    virtual std::vector<TokenId> encode(std::string_view text) const = 0;
    virtual std::string decode(const std::vector<TokenId>& tokens) const = 0;
    virtual Index vocabulary() const = 0;
};

}  // namespace axesim::workloads
