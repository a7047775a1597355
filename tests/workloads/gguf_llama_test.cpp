// SPDX-License-Identifier: Apache-2.0
#include "workloads/gguf_llama.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/workloads/expect_error.h"
#include "tests/workloads/tiny_llama.h"
#include "workloads/model_file.h"

namespace axesim::workloads {
namespace {

GgufLlama open(const GgufWriter& writer, const std::string& name = "tiny.gguf") {
    const TemporaryFile file(name, writer.str());  // may go: the mapping stays
    return GgufLlama(std::make_shared<const GgufFile>(file.path()));
}

void expect_refused(const std::function<void(GgufWriter&)>& spoil,
                    const std::vector<std::string>& parts) {
    GgufWriter writer = TinyLlama().writer();
    spoil(writer);
    expect_user_error([&] { open(writer); }, parts);
}

TEST(GgufLlama, ReadsTheShape) {
    const LlamaShape shape = open(TinyLlama().writer(), "Tiny-3B.Q4_K_M.gguf").shape();
    EXPECT_EQ(shape.name, "Tiny-3B");
    EXPECT_EQ(shape.blocks, 2);
    EXPECT_EQ(shape.hidden, 24);
    EXPECT_EQ(shape.ffn, 32);
    EXPECT_EQ(shape.heads, 4);
    EXPECT_EQ(shape.kv_heads, 2);
    EXPECT_EQ(shape.head_size, 8);
    EXPECT_EQ(shape.vocabulary, TinyLlama::vocabulary());
    EXPECT_EQ(shape.context, 64);
    EXPECT_EQ(shape.rope_base, 500.0);
    EXPECT_NEAR(shape.rms_epsilon, 1e-5, 1e-12);
    EXPECT_TRUE(shape.tied_embeddings);
    EXPECT_FALSE(open(TinyLlama({.tied = false}).writer()).shape().tied_embeddings);
    EXPECT_EQ(open(TinyLlama().writer(), "tiny-f16.gguf").shape().name, "tiny");
    EXPECT_EQ(open(TinyLlama().writer(), "tiny-v2.gguf").shape().name, "tiny-v2");
}

TEST(GgufLlama, NamesTheLayersAsHuggingFaceDoes) {
    EXPECT_EQ(layer_name({3, LinearKind::q_proj}), "model.layers.3.self_attn.q_proj");
    EXPECT_EQ(layer_name({0, LinearKind::o_proj}), "model.layers.0.self_attn.o_proj");
    EXPECT_EQ(layer_name({12, LinearKind::gate_proj}), "model.layers.12.mlp.gate_proj");
    EXPECT_EQ(layer_name({1, LinearKind::down_proj}), "model.layers.1.mlp.down_proj");
}

// The converter of llama.cpp turns Hugging Face's q of shape [heads, 2, size/2, in] into
// [heads, size/2, 2, in]. Here every row holds its own Hugging Face number.
TEST(GgufLlama, PutsRotaryPairsInHuggingFaceOrder) {
    GgufWriter writer = TinyLlama().writer();
    writer.remove("blk.0.attn_k.weight");
    std::vector<float> rows;
    for (int head = 0; head < 2; ++head) {
        for (int pair = 0; pair < 4; ++pair) {
            for (int half = 0; half < 2; ++half) {
                rows.insert(rows.end(), 24, static_cast<float>(head * 8 + half * 4 + pair));
            }
        }
    }
    writer.tensor("blk.0.attn_k.weight", {24, 16}, 0, raw_array(rows));
    const Matrix<float> k = open(writer).linear({0, LinearKind::k_proj});
    for (Index row = 0; row < 16; ++row) EXPECT_EQ(k(row, 5), static_cast<float>(row));
}

TEST(GgufLlama, RefusesWhatItCannotRun) {
    using Writer = GgufWriter;
    const auto replace = [](const std::string& key, std::uint32_t value) {
        return [=](Writer& w) {
            w.remove(key);
            w.integer(key, value);
        };
    };
    expect_refused([](Writer& w) { w.remove("general.architecture"); },
                   {"tiny.gguf", "general.architecture", "missing"});
    expect_refused(
        [](Writer& w) {
            w.remove("general.architecture");
            w.text("general.architecture", "mamba");
        },
        {"tiny.gguf", "'mamba'", "allowed: llama"});
    expect_refused([](Writer& w) { w.remove("llama.block_count"); },
                   {"llama.block_count", "missing"});
    expect_refused(replace("llama.block_count", 3), {"blk.2.attn_norm.weight", "missing"});
    expect_refused(replace("llama.block_count", 4000000000), {"llama.block_count", "4000000000"});
    expect_refused(replace("llama.embedding_length", 48), {"token_embd.weight", "24", "48"});
    expect_refused(replace("llama.attention.head_count", 0), {"llama.attention.head_count"});
    expect_refused(replace("llama.attention.head_count", 5), {"5 heads"});
    expect_refused(replace("llama.rope.dimension_count", 4), {"llama.rope.dimension_count"});
    expect_refused(replace("llama.expert_count", 8), {"mixture of experts"});
    expect_refused([](Writer& w) { w.text("llama.rope.scaling.type", "yarn"); }, {"'yarn'"});
    expect_refused([](Writer& w) { w.remove("blk.1.ffn_up.weight"); },
                   {"blk.1.ffn_up.weight", "missing"});
    expect_refused(
        [](Writer& w) {
            w.remove("blk.1.ffn_up.weight");
            w.tensor("blk.1.ffn_up.weight", {24, 31}, 0, std::string(24 * 31 * 4, '\0'));
        },
        {"blk.1.ffn_up.weight", "31 x 24", "32 x 24"});
    expect_refused(
        [](Writer& w) {
            w.remove("blk.1.ffn_up.weight");
            w.tensor("blk.1.ffn_up.weight", {24, 32}, 16, std::string(500, '\0'));
        },
        {"blk.1.ffn_up.weight", "type number 16", "Q4_1"});
    expect_refused(
        [](Writer& w) { w.tensor("blk.0.attn_q.bias", {32}, 0, std::string(128, '\0')); },
        {"blk.0.attn_q.bias", "not supported"});
}

TEST(GgufLlama, RefusesTokensOutsideTheVocabulary) {
    const GgufLlama model = open(TinyLlama().writer());
    expect_user_error([&] { model.embed(std::vector<TokenId>{1, -1}); }, {"-1"});
    expect_user_error([&] { model.embed(std::vector<TokenId>{262}); }, {"262"});
}

TEST(ModelFile, FindsModelsByNameAndPath) {
    expect_user_error([] { find_model("smollm2-135n"); },
                      {"smollm2-135n", "did you mean smollm2-135m?"});
    expect_user_error([] { find_model("/nowhere/x.gguf"); }, {"/nowhere/x.gguf"});
    expect_user_error([] { find_model("/tmp"); }, {"/tmp", "a folder without a config.json"});
    const TemporaryFile file("there.gguf", "x");
    EXPECT_EQ(find_model(file.path()), file.path());
}

// Points $AXESIM_CACHE to a folder for as long as it lives.
class CacheAt {
public:
    explicit CacheAt(const std::filesystem::path& folder) {
        if (const char* before = getenv("AXESIM_CACHE")) before_ = before;
        setenv("AXESIM_CACHE", folder.c_str(), 1);
    }
    ~CacheAt() {
        if (before_.empty()) {
            unsetenv("AXESIM_CACHE");
        } else {
            setenv("AXESIM_CACHE", before_.c_str(), 1);
        }
    }

private:
    std::string before_;
};

TEST(ModelFile, SaysHowToGetAKnownModel) {
    const TemporaryFile cut(known_models().front().file_name, "GGUF");
    {
        const CacheAt cache(cut.path().parent_path());
        expect_user_error([] { find_model("smollm2-135m"); },
                          {"4 bytes", "98362432", "scripts/fetch_model"});
    }
    const CacheAt cache("/nowhere");
    expect_user_error([] { find_model("smollm2-135m"); }, {"/nowhere/", "scripts/fetch_model"});
}

TEST(ModelFile, AModelWithoutAUsableTokenizerCanStillRun) {
    GgufWriter writer = TinyLlama().writer();
    writer.remove("tokenizer.ggml.model");
    writer.text("tokenizer.ggml.model", "llama");
    const TemporaryFile file("spm.gguf", writer.str());
    const LoadedModel model = load_model(file.path());
    EXPECT_EQ(model.tokenizer->vocabulary(), TinyLlama::vocabulary());
    EXPECT_EQ(model.path, file.path());
    expect_user_error([&] { model.tokenizer->encode("x"); }, {"spm.gguf", "'llama'", ".npy"});
    expect_user_error([&] { model.tokenizer->decode({1}); }, {"spm.gguf", "'llama'", ".npy"});
}

TEST(ModelFile, ATokenizerMayNotExceedTheEmbedding) {
    GgufWriter writer = TinyLlama().writer();
    writer.remove("token_embd.weight");
    writer.tensor("token_embd.weight", {24, 100}, 0, std::string(24 * 100 * 4, '\0'));
    const TemporaryFile file("short.gguf", writer.str());
    expect_user_error([&] { load_model(file.path()); }, {"short.gguf", "262", "100"});
}

}  // namespace
}  // namespace axesim::workloads
