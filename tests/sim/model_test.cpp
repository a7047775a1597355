// SPDX-License-Identifier: Apache-2.0
// From workload.model to sizes: the tables of configs/llama and their errors, and what a model
// without weights makes of a config.
#include "sim/model.h"

#include "common/files.h"
#include "tests/sim/config_test_support.h"

namespace axesim::sim {
namespace {

using testing_support::ConfigFile;
using testing_support::kLeast;
using workloads::LlamaShape;

std::int64_t parameters(const LlamaShape& shape) {
    std::int64_t block = 2 * shape.hidden;  // norms
    for (const auto kind : workloads::kLinearKinds) {
        block += shape.linear_outputs(kind) * shape.linear_inputs(kind);
    }
    const std::int64_t matrices = shape.tied_embeddings ? 1 : 2;
    return shape.blocks * block + shape.hidden + matrices * shape.vocabulary * shape.hidden;
}

// The numbers of parameters that the model cards and safetensors indices publish.
TEST(Shapes, HaveAsManyParametersAsTheModels) {
    const std::vector<std::pair<std::string, std::int64_t>> published{
        {"llama-2-7b", 6'738'415'616},
        {"llama-3-70b", 70'553'706'496},
        {"llama-3-8b", 8'030'261'248},
        {"llama-3.2-1b", 1'235'814'400},
        {"llama-3.2-3b", 3'212'749'824}};
    std::vector<std::string> names;
    for (const auto& [name, count] : published) {
        names.push_back(name);
        EXPECT_EQ(parameters(load_shape(data_directory() / "configs/llama" / (name + ".yaml"))),
                  count)
            << name;
    }
    EXPECT_EQ(shape_names(), names);
}

const std::string kShape =
    "name: Two\n"
    "shape:\n"
    "  blocks: {value: 2, unit: \"1\", source: test}\n"
    "  hidden: {value: 64, unit: \"1\", source: test}\n"
    "  ffn: {value: 96, unit: \"1\", source: test}\n"
    "  heads: {value: 4, unit: \"1\", source: test}\n"
    "  kv_heads: {value: 2, unit: \"1\", source: test}\n"
    "  head_size: {value: 16, unit: \"1\", source: test}\n"
    "  vocabulary: {value: 100, unit: \"1\", source: test}\n"
    "  context: {value: 128, unit: \"1\", source: test}\n"
    "  rope_base: {value: 10000, unit: \"1\", source: test}\n"
    "  rms_epsilon: {value: 1.0e-5, unit: \"1\", source: test}\n"
    "  tied_embeddings: {value: true, source: test}\n";

std::string shape_with(const std::string& from, const std::string& to) {
    std::string text = kShape;
    return text.replace(text.find(from), from.size(), to);
}

std::string error_of_shape(const std::string& text) {
    const ConfigFile file(text, "sizes.yaml");
    try {
        load_shape(file.path());
    } catch (const UserError& error) {
        std::string message = error.what();
        return message.replace(0, file.path().string().size(), "FILE");
    }
    return "";
}

TEST(Shapes, NameThePlaceOfAMistake) {
    EXPECT_EQ(error_of_shape(kShape), "");
    EXPECT_EQ(error_of_shape(shape_with("value: 96", "value: 96.5")),
              "FILE:5:8: shape.ffn: must be a whole number of at most 16777216");
    EXPECT_EQ(error_of_shape(shape_with("value: 2,", "value: 0,")),
              "FILE:3:19: shape.blocks.value: must be greater than 0");
    EXPECT_EQ(error_of_shape(shape_with("  ffn:", "  fnn:")),
              "FILE:5:3: shape.fnn: no such entry; did you mean ffn?");
    EXPECT_EQ(error_of_shape(shape_with("  ffn: {value: 96, unit: \"1\", source: test}\n", "")),
              "FILE:3:3: shape.ffn: is missing");
    EXPECT_EQ(
        error_of_shape(shape_with("heads: {value: 4", "heads: {value: 3")),
        "FILE:7:13: shape.kv_heads: must divide heads: query heads share key and value heads");
    EXPECT_EQ(error_of_shape(shape_with("value: 16", "value: 15")),
              "FILE:8:14: shape.head_size: must be even: rotary embedding turns pairs");
    EXPECT_EQ(error_of_shape(shape_with("value: true", "value: yes")),
              "FILE:13:28: shape.tied_embeddings.value: must be true or false");
}

TEST(OpenModel, TakesNamesWithAndWithoutLlamaAndPaths) {
    const ConfigFile file(kLeast);
    const ConfigFile sizes(kShape, "sizes.yaml");
    const std::vector<std::pair<std::string, std::string>> names{
        {"llama-3-8b", "Llama-3-8B"}, {"3.2-1b", "Llama-3.2-1B"}, {sizes.path().string(), "Two"}};
    for (const auto& [wanted, name] : names) {
        Config config = load_config(file.path(), {"workload.model=" + wanted});
        const workloads::LoadedModel model = open_model(config);
        EXPECT_TRUE(model.synthetic);
        EXPECT_EQ(model.weights->shape().name, name);
        EXPECT_EQ(config.workload.evaluation.tokens, 0);
    }
    Config config = load_config(file.path(), {"workload.model=llama-3-8c"});
    try {
        open_model(config);
        ADD_FAILURE() << "no error";
    } catch (const UserError& error) {
        EXPECT_NE(std::string(error.what()).find("did you mean llama-3-8b?"), std::string::npos)
            << error.what();
    }
}

TEST(OpenModel, RoundsRandomWeightsUnderTheConstraintThatIsAskedFor) {
    const ConfigFile file(kLeast +
                          "quantizer: {algorithm: optq, accumulator_aware: axe, step_search: true, "
                          "refine_sweeps: 3, bias_correction: true, equalization: rotation}\n"
                          "workload: {model: llama-3.2-1b}\n"
                          "overrides:\n"
                          "  - {layers: \"*.down_proj\", quantizer.algorithm: gpfq, "
                          "number_format.weight_bits: 4}\n");
    Config config = load_config(file.path(), {});
    open_model(config);
    EXPECT_EQ(config.quantizer.algorithm, quant::Algorithm::naive_round);
    EXPECT_EQ(config.quantizer.accumulator_aware, quant::AccumulatorAware::axe);
    EXPECT_EQ(config.quantizer.equalization, quant::Equalization::rotation);
    EXPECT_FALSE(config.quantizer.step_search);
    EXPECT_EQ(config.quantizer.refine_sweeps, 0);
    EXPECT_FALSE(config.quantizer.bias_correction);
    const LayerConfig down = layer_config(config, "model.layers.0.mlp.down_proj");
    EXPECT_EQ(down.quantizer.algorithm, quant::Algorithm::naive_round);
    EXPECT_EQ(down.format.weight_bits, 4);
}

}  // namespace
}  // namespace axesim::sim
