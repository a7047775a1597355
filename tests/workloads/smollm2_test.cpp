// SPDX-License-Identifier: Apache-2.0
// The default model against PyTorch and Hugging Face's tokenizer. These tests need the model
// (scripts/fetch_model), some also data that does not come with the source.
#include <gtest/gtest.h>
#include <omp.h>

#include <nlohmann/json.hpp>

#include "common/error.h"
#include "common/files.h"
#include "common/npy.h"
#include "workloads/model_file.h"
#include "workloads/scoring.h"
#include "workloads/text.h"

namespace axesim::workloads {
namespace {

const std::filesystem::path kWikiText = AXESIM_SOURCE_DIR "/../shared/data/wikitext-2";
const std::filesystem::path kOwnData = AXESIM_SOURCE_DIR "/tests/workloads/data";

class SmolLm2 : public testing::Test {
protected:
    void SetUp() override {
        try {
            model_ = load_model(find_model("smollm2-135m"));
        } catch (const UserError& error) {
            GTEST_SKIP() << error.what();
        }
    }

    LoadedModel model_;
};

class SmolLm2WikiText : public SmolLm2 {
protected:
    void SetUp() override {
        SmolLm2::SetUp();
        if (!std::filesystem::exists(kWikiText)) GTEST_SKIP() << "no " << kWikiText.string();
        if (IsSkipped()) return;
        reference_ = nlohmann::json::parse(read_text_file(kWikiText / "reference.json"));
    }

    void expect_perplexity(std::size_t window) {
        const auto& expected = reference_.at("windows").at(window);
        const Text text = load_text(kWikiText / "valid_smollm2_tokens.npy", TextPurpose::evaluation,
                                    *model_.tokenizer);
        const Index count = expected.at("tokens").get<Index>() / 512;
        const auto windows = cut_windows(text, expected.at("first_token"), count, 512);
        const LlamaForward forward(*model_.weights);
        FloatLinear linear(*model_.weights);
        const Matrix<float> hidden = forward.hidden_states(windows, linear);
        const PredictionScore score = score_windows(forward, hidden, windows);
        EXPECT_EQ(score.tokens, expected.at("predicted"));
        const double perplexity = expected.at("perplexity");
        EXPECT_NEAR(score.perplexity(), perplexity, 0.001 * perplexity);
        RecordProperty("perplexity", std::to_string(score.perplexity()));
    }

    nlohmann::json reference_;
};

TEST_F(SmolLm2, HasTheExpectedShape) {
    const LlamaShape& shape = model_.weights->shape();
    EXPECT_EQ(shape.name, "SmolLM2-135M-Instruct");
    EXPECT_EQ(shape.blocks, 30);
    EXPECT_EQ(shape.hidden, 576);
    EXPECT_EQ(shape.ffn, 1536);
    EXPECT_EQ(shape.heads, 9);
    EXPECT_EQ(shape.kv_heads, 3);
    EXPECT_EQ(shape.head_size, 64);
    EXPECT_EQ(shape.vocabulary, 49152);
    EXPECT_EQ(shape.rope_base, 100000.0);
    EXPECT_TRUE(shape.tied_embeddings);
    EXPECT_EQ(model_.tokenizer->vocabulary(), 49152);
}

// Expected ids: make_multilingual_tokens.py.
TEST_F(SmolLm2, TokenizesManyScriptsAsHuggingFaceDoes) {
    const std::string text = read_text_file(kOwnData / "multilingual.txt");
    const auto tokens = model_.tokenizer->encode(text);
    const auto expected = read_npy_integer(kOwnData / "multilingual_tokens.npy");
    ASSERT_EQ(static_cast<Index>(tokens.size()), expected.cols());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        ASSERT_EQ(tokens[i], expected(0, static_cast<Index>(i))) << "token " << i;
    }
}

// All but the bytes that have no token: here, six control characters.
TEST_F(SmolLm2, DecodesWhatItEncoded) {
    std::string text = read_text_file(kOwnData / "multilingual.txt");
    const auto tokens = model_.tokenizer->encode(text);
    std::erase_if(text, [](char c) {
        return std::string_view("\x04\x06\x13\x14\x16\x1d").find(c) != std::string_view::npos;
    });
    EXPECT_EQ(model_.tokenizer->decode(tokens), text);
}

TEST_F(SmolLm2WikiText, TokenizesWikiTextAsHuggingFaceDoes) {
    const Text text =
        load_text(kWikiText / "valid.txt", TextPurpose::evaluation, *model_.tokenizer);
    const auto expected = read_npy_integer(kWikiText / "valid_smollm2_tokens.npy");
    ASSERT_EQ(text.tokens.size(), 273868U);
    ASSERT_EQ(static_cast<Index>(text.tokens.size()), expected.cols());
    for (std::size_t i = 0; i < text.tokens.size(); ++i) {
        ASSERT_EQ(text.tokens[i], expected(0, static_cast<Index>(i))) << "token " << i;
    }
    EXPECT_EQ(model_.tokenizer->decode(text.tokens), read_text_file(kWikiText / "valid.txt"));
}

TEST_F(SmolLm2WikiText, PerplexityEqualsPyTorch) { expect_perplexity(0); }
TEST_F(SmolLm2WikiText, PerplexityOfLaterTextEqualsPyTorch) { expect_perplexity(1); }
TEST_F(SmolLm2WikiText, SlowPerplexityOfLongTextEqualsPyTorch) { expect_perplexity(2); }

TEST_F(SmolLm2WikiText, BestLogitsEqualPyTorch) {
    const auto& expected = reference_.at("logits");
    const std::vector<TokenId> tokens = expected.at("input_ids");
    const LlamaForward forward(*model_.weights);
    FloatLinear linear(*model_.weights);
    const Matrix<float> hidden = forward.hidden_states({tokens}, linear);
    const Matrix<float> logits = forward.logits(hidden.bottomRows(1));
    std::vector<float> row(logits.data(), logits.data() + logits.size());
    const auto& ids = expected.at("top5_of_last").at("ids");
    const auto& values = expected.at("top5_of_last").at("values");
    for (std::size_t rank = 0; rank < 5; ++rank) {
        const TokenId best = argmax(row);
        EXPECT_EQ(best, ids[rank]);
        EXPECT_NEAR(row[static_cast<std::size_t>(best)], values[rank].get<float>(), 1e-3);
        row[static_cast<std::size_t>(best)] = -1e30F;
    }
}

TEST_F(SmolLm2, DecodingEqualsPrefillForAnyNumberOfThreads) {
    const Text text = load_text("default", TextPurpose::evaluation, *model_.tokenizer);
    const auto windows = cut_windows(text, 0, 2, 140);
    const LlamaForward forward(*model_.weights);
    FloatLinear linear(*model_.weights);
    const int before = omp_get_max_threads();
    omp_set_num_threads(2);
    const Matrix<float> hidden = forward.hidden_states(windows, linear);
    omp_set_num_threads(1);
    EXPECT_TRUE(forward.hidden_states(windows, linear) == hidden);
    omp_set_num_threads(before);
    KvCache cache(model_.weights->shape(), 2);
    const auto part = [&](Index first, Index count) {
        std::vector<std::vector<TokenId>> cut;
        for (const auto& window : windows) {
            cut.emplace_back(window.begin() + first, window.begin() + first + count);
        }
        return forward.hidden_states(cut, linear, cache);
    };
    part(0, 138);
    for (Index position = 138; position < 140; ++position) {
        const Matrix<float> decoded = part(position, 1);
        for (Index s = 0; s < 2; ++s) {
            const auto expected = hidden.row(140 * s + position);
            EXPECT_LT((decoded.row(s) - expected).norm(), 1e-4 * expected.norm());
        }
    }
}

}  // namespace
}  // namespace axesim::workloads
