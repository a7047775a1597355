// SPDX-License-Identifier: Apache-2.0
// What is stored comes back as it was, and what is not as it was stored never does.
#include "sim/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/files.h"
#include "tests/temporary_directory.h"

namespace axesim::sim {
namespace {

namespace fs = std::filesystem;
using workloads::LinearKind;

const nlohmann::ordered_json kKey = {{"model_sha256", "aa"},
                                     {"config", {{"quantizer", {{"damping", 0.01}}}}}};

workloads::LlamaShape tiny_shape() {
    workloads::LlamaShape shape;
    shape.blocks = 3;
    shape.hidden = 8;
    shape.ffn = 12;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_size = 4;
    shape.vocabulary = 20;
    return shape;
}

/// Block `block` of the tiny model: some layers of 8 bits, some of more, some with static ranges.
Checkpoint::Layers layers_of_block(int block) {
    const workloads::LlamaShape shape = tiny_shape();
    Checkpoint::Layers layers;
    for (const LinearKind kind : workloads::kLinearKinds) {
        const Index rows = shape.linear_outputs(kind), columns = shape.linear_inputs(kind);
        QuantizedLayer layer;
        layer.linear.codes.resize(rows, columns);
        for (Index i = 0; i < rows * columns; ++i) {
            layer.linear.codes.data()[i] = static_cast<std::int16_t>((i * 7 + block) % 251 - 125);
        }
        if (kind == LinearKind::o_proj) layer.linear.codes(0, 0) = -30000;
        for (Index r = 0; r < rows; ++r) layer.linear.step.push_back(0.1 + static_cast<double>(r));
        if (kind == LinearKind::down_proj) {
            layer.input_ranges = StaticRanges{{-1.5F, 2.5F}, {-100.0F, 200.0F}};
            layer.linear.fallback = "no factor";
            layer.linear.bias = std::vector<double>(static_cast<std::size_t>(rows), -0.1);
        }
        layers[{block, kind}] = layer;
    }
    return layers;
}

Matrix<float> hidden_after(int block) {
    return Matrix<float>::Constant(5, 8, 0.1F + static_cast<float>(block));
}

/// Those of blocks 0, 1, ... up to the first that is missing.
Checkpoint::Layers all_layers(const Checkpoint& checkpoint) {
    Checkpoint::Layers all;
    for (int block = 0; block <= tiny_shape().blocks; ++block) {
        Checkpoint::Layers layers = checkpoint.layers(block, tiny_shape());
        if (layers.empty()) break;
        all.merge(layers);
    }
    return all;
}

class CheckpointTest : public ::testing::Test {
protected:
    Checkpoint open(const nlohmann::ordered_json& key = kKey) {
        return {folder_ / "partial", key, progress_};
    }
    void store(int blocks) {
        const Checkpoint checkpoint = open();
        for (int b = 0; b < blocks; ++b) {
            checkpoint.store(b, layers_of_block(b));
            checkpoint.store_state(b + 1, hidden_after(b));
        }
    }
    std::size_t blocks() { return all_layers(open()).size() / 7; }
    bool has_state() { return open().state(5, 8).has_value(); }
    fs::path file(const std::string& name) const { return folder_ / ("partial/" + name); }

    testing::TemporaryDirectory folder_;
    Progress progress_{Progress::Style::none};
};

TEST_F(CheckpointTest, GivesBackWhatWasStored) {
    EXPECT_EQ(blocks(), 0U);
    EXPECT_FALSE(has_state());
    store(2);
    const Checkpoint::Layers layers = all_layers(open());
    ASSERT_EQ(layers.size(), 14U);
    for (const int block : {0, 1}) {
        for (const auto& [id, stored] : layers_of_block(block)) {
            const QuantizedLayer& found = layers.at(id);
            EXPECT_EQ(found.linear.codes, stored.linear.codes);
            EXPECT_EQ(found.linear.step, stored.linear.step);
            EXPECT_EQ(found.linear.bias, stored.linear.bias);
            EXPECT_EQ(found.linear.fallback, stored.linear.fallback);
            ASSERT_EQ(found.input_ranges.has_value(), stored.input_ranges.has_value());
            if (!stored.input_ranges) continue;
            EXPECT_EQ(found.input_ranges->rest.min, -1.5F);
            EXPECT_EQ(found.input_ranges->rest.max, 2.5F);
            EXPECT_EQ(found.input_ranges->first.min, -100.0F);
            EXPECT_EQ(found.input_ranges->first.max, 200.0F);
        }
    }
    const auto state = open().state(5, 8);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->block, 2);
    EXPECT_EQ(state->hidden, hidden_after(1));
    EXPECT_FALSE(open().state(4, 8));
    remove_checkpoint(folder_ / "partial");
    EXPECT_FALSE(fs::exists(folder_ / "partial"));
}

TEST_F(CheckpointTest, TheLastLayerComesBehindAllBlocks) {
    const workloads::LinearId id = tiny_shape().lm_head();
    QuantizedLayer lm_head;
    lm_head.linear.codes = Matrix<std::int16_t>::Constant(20, 8, 3);
    lm_head.linear.step.assign(20, 0.5);
    store(2);
    open().store(id.block, {{id, lm_head}});
    EXPECT_EQ(all_layers(open()).size(), 14U);  // a block before it is missing
    store(3);
    const Checkpoint::Layers layers = all_layers(open());
    ASSERT_EQ(layers.size(), 22U);
    EXPECT_EQ(layers.at(id).linear.codes, lm_head.linear.codes);
    EXPECT_EQ(layers.at(id).linear.step, lm_head.linear.step);
}

TEST_F(CheckpointTest, IsNotUsedForAnotherKeyAndSaysWhatDiffers) {
    store(2);
    nlohmann::ordered_json other = kKey;
    other["config"]["quantizer"]["damping"] = 0.02;
    Progress aloud(Progress::Style::lines);
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(all_layers(Checkpoint(folder_ / "partial", other, aloud)).empty());
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("(config.quantizer.damping differs)"), std::string::npos) << said;
    EXPECT_EQ(blocks(), 0U);  // removed for good
}

TEST_F(CheckpointTest, OfAnotherKeyIsNotUsedEvenBesideTheRightKeyFile) {
    store(1);
    const std::string block = read_text_file(file("block_00000.safetensors"));
    const std::string state = read_text_file(file("state.safetensors"));
    nlohmann::ordered_json other = kKey;
    other["model_sha256"] = "bb";
    open(other);
    std::ofstream(file("block_00000.safetensors"), std::ios::binary) << block;
    std::ofstream(file("state.safetensors"), std::ios::binary) << state;
    EXPECT_TRUE(all_layers(open(other)).empty());
    EXPECT_FALSE(open(other).state(5, 8));
}

TEST_F(CheckpointTest, ADamagedKeyFileStartsAnew) {
    for (const std::string text : {"", "{", "[1]", "{}"}) {
        store(1);
        std::ofstream(file("key.json"), std::ios::trunc) << text;
        EXPECT_EQ(blocks(), 0U) << text;
    }
}

TEST_F(CheckpointTest, EndsBeforeTheFirstBlockThatIsDamagedOrMissing) {
    store(3);
    EXPECT_EQ(blocks(), 3U);
    fs::resize_file(file("block_00002.safetensors"),
                    fs::file_size(file("block_00002.safetensors")) - 1);
    EXPECT_EQ(blocks(), 2U);
    fs::remove(file("block_00001.safetensors"));
    EXPECT_EQ(blocks(), 1U);
}

TEST_F(CheckpointTest, EveryBitCounts) {
    store(1);
    for (const std::string name : {"block_00000.safetensors", "state.safetensors"}) {
        const std::string whole = read_text_file(file(name));
        // All of the header and a sample of the rest.
        for (std::size_t i = 0; i < whole.size(); i += i < 300 ? 1 : 37) {
            std::string damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
            std::ofstream(file(name), std::ios::binary | std::ios::trunc) << damaged;
            EXPECT_FALSE(name[0] == 'b' ? blocks() > 0 : has_state()) << name << " byte " << i;
        }
        std::ofstream(file(name), std::ios::binary | std::ios::trunc) << whole;
    }
    EXPECT_EQ(blocks(), 1U);
    EXPECT_TRUE(has_state());
}

TEST_F(CheckpointTest, KeyKnowsWhatTheIntegersDependOn) {
    Config config;
    config.resolved = {{"name", "a"},
                       {"quantizer", {{"damping", 0.01}}},
                       {"hardware", {{"clock_mhz", 1000}}},
                       {"workload", {{"model", "m"}}}};
    const auto key = checkpoint_key(config, "aa", {{1, 2}, {3, 4}});
    EXPECT_EQ(checkpoint_key(config, "aa", {{1, 2}, {3, 4}}), key);
    EXPECT_NE(checkpoint_key(config, "bb", {{1, 2}, {3, 4}}), key);
    EXPECT_NE(checkpoint_key(config, "aa", {{1, 2, 3, 4}}), key);
    Config other = config;
    other.resolved["name"] = "b";
    other.resolved["hardware"]["clock_mhz"] = 500;
    other.resolved["attention"]["bits"] = 8;
    EXPECT_EQ(checkpoint_key(other, "aa", {{1, 2}, {3, 4}}), key);
    other.resolved["quantizer"]["damping"] = 0.02;
    EXPECT_NE(checkpoint_key(other, "aa", {{1, 2}, {3, 4}}), key);
}

}  // namespace
}  // namespace axesim::sim
