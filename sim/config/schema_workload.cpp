// SPDX-License-Identifier: Apache-2.0
// workload: the model, what is timed and what is scored.
#include "sim/config/schema_builders.h"

namespace axesim::sim {

namespace {

std::vector<Key> phase_keys() {
    return {
        integer_key("workload.phases.prefill_tokens", {1, 131072}, 512, "tokens",
                    "Length of the prompt: all its tokens pass each layer at once, a matrix "
                    "product that keeps the array busy.",
                    [](Config& c) { return &c.workload.phases.prefill_tokens; }),
        integer_key("workload.phases.decode_tokens", {0, 131072}, 8, "tokens",
                    "Tokens generated after the prompt, one at a time: every weight crosses the "
                    "bus for each, so the DRAM sets the speed. 0: no decode phase.",
                    [](Config& c) { return &c.workload.phases.decode_tokens; }),
        integer_key("workload.phases.batch", {1, 4096}, 1, "sequences",
                    "Sequences that run together and share each weight that is read.",
                    [](Config& c) { return &c.workload.phases.batch; }),
    };
}

std::vector<Key> evaluation_keys() {
    return {
        text_key("workload.evaluation.text", "default",
                 "default (the text that comes with axesim), a UTF-8 text file, or a .npy file of "
                 "token ids",
                 "The text whose perplexity is measured, from values that went through the "
                 "simulated hardware.",
                 [](Config& c) { return &c.workload.evaluation.text; }),
        integer_key("workload.evaluation.tokens", {0, 1e9}, 2048, "tokens",
                    "How much of the text is scored. 0: no evaluation, accuracy is reported as not "
                    "measured.",
                    [](Config& c) { return &c.workload.evaluation.tokens; }),
        integer_key("workload.evaluation.context", {2, 131072}, 512, "tokens",
                    "Window length. Windows do not overlap, and each is scored alone from its "
                    "second token on; perplexities of different windows cannot be compared.",
                    [](Config& c) { return &c.workload.evaluation.context; }),
        integer_key("workload.evaluation.first_token", {0, kNoLimit}, 0, "tokens",
                    "Where in the text the evaluation starts.",
                    [](Config& c) { return &c.workload.evaluation.first_token; }),
    };
}

}  // namespace

std::vector<Key> workload_keys() {
    std::vector<Key> keys{text_key("workload.model", "smollm2-135m",
                                   "a known name, or the path of a .gguf file, of a Hugging Face "
                                   "folder or of a .safetensors file in one; or a name in "
                                   "configs/llama or the path of a .yaml file like those",
                                   "The Llama-family model to quantize and run. A name in "
                                   "configs/llama (llama-3-8b, llama-3.2-1b, ...; without llama- "
                                   "too) means its sizes with random weights, drawn from seed: "
                                   "they are rounded to nearest under the accumulator's "
                                   "constraint, no accuracy is measured, and one block is "
                                   "simulated for all.",
                                   [](Config& c) { return &c.workload.model; }),
                          boolean_key("workload.timing_only", false,
                                      "Simulate the phases without values: no weights are "
                                      "quantized and no sums computed, so that neither overflow "
                                      "nor accuracy is known; cycles, traffic, area and (nominal) "
                                      "energy are those of a run with values, which they do not "
                                      "depend on. For large models, and for sweeps of hardware.",
                                      [](Config& c) { return &c.workload.timing_only; })};
    for (auto* part : {phase_keys, evaluation_keys}) {
        for (Key& key : part()) keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace axesim::sim
