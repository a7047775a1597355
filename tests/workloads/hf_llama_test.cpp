// SPDX-License-Identifier: Apache-2.0
#include "workloads/hf_llama.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "common/files.h"
#include "tests/workloads/expect_error.h"
#include "tests/workloads/hf_folder.h"
#include "workloads/gguf_llama.h"
#include "workloads/model_file.h"

namespace axesim::workloads {
namespace {

using nlohmann::json;

const std::vector<TokenId> kTokens = {5, 261, 0, 97, 97, 200, 13, 64, 128, 31, 7, 250};

Matrix<float> logits_of(const LlamaWeights& weights) {
    const LlamaForward forward(weights);
    FloatLinear linear(weights);
    return forward.logits(forward.hidden_states({kTokens}, linear));
}

Matrix<float> gguf_logits(const GgufWriter& writer) {
    const TemporaryFile file("twin.gguf", writer.str());
    return logits_of(GgufLlama(std::make_shared<const GgufFile>(file.path())));
}

HfLlama open_hf(const std::filesystem::path& path) { return HfLlama(find_hf_files(path)); }

TEST(HfLlama, ComputesWhatTheSameWeightsInGgufDo) {
    const std::vector<TinyShape> shapes = {
        {.exact_in_half = false},
        {.tied = false, .exact_in_half = false},
        {.blocks = 3, .heads = 6, .kv_heads = 1, .head_size = 4, .exact_in_half = false},
    };
    for (const TinyShape& shape : shapes) {
        const TinyLlama tiny(shape);
        Matrix<float> before =
            Matrix<float>::Zero(static_cast<Index>(kTokens.size()), TinyLlama::vocabulary());
        for (const std::string type : {"F32", "F16", "BF16"}) {
            const Matrix<float> expected = gguf_logits(tiny.writer(type));
            EXPECT_FALSE(expected == before) << "rounding to " << type << " shows";
            EXPECT_TRUE(logits_of(open_hf(HfFolder(tiny, type).write())) == expected) << type;
            EXPECT_TRUE(logits_of(open_hf(HfFolder(tiny, type).write(3))) == expected) << type;
            before = expected;
        }
    }
}

TEST(HfLlama, TakesTheRopeOfLlama3) {
    HfFolder folder;
    folder.config["rope_scaling"] = {{"rope_type", "llama3"},
                                     {"factor", 4.0},
                                     {"low_freq_factor", 1.0},
                                     {"high_freq_factor", 4.0},
                                     {"original_max_position_embeddings", 300}};
    const HfLlama model = open_hf(folder.write());
    const std::vector<float>& factors = model.shape().rope_factors;
    ASSERT_EQ(factors.size(), 4U);
    EXPECT_EQ(factors.front(), 1.0F);
    EXPECT_EQ(factors.back(), 4.0F);
    GgufWriter writer = TinyLlama().writer("F32");
    writer.tensor("rope_freqs.weight", {4}, 0, raw_array(factors));
    EXPECT_TRUE(logits_of(model) == gguf_logits(writer));
}

// Llama 3.2's numbers in the published formula, written in frequencies and not in factors.
TEST(HfLlama, ScalesRotaryFrequenciesAsLlama3Does) {
    HfFolder folder(TinyLlama({.hidden = 64, .heads = 1, .kv_heads = 1, .head_size = 64}));
    folder.config["rope_theta"] = 500000.0;
    folder.config["rope_scaling"] = {{"type", "llama3"},
                                     {"factor", 32.0},
                                     {"low_freq_factor", 1.0},
                                     {"high_freq_factor", 4.0},
                                     {"original_max_position_embeddings", 8192}};
    const LlamaShape shape = open_hf(folder.write()).shape();
    EXPECT_EQ(shape.rope_base, 500000.0);
    ASSERT_EQ(shape.rope_factors.size(), 32U);
    int between = 0;
    for (int i = 0; i < 32; ++i) {
        const double frequency = 1.0 / std::pow(500000.0, i / 32.0);
        const double wavelength = 2.0 * std::numbers::pi / frequency;
        double scaled = frequency;
        if (wavelength > 8192.0) {
            scaled = frequency / 32.0;
        } else if (wavelength > 8192.0 / 4.0) {
            const double smooth = (8192.0 / wavelength - 1.0) / (4.0 - 1.0);
            scaled = (1.0 - smooth) * frequency / 32.0 + smooth * frequency;
            ++between;
        }
        EXPECT_NEAR(shape.rope_factors[i] / (frequency / scaled), 1.0, 1e-6) << i;
    }
    EXPECT_GT(between, 1);
}

TEST(HfLlama, ReadsTheShape) {
    HfFolder folder(TinyLlama({.hidden = 24, .heads = 4, .kv_heads = 4, .head_size = 6}));
    for (const char* key : {"head_dim", "num_key_value_heads", "rms_norm_eps", "rope_theta"}) {
        folder.config[key] = nullptr;
    }
    const LlamaShape shape = open_hf(folder.write()).shape();
    EXPECT_EQ(shape.blocks, 2);
    EXPECT_EQ(shape.hidden, 24);
    EXPECT_EQ(shape.ffn, 32);
    EXPECT_EQ(shape.heads, 4);
    EXPECT_EQ(shape.kv_heads, 4);
    EXPECT_EQ(shape.head_size, 6);
    EXPECT_EQ(shape.vocabulary, TinyLlama::vocabulary());
    EXPECT_EQ(shape.context, 64);
    EXPECT_EQ(shape.rope_base, 10000.0);
    EXPECT_EQ(shape.rms_epsilon, 1e-6);
    EXPECT_TRUE(shape.tied_embeddings);
    EXPECT_TRUE(shape.rope_factors.empty());
    folder.config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 250.0}};
    EXPECT_EQ(open_hf(folder.write()).shape().rope_base, 250.0);
}

TEST(HfLlama, TakesItsNameFromWhereItLies) {
    const HfFolder folder;
    const auto name = [](const std::filesystem::path& path) { return find_hf_files(path).name; };
    folder.write();
    folder.write_file("Tiny-3B.safetensors", "");
    EXPECT_EQ(name(folder / ""), (folder / "model").parent_path().filename());
    EXPECT_EQ(name(folder / "model.safetensors"), name(folder / ""));
    EXPECT_EQ(name(folder / "Tiny-3B.safetensors"), "Tiny-3B");
    const auto snapshot = folder / "models--Org--Tiny-1B/snapshots/0123abcd";
    std::filesystem::create_directories(snapshot);
    for (const char* file : {"config.json", "model.safetensors"}) {
        std::filesystem::create_symlink(folder / file, snapshot / file);
    }
    EXPECT_EQ(name(snapshot), "Tiny-1B");
}

TEST(HfLlama, RefusesWhatItCannotCompute) {
    const auto refused = [](const json& patch, const std::vector<std::string>& parts) {
        HfFolder folder;
        folder.config.merge_patch(patch);
        std::vector<std::string> all = parts;
        all.emplace_back("config.json: ");
        folder.write();
        expect_user_error([&] { open_hf(folder / ""); }, all);
    };
    const auto rope = [](const json& scaling) { return json{{"rope_scaling", scaling}}; };
    refused({{"model_type", "mistral"}}, {"model_type", "'mistral'", "allowed: llama"});
    refused({{"architectures", {"LlamaForSequenceClassification"}}},
            {"architectures[0]", "LlamaForCausalLM"});
    refused({{"model_type", nullptr}, {"architectures", nullptr}}, {"model_type", "missing"});
    refused({{"hidden_act", "gelu"}}, {"hidden_act", "'gelu'", "not computed"});
    refused({{"attention_bias", true}}, {"attention_bias", "not computed"});
    refused({{"mlp_bias", true}}, {"mlp_bias", "not computed"});
    refused({{"mlp_bias", 1}}, {"mlp_bias", "neither true nor false"});
    refused({{"quantization_config", {{"bits", 4}}}}, {"quantization_config"});
    for (const std::string kind : {"linear", "dynamic", "yarn", "longrope"}) {
        refused(rope({{"type", kind}, {"factor", 2.0}}),
                {"rope_scaling.type", "'" + kind + "'", "not computed"});
        refused({{"rope_parameters", {{"rope_type", kind}, {"factor", 2.0}}}},
                {"rope_parameters.rope_type", "'" + kind + "'", "not computed"});
    }
    refused(rope({{"factor", 2.0}}), {"rope_scaling.rope_type", "missing"});
    refused(rope({{"rope_type", "llama3"}, {"factor", 8.0}}),
            {"rope_scaling.low_freq_factor", "missing"});
    refused(rope({{"rope_type", "llama3"},
                  {"factor", 8.0},
                  {"low_freq_factor", 4.0},
                  {"high_freq_factor", 4.0},
                  {"original_max_position_embeddings", 8192}}),
            {"rope_scaling.high_freq_factor", "low_freq_factor"});
    refused({{"partial_rotary_factor", 0.5}}, {"partial_rotary_factor", "0.5", "not computed"});
    refused({{"hidden_size", nullptr}}, {"hidden_size", "missing"});
    refused({{"hidden_size", "24"}}, {"hidden_size", "not a number"});
    refused({{"hidden_size", 24.5}}, {"hidden_size", "24.5"});
    refused({{"num_hidden_layers", 0}}, {"num_hidden_layers", "is 0"});
    refused({{"intermediate_size", 4000000000}}, {"intermediate_size", "4000000000"});
    refused({{"num_attention_heads", 5}}, {"num_attention_heads", "num_key_value_heads"});
    refused({{"num_attention_heads", 5}, {"num_key_value_heads", 5}, {"head_dim", nullptr}},
            {"num_attention_heads", "hidden_size"});
    refused({{"head_dim", 7}}, {"head_dim", "even"});
    refused({{"rms_norm_eps", -1.0}}, {"rms_norm_eps", "positive"});
}

TEST(HfLlama, NamesTheTensorThatIsWrong) {
    const auto refused = [](const std::function<void(HfFolder&)>& spoil,
                            const std::vector<std::string>& parts) {
        HfFolder folder;
        spoil(folder);
        folder.write();
        expect_user_error([&] { open_hf(folder / ""); }, parts);
    };
    const std::string up = "model.layers.1.mlp.up_proj.weight";
    refused([&](HfFolder& f) { f.tensors.erase(up); }, {"model.safetensors", up, "missing"});
    refused([](HfFolder& f) { f.config["num_hidden_layers"] = 3; },
            {"model.layers.2.input_layernorm.weight", "missing"});
    refused([](HfFolder& f) { f.config["tie_word_embeddings"] = false; },
            {"model.safetensors", "lm_head.weight", "missing"});
    refused([](HfFolder& f) { f.config["vocab_size"] = 300; },
            {"model.embed_tokens.weight", "262 x 24", "config.json", "300 x 24"});
    refused([&](HfFolder& f) { f.tensors[up].shape = {32 * 24}; }, {up, "is 768,", "32 x 24"});
    refused(
        [&](HfFolder& f) {
            f.tensors[up] = {"I8", {32, 24}, std::string(32 * 24, '\0')};
        },
        {"model.safetensors", up, "type I8", "BF16"});
    refused(
        [](HfFolder& f) {
            f.tensors["model.layers.0.mlp.up_proj.bias"] = {"F32", {0}, ""};
        },
        {"model.layers.0.mlp.up_proj.bias", "not supported"});
    const HfFolder folder;
    const HfLlama model = open_hf(folder.write());
    expect_user_error([&] { model.embed(std::vector<TokenId>{1, -1}); }, {"-1"});
    expect_user_error([&] { model.embed(std::vector<TokenId>{262}); },
                      {"262", "model.safetensors"});
}

TEST(HfLlama, NamesTheFileThatIsWrong) {
    const auto refused = [](const std::function<void(const HfFolder&)>& spoil,
                            const std::vector<std::string>& parts, std::size_t shards = 1) {
        const HfFolder folder;
        folder.write(shards);
        spoil(folder);
        expect_user_error([&] { open_hf(folder / ""); }, parts);
    };
    const auto remove = [](const std::string& name) {
        return [=](const HfFolder& folder) { std::filesystem::remove(folder / name); };
    };
    const auto replace = [](const std::string& name, const std::string& content) {
        return [=](const HfFolder& folder) { folder.write_file(name, content); };
    };
    refused(remove("config.json"), {"config.json", "not there"});
    refused(remove("model.safetensors"), {"model.safetensors", "index.json"});
    refused(replace("config.json", "{\n  \"hidden_size\": 24,\n  oops\n}"),
            {"config.json:3:3", "not JSON"});
    refused(replace("config.json", ""), {"config.json:1:1", "not JSON"});
    refused(replace("config.json", "[1e999]"), {"config.json", "not JSON"});
    refused(replace("config.json", "[]"), {"config.json", "not an object"});
    refused(replace("model.safetensors", "short"), {"model.safetensors", "not a safetensors file"});
    refused(
        [](const HfFolder& folder) {
            const auto path = folder / "model.safetensors";
            std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
        },
        {"model.safetensors", "tensor", "cut short"});
    const std::string second = "model-00002-of-00003.safetensors";
    const std::string index = "model.safetensors.index.json";
    refused(remove(second), {second, "not there", index}, 3);
    refused(replace(second, safetensors_of({})), {second, "no tensor model.layers.0"}, 3);
    refused(replace(index, "{\"weight_map\": {\"a\": 1}}"), {index, "weight_map.a", "not text"}, 3);
    refused(replace(index, "{\"weight_map\": {\"a\": \"../x\"}}"), {index, "weight_map.a"}, 3);
    refused(replace(index, "{}"), {index, "weight_map", "missing"}, 3);
    refused(replace(index, "{\"weight_map\": {}}"), {index, "model.embed_tokens.weight"}, 3);
}

TEST(ModelFile, LoadsHuggingFaceFolders) {
    const HfFolder folder;
    const auto path = folder.write(2);
    EXPECT_EQ(find_model(path), path);
    const LoadedModel model = load_model(path);
    EXPECT_EQ(model.path, path);
    EXPECT_EQ(model.weights->shape().blocks, 2);
    EXPECT_EQ(model.tokenizer->encode("x ab<|end|>"), (std::vector<TokenId>{'x', ' ', 256, 260}));
    std::filesystem::remove(path / "tokenizer.json");
    const LoadedModel silent = load_model(path);
    EXPECT_EQ(silent.tokenizer->vocabulary(), TinyLlama::vocabulary());
    expect_user_error([&] { silent.tokenizer->encode("x"); }, {"tokenizer.json", ".npy"});
}

TEST(ModelFile, LoadsASafetensorsFileBesideItsConfig) {
    const HfFolder folder;
    folder.write();
    std::filesystem::rename(folder / "model.safetensors", folder / "Tiny.safetensors");
    const LoadedModel model = load_model(find_model(folder / "Tiny.safetensors"));
    EXPECT_EQ(model.weights->shape().name, "Tiny");
    EXPECT_EQ(model.tokenizer->vocabulary(), TinyLlama::vocabulary());
}

TEST(ModelFile, AHuggingFaceTokenizerMayNotExceedTheEmbedding) {
    HfFolder folder;
    folder.tokenizer["added_tokens"].push_back({{"id", 262}, {"content", "<more>"}});
    const auto path = folder.write();
    expect_user_error([&] { load_model(path); }, {path.string(), "263", "262"});
}

TEST(ModelFile, DigestsAllThatDecidesTheWeights) {
    const HfFolder folder;
    folder.write(2);
    const auto digest = [&] { return load_model(folder / "").sha256; };
    std::string list;
    for (const char* name :
         {"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}) {
        list += sha256_hex(MappedFile(folder / name).bytes()) + "  " + name + "\n";
    }
    const std::string before = digest();
    EXPECT_EQ(before, sha256_hex(std::as_bytes(std::span(list))));
    folder.write_file("tokenizer.json", "{}");
    EXPECT_EQ(digest(), before);
    folder.write_file("config.json", folder.config.dump(4));
    EXPECT_NE(digest(), before);
    const TemporaryFile gguf("tiny.gguf", TinyLlama().writer().str());
    EXPECT_EQ(load_model(gguf.path()).sha256, sha256_hex(MappedFile(gguf.path()).bytes()));
}

}  // namespace
}  // namespace axesim::workloads
