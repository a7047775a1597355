// SPDX-License-Identifier: Apache-2.0
// The float forward pass over windows of a text, hidden states only, for comparison with other
// programs on the same model, on one thread.
//   float_forward MODEL TOKENS WINDOWS      prints tokens a second of the fastest window as JSON
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "common/stopwatch.h"
#include "workloads/model_file.h"
#include "workloads/text.h"

int main(int argc, char** argv) {
    using namespace axesim;
    if (argc != 4) {
        std::cerr << "float_forward MODEL TOKENS WINDOWS\n";
        return 2;
    }
    try {
        const workloads::LoadedModel model = workloads::load_model(argv[1]);
        const workloads::Text text =
            workloads::load_text("default", workloads::TextPurpose::evaluation, *model.tokenizer);
        const auto windows =
            workloads::cut_windows(text, 0, std::stoll(argv[3]), std::stoll(argv[2]));
        const workloads::LlamaForward forward(*model.weights);
        workloads::FloatLinear linear(*model.weights);
        double least = 1e300, checked = 0;
        for (const auto& window : windows) {
            const ProcessorStopwatch stopwatch;
            checked += forward.hidden_states({window}, linear).sum();
            least = std::min(least, stopwatch.seconds());
        }
        std::cout << nlohmann::json(
                         {{"tokens_per_second", std::stod(argv[2]) / least}, {"sum", checked}})
                  << '\n';
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
