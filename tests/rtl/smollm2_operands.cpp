// SPDX-License-Identifier: Apache-2.0
// Operands of one layer of SmolLM2 from a forward pass in single precision over the text that comes
// with axesim: rtl_smollm2_operands BLOCK KIND TOKENS BITS FOLDER writes to FOLDER
//   weights.npy     float32 [out, K]
//   inputs.npy      float32 [tokens, K], what flows into the layer
//   codes.npy       int32 [tokens, K], the same as asymmetric codes of BITS bits, one step a token
// Exit status 77: the model is not in the cache.
#include <algorithm>
#include <iostream>

#include "common/error.h"
#include "common/npy.h"
#include "models/compute/activation_quantizer.h"
#include "workloads/llama.h"
#include "workloads/model_file.h"
#include "workloads/scoring.h"
#include "workloads/text.h"

namespace axesim::rtl {
namespace {

using workloads::LinearId;

/// Multiplies in single precision and keeps the input of one layer.
class Watch : public workloads::LinearOperator {
public:
    Watch(const workloads::LlamaWeights& weights, LinearId layer)
        : multiply_(weights), layer_(layer) {}

    void apply(std::span<const LinearId> layers, const workloads::Activations& input,
               std::span<workloads::Activations> outputs) override {
        if (std::find(layers.begin(), layers.end(), layer_) != layers.end()) seen = input.values();
        multiply_.apply(layers, input, outputs);
    }

    Matrix<float> seen;

private:
    workloads::FloatLinear multiply_;
    LinearId layer_;
};

LinearId layer_of(const std::string& block, const std::string& kind) {
    for (const workloads::LinearKind each : workloads::kLinearKinds) {
        if (workloads::kind_name(each) == kind) return {std::stoi(block), each};
    }
    throw UserError("no layer is called " + kind);
}

void write_operands(const workloads::LoadedModel& model, const LinearId& layer, Index tokens,
                    int bits, const std::filesystem::path& folder) {
    const workloads::Text text =
        workloads::load_text("default", workloads::TextPurpose::evaluation, *model.tokenizer);
    Watch watch(*model.weights, layer);
    workloads::LlamaForward(*model.weights)
        .hidden_states(workloads::cut_windows(text, 0, 1, tokens), watch);
    models::ActivationFormat format;
    format.bits = bits;
    write_npy(folder / "weights.npy", model.weights->linear(layer));
    write_npy(folder / "inputs.npy", watch.seen);
    write_npy(folder / "codes.npy", models::quantize_per_token(watch.seen, format).codes);
}

}  // namespace
}  // namespace axesim::rtl

int main(int argc, char** argv) {
    using namespace axesim;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 5) {
        std::cerr << "rtl_smollm2_operands BLOCK KIND TOKENS BITS FOLDER\n";
        return 2;
    }
    workloads::LoadedModel model;
    try {
        model = workloads::load_model(workloads::find_model("smollm2-135m"));
    } catch (const UserError& error) {
        std::cerr << error.what() << '\n';
        return 77;
    }
    rtl::write_operands(model, rtl::layer_of(arguments[0], arguments[1]), std::stol(arguments[2]),
                        std::stoi(arguments[3]), arguments[4]);
    return 0;
}
